"""What is indexed of the passages and of the releases of a catalogue, by number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from qa_service.engines import Entry
from qa_service.index.catalogue_writing import CatalogueWriter, facets_of
from qa_service.index.keys import BITS, SHARED
from qa_service.passages import in_context, in_words, is_quotable
from qa_service.types import Numbers


@dataclass(frozen=True, slots=True)
class PassageTexts:
    """Those of quotable passages; ``advance`` is told how many more were asked for."""

    catalogue: CatalogueWriter
    titles: bool
    advance: Callable[[int], object]

    def between(self, first: int, end: int) -> Iterator[Entry]:
        """Those with numbers from ``first``, below ``end``, ascending."""
        found = []
        low = first >> SHARED << SHARED
        high = min(1 << BITS, -(-end >> SHARED) << SHARED)
        for number, release in self.catalogue.releases_between(low, high):
            facets = facets_of(number, release)
            found += [
                Entry(n, number, in_context(one, release, self.titles), facets)
                for n, one in self.catalogue.passages_of(number, release)
                if first <= n < end and is_quotable(release, one)
            ]
        found.sort(key=lambda entry: entry.number)
        for entry in found:
            self.advance(1)
            yield entry

    def of(self, numbers: Numbers) -> Iterator[Entry]:
        """Those with one of these numbers, which ascend."""
        wanted = set(numbers.tolist())
        for run in np.split(numbers, np.flatnonzero(np.diff(numbers >> SHARED)) + 1):
            if len(run):
                near = self.between(int(run[0]), int(run[-1]) + 1)
                yield from (entry for entry in near if entry.number in wanted)


@dataclass(frozen=True, slots=True)
class ReleaseTexts:
    """Those of whole releases; ``advance`` is told how many more were asked for."""

    catalogue: CatalogueWriter
    titles: bool
    advance: Callable[[int], object]

    def between(self, first: int, end: int) -> Iterator[Entry]:
        """Those with numbers from ``first``, below ``end``, ascending."""
        for number, release in self.catalogue.releases_between(first, end):
            self.advance(1)
            yield Entry(number, number, in_words(release, self.titles), facets_of(number, release))

    def of(self, numbers: Numbers) -> Iterator[Entry]:
        """Those with one of these numbers, which ascend."""
        for number in numbers.tolist():
            yield from self.between(number, number + 1)
