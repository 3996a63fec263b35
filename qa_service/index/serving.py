"""The generation that a running server answers from, exchanged without anyone noticing."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qa_service.errors import AnswersPaused, GenerationCorrupt, GenerationMissing, QaError
from qa_service.index.generation import Engines, Generation
from qa_service.index.manifest import Digests
from qa_service.index.pausing import pause_message
from qa_service.index.publishing import current_id, verify

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """An open generation and the number of those who use it, the server itself included."""

    generation: Generation
    users: int = 1


class Serving:
    """Follows ``CURRENT``. A request takes the generation once and keeps it to its end.

    A new generation is opened and tried (``canary``) beside the old one before it is served; one
    that fails leaves the old one serving, and :attr:`problem` says why.
    """

    def __init__(
        self, index: Path, engines: Engines, canary: Callable[[Generation], object]
    ) -> None:
        self._index = index
        self._engines = engines
        self._canary = canary
        self._digests = Digests()
        self._held: _Held | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: QaError | None = GenerationMissing(
            "the index is being opened: try again soon"
        )

    def start(self, poll_s: float) -> None:
        """Open what is current and follow it every ``poll_s`` seconds."""
        self.refresh()
        self._thread = threading.Thread(target=self._follow, args=(poll_s,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and close when the last request is done."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        self._replace(None)

    @contextlib.contextmanager
    def generation(self) -> Iterator[Generation]:
        """The generation to answer one request from.

        Raises:
            GenerationError: none could be opened yet.
        """
        with self._lock:
            held = self._held
            if held is None:
                raise self.problem or GenerationMissing("the server is stopping")
            held.users += 1
        try:
            yield held.generation
        finally:
            self._release(held)

    @property
    def pause_message(self) -> str | None:
        """What to say while answers are switched off; ``None``: they are on."""
        return pause_message(self._index)

    def check_answering(self) -> None:
        """Refuse to answer while answers are switched off.

        Raises:
            AnswersPaused: with what was to be said.
        """
        message = self.pause_message
        if message is not None:
            raise AnswersPaused(message)

    def refresh(self) -> None:
        """Exchange the generation if ``CURRENT`` names another; keep the old one on any failure."""
        try:
            wanted = current_id(self._index)
            if self._held is None or self._held.generation.generation_id != wanted:
                self._replace(_Held(self._tried(wanted)))
                log.info("serving %s", wanted)
            if self._held is not None:
                self._held.generation.check()
            self.problem = None
        except Exception as error:  # whatever a damaged file provokes, following goes on
            problem = (
                error
                if isinstance(error, QaError)
                else GenerationCorrupt(
                    f"{self._index}: {type(error).__name__}: {error}; `qa verify` names what is damaged"
                )
            )
            if str(problem) != str(self.problem):
                log.warning("cannot serve what is current: %s", problem)
            self.problem = problem

    def _tried(self, generation_id: str) -> Generation:
        verify(self._index, generation_id, self._digests)
        self._digests.forget_others()
        generation = Generation(self._index / generation_id, self._engines)
        try:
            self._canary(generation)
        except BaseException:
            generation.close()
            raise
        return generation

    def _follow(self, poll_s: float) -> None:
        while not self._stopped.wait(poll_s):
            self.refresh()

    def _replace(self, held: _Held | None) -> None:
        with self._lock:
            old, self._held = self._held, held
        if old is not None:
            self._release(old)

    def _release(self, held: _Held) -> None:
        with self._lock:
            held.users -= 1
            unused = held.users == 0
        if unused:
            held.generation.close()
