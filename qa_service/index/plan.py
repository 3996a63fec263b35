"""What a build is asked, what it says while it works, and what it reports."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qa_service.corpus import Limits, ReadingOptions
from qa_service.index.manifest import Manifest
from qa_service.index.sources import FileChanges
from qa_service.passages import PassageSettings


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What to build a generation from and with."""

    corpus: Path
    index: Path
    embedder_name: str
    query_prefix: str | None
    passage_prefix: str | None
    dense: str
    lexical: str
    passages: PassageSettings
    index_titles: bool
    reading: ReadingOptions
    limits: Limits
    cache_max_bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many were put in and taken out, beside the last generation; a changed one counts as both."""

    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did and what it cost.

    ``embedded`` counts the passages whose vectors were not in the cache; ``whole`` says why everything
    was built and not only what changed, and is empty if that was not so; ``took_s``: seconds by step.
    """

    manifest: Manifest
    unchanged: bool
    embedded: int
    files: FileChanges = field(default_factory=FileChanges)
    releases: Counts = field(default_factory=Counts)
    passages: Counts = field(default_factory=Counts)
    whole: str = ""
    took_s: dict[str, float] = field(default_factory=dict)


class Clock:
    """Adds up the seconds of each step."""

    def __init__(self) -> None:
        self.took_s: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Count what is done inside as this step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.took_s[step] = round(self.took_s.get(step, 0.0) + spent, 3)
