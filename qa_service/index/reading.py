"""Changed files into a catalogue: what they have that it has not, and what they no longer have."""

import heapq
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from qa_service.corpus import Exclusions, Outcome, order_of, read_each, read_exclusions, second
from qa_service.engines import Bar, Progress
from qa_service.index.catalogue_writing import CatalogueWriter, digest_of
from qa_service.index.plan import BuildPlan
from qa_service.index.releases_table import FILE
from qa_service.index.sources import FileChanges, Source, printable
from qa_service.types import LeftOut, Reading, Release, Withdrawn


def begin_catalogue(staged: Path, old: Path | None) -> CatalogueWriter:
    """A catalogue in ``staged``: that of the generation ``old``, or an empty one."""
    if old is not None:
        shutil.copyfile(old / FILE, staged / FILE)
    return CatalogueWriter(staged)


def read_changes(
    catalogue: CatalogueWriter,
    sources: Mapping[str, Source],
    changes: FileChanges,
    plan: BuildPlan,
    progress: Progress,
) -> None:
    """Bring the catalogue up to date with the files.

    Of releases with the same id the one of the first file counts, whichever was there earlier. So files
    that lost a release to another one are read again each time.
    """
    for name in (*changes.removed, *(old for old, _ in changes.renamed)):
        catalogue.drop_file(name)
    exclusions = read_exclusions(plan.corpus)
    again = catalogue.unsettled() | catalogue.excluded_otherwise(exclusions)
    new = (name for _, name in changes.renamed)
    todo = sorted({*changes.added, *changes.changed, *new, *(again & sources.keys())}, key=order_of)
    with progress("reading releases", None) as bar:
        _Reader(catalogue, sources, plan, exclusions, bar).read(todo)


class _Reader:
    """Reads files in the order of the corpus; one that loses a release to an earlier one is added."""

    def __init__(
        self,
        catalogue: CatalogueWriter,
        sources: Mapping[str, Source],
        plan: BuildPlan,
        exclusions: Exclusions,
        bar: Bar,
    ) -> None:
        self._catalogue = catalogue
        self._sources = sources
        self._plan = plan
        self._exclusions = exclusions
        self._bar = bar
        self._planned: set[str] = set()
        self._losers: list[tuple[tuple[str, int, str], str]] = []

    def read(self, todo: list[str]) -> None:
        """Read these files, in order, and those that it turns out to take."""
        self._planned.update(todo)
        for name, outcomes in zip(todo, self._outcomes(todo), strict=True):
            while self._losers and self._losers[0][0] < order_of(name):
                self._read_loser()
            self._take(name, outcomes)
        while self._losers:
            self._read_loser()

    def _outcomes(self, names: list[str]) -> Iterator[tuple[Outcome, ...]]:
        files = (self._sources[name].file for name in names)
        return read_each(files, self._plan.reading, self._plan.limits)

    def _read_loser(self) -> None:
        _, name = heapq.heappop(self._losers)
        [outcomes] = self._outcomes([name])
        self._take(name, outcomes)

    def _take(self, name: str, outcomes: tuple[Outcome, ...]) -> None:
        left_out: list[tuple[str, str, str]] = []
        gone = set(self._catalogue.ids_of_file(name))
        seen: dict[str, str] = {}
        clashes = False
        for outcome in outcomes:
            self._bar.update(1)
            if isinstance(outcome, LeftOut):
                left_out.append((printable(outcome.source), outcome.reason, outcome.copy_of))
                continue
            release = outcome.release if isinstance(outcome, Reading) else outcome
            taken_by = seen.get(release.release_id) or self._put(release, name)
            if taken_by:
                clashes = True
                one = second(release, taken_by, self._catalogue.text_of(release.release_id))
                left_out.append((printable(one.source), one.reason, one.copy_of))
            else:
                seen[release.release_id] = release.source
        for release_id in gone - seen.keys():
            self._catalogue.remove(release_id)
        self._catalogue.put_file(name, self._sources[name].digest, left_out, clashes)

    def _put(self, release: Release | Withdrawn, name: str) -> str:
        """Put it into the catalogue; gives the source that has its id already, if that is an earlier."""
        why = self._exclusions.reason(release) if isinstance(release, Release) else ""
        owner = self._catalogue.owner(release.release_id)
        if owner is not None:
            if order_of(owner.file) < order_of(name):
                return owner.source
            if owner.file == name and not why and owner.digest == digest_of(release):
                if owner.source != release.source:
                    self._catalogue.move(release.release_id, release.source)
                return ""
            self._catalogue.remove(release.release_id)
            if owner.file not in {name, *self._planned}:
                self._planned.add(owner.file)
                heapq.heappush(self._losers, (order_of(owner.file), owner.file))
        if isinstance(release, Withdrawn):
            self._catalogue.withdraw(release, name, excluded=False)
        elif why:
            one = Withdrawn(release.release_id, release.title, why, release.source)
            self._catalogue.withdraw(one, name, excluded=True)
        else:
            self._catalogue.add(release, name, self._plan.passages)
        return ""
