"""Waits for changes of the corpus, and for their end: a copy in progress is no release yet."""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

from qa_service.corpus import check_there

LONGEST_MS = 600_000
"""Changes that never pause are taken up after ten minutes."""


def settled(corpus: Path, settle_s: float) -> Iterator[None]:
    """Now, and each time that something changed and then nothing for ``settle_s`` seconds.

    A signal that interrupts ends it.

    Raises:
        CorpusError: there is no such folder.
    """
    from watchfiles import Change, watch

    check_there(corpus)
    folder = corpus.resolve()

    def is_meant(_change: Change, path: str) -> bool:
        below = Path(path).relative_to(folder) if Path(path).is_relative_to(folder) else Path()
        return not any(part.startswith(".") for part in below.parts)

    yield
    watched = watch(
        folder,
        watch_filter=is_meant,
        debounce=LONGEST_MS,
        step=round(settle_s * 1000),
        rust_timeout=round(settle_s * 1000),
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for first, changes in zip(chain([True], repeat(False)), watched, strict=False):
        if first or changes:  # what changed before watching began left no notice
            yield
