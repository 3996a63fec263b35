"""A published generation, opened for reading."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qa_service.engines import Allowed, DenseIndex, Embedder, LexicalIndex
from qa_service.index.catalogue import Catalogue
from qa_service.index.manifest import EmbedderSpec, Manifest, check_sizes, read_manifest
from qa_service.index.publishing import current_id, holding
from qa_service.types import Filters, Numbers, Passage, Release

DENSE = "dense"
LEXICAL = "lexical"
RELEASES = "releases"


@dataclass(frozen=True, slots=True)
class Engines:
    """How to make the parts of a generation; filled by ``qa_service.wiring``."""

    embedder: Callable[[EmbedderSpec], Embedder]
    dense: Callable[[str], type[DenseIndex]]
    lexical: Callable[[str], type[LexicalIndex]]


class Generation:
    """One generation with everything a search needs. Close it when the last reader is done."""

    def __init__(self, folder: Path, engines: Engines) -> None:
        """Open ``folder``.

        Raises:
            GenerationMissing: it is gone.
            GenerationCorrupt: a file is missing, has the wrong size, or cannot be opened.
            GenerationMismatch: it needs an embedder that is not here.
        """
        with contextlib.ExitStack() as opened:
            opened.enter_context(holding(folder))
            self.manifest: Manifest = read_manifest(folder)
            check_sizes(folder, self.manifest)
            recipe = self.manifest.recipe
            self.catalogue = Catalogue(folder)
            opened.callback(self.catalogue.close)
            self.embedder = engines.embedder(self.manifest.embedder)
            self.dense = engines.dense(recipe.dense).open(folder / DENSE)
            self.lexical = engines.lexical(recipe.lexical).open(folder / LEXICAL)
            self.releases = engines.lexical(recipe.lexical).open(folder / RELEASES)
            self._opened = opened.pop_all()

    @property
    def generation_id(self) -> str:
        """The id under which it was published."""
        return self.manifest.generation_id

    def close(self) -> None:
        """Let go of the files; a prune may remove them now."""
        self._opened.close()

    def release(self, release_id: str) -> Release:
        """One release, or :class:`~qa_service.errors.NotFound`."""
        return self.catalogue.release(release_id)

    def passage(self, passage_id: str) -> Passage:
        """One passage, or :class:`~qa_service.errors.NotFound`."""
        return self.catalogue.passage(passage_id)

    def passages_of(self, release_id: str) -> list[Passage]:
        """The passages of a release in the order of its text."""
        return self.catalogue.passages_of(release_id)

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number."""
        return self.catalogue.passage_ids(numbers)

    def release_numbers(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages by number."""
        return self.catalogue.release_numbers(numbers)

    def allowed(self, filters: Filters) -> Allowed | None:
        """What the filters let through; ``None`` means everything."""
        return self.catalogue.allowed(filters)


def open_current(index: Path, engines: Engines) -> Generation:
    """Open the generation that ``CURRENT`` names.

    Raises:
        GenerationError: nothing is published, or it cannot be used.
    """
    return Generation(index / current_id(index), engines)
