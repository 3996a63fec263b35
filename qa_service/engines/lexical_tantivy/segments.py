"""Which segments an index of words has, and which of them a change leaves as they are.

Buckets of neighbouring numbers hold what a whole index is written of. What is added later stands in
segments beside them, each a few times as large as the next, so that one release more writes about one
release. What is removed takes its bucket with it, which is written anew: a weight must not count a word
that is gone.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.linking import link
from qa_service.types import Numbers

FILE = "segments.json"
BITS = 63
"""Numbers are below ``2 ** BITS``."""

SPARSE = 18.0
"""Buckets are the square root of the passages over this: 16 of 6,000 passages each, 32 of 30,000.

More buckets slow a search, fewer slow a removal: over 100,000 passages a search takes 0.86 ms with 1
segment, 1.6 with 16, 1.9 with 32, 2.9 with 64, 4.5 with 128; writing 6,000 passages takes 0.4 s.
"""

LATE = 8
"""When more than one in so many came later, everything is written into buckets again."""

GROWTH = 4
"""Of those that came later a segment has so many times as many as the next, or both are made one."""

Segment = dict[str, Any]
"""What tantivy's own file says of one."""


@dataclass(frozen=True, slots=True)
class Late:
    """A segment with the numbers in it, ascending; ``None``: still to be written."""

    numbers: list[int]
    segment: Segment | None


@dataclass(frozen=True, slots=True)
class Layout:
    """How many of the highest bits of a number name its bucket, and all segments."""

    bits: int
    buckets: dict[str, Segment | None]
    late: list[Late]

    @property
    def segments(self) -> list[Segment]:
        """All that were written."""
        found = [*self.buckets.values(), *(one.segment for one in self.late)]
        return [segment for segment in found if segment]

    def range_of(self, bucket: str) -> tuple[int, int]:
        """The first number of a bucket, and the first behind it."""
        width = BITS - self.bits
        return int(bucket) << width, (int(bucket) + 1) << width


def read_layout(folder: Path) -> Layout | None:
    """That of a saved index; ``None`` if there is none that can be used."""
    try:
        read = json.loads((folder / FILE).read_text())
        return Layout(read["bits"], read["buckets"], [Late(**one) for one in read["late"]])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_layout(folder: Path, layout: Layout) -> None:
    """Note it beside the segments."""
    (folder / FILE).write_text(json.dumps(asdict(layout)))


def planned(old: Layout | None, size: int, added: Numbers, removed: Numbers) -> Layout:
    """The layout after a change. Segments that have to be written are ``None`` in it."""
    bits = min(16, int(math.log2(max(1.0, math.sqrt(size) / SPARSE))))
    if old is None or abs(old.bits - bits) > 1:
        return _anew(bits)
    known = [number for one in old.late for number in one.numbers]
    width = BITS - old.bits
    stale = set((np.setdiff1d(removed, np.array(known, np.int64)) >> width).tolist())
    buckets = {at: None if int(at) in stale else one for at, one in old.buckets.items()}
    buckets |= {str(at): None for at in stale}
    new = np.setdiff1d(added, removed)
    new = new[~np.isin(new >> width, np.array(sorted(stale), np.int64))]
    late = _merged([*_without(old.late, added, removed), Late(new.tolist(), None)])
    written = sum(int(segment["max_doc"]) for segment in old.segments)
    if sum(len(one.numbers) for one in late) * LATE > written:
        return _anew(bits)
    return Layout(old.bits, dict(sorted(buckets.items(), key=lambda item: int(item[0]))), late)


def link_segments(source: Path, folder: Path, layout: Layout) -> None:
    """Give the files of all segments that were written to an index beside it, too."""
    files = defaultdict(list)
    for path in source.iterdir():
        files[path.name.partition(".")[0]].append(path)
    for segment in layout.segments:
        for path in files[stem(segment)]:
            link(path, folder / path.name)


def stem(segment: Segment) -> str:
    """What the names of its files begin with."""
    return str(segment["segment_id"]).replace("-", "")


def _anew(bits: int) -> Layout:
    return Layout(bits, {str(at): None for at in range(1 << bits)}, [])


def _without(late: list[Late], added: Numbers, removed: Numbers) -> Iterator[Late]:
    """What is left of each; those from which nothing went are as they were."""
    gone = set(removed.tolist())
    again = gone & set(added.tolist())
    for one in late:
        if gone.isdisjoint(one.numbers):
            yield one
        else:
            yield Late([n for n in one.numbers if n not in gone or n in again], None)


def _merged(late: list[Late]) -> list[Late]:
    """The largest first; two of about one size are made one."""
    ordered = sorted((one for one in late if one.numbers), key=lambda one: -len(one.numbers))
    for at in range(len(ordered) - 1, 0, -1):
        large, small = ordered[at - 1 : at + 1]
        if len(small.numbers) * GROWTH > len(large.numbers):
            ordered[at - 1 :] = [Late(sorted(large.numbers + small.numbers), None)]
    return ordered
