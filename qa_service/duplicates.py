"""Releases that are one release: sent out over two wires, or issued again with a correction.

Nothing is altered or left out here. What such releases share is named, so that it is shown once; what
a correction changed is in no class, and stays on its own.
"""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Shingles = NDArray[np.uint64]
"""The distinct runs of five words in a text (all its words if it has fewer), each as a 64-bit number.

Equal runs have equal numbers in every process; two of a million runs share one by chance in 1 of
10 million cases.
"""

Sketch = NDArray[np.uint64]
"""Shape ``(20,)``: two near-duplicates have a number in common at one of the places. All 0: no words."""

Sketches = NDArray[np.uint64]
"""Shape ``(n, 20)``."""

Place = tuple[int, int]
"""Passage ``j`` of release ``i``."""

NEAR = 0.9
"""The share of common shingles that makes two releases one.

Measured on 6,400 releases: a plea and the sentence that follows it, or one company's quarters, reach
0.87, and so would two wires that frame a short release in much text of their own; corrected releases
are above 0.98. Announcements that differ in a place name alone can be above 0.9: they are grouped,
and what differs is in no class. A changed word costs 10 shingles: at 0.9, one in 100 words.
"""

_RUN = 5
_FACTORS = np.array([pow(0x9E3779B97F4A7C15, n, 2**64) for n in range(_RUN)], np.uint64)
_BANDS, _ROWS = 20, 6
"""Pairs at ``NEAR`` share a band in all but 1 case of 3 million, pairs at 0.3 in 1 of 70."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_NOTHING = np.zeros(_BANDS, np.uint64)
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")

_QUOTES = re.compile("['’‘‚`´“”„\"«»\u00ad\u200b\ufeff]")
_FIGURE = r"\s*[$€£¥]?\s*\.?\d"
_SEPARATORS = re.compile(
    rf"[.,;:!](?!\d)|[)\[\]{{}}*_#|•·…]|\((?!{_FIGURE})|(?<=\w)[-‐‑–—―]|[-‐‑–—―](?!{_FIGURE})"
)


def near_duplicates(
    texts: Sequence[str], advance: Callable[[int], object] = lambda _done: None
) -> list[list[int]]:
    """Groups of texts that are nearly the same, as ascending positions, by their first member.

    A group holds what is linked by pairs of which at least ``NEAR`` of all shingles are common.
    Texts of fewer than five words are near-duplicates if their words are equal; texts without words
    never are.

    Args:
        texts: The texts of the releases.
        advance: Is told the number of texts done since the last call.
    """
    number = cache(_number)
    shingles = [_shingles(text, number) for text in texts]
    sketches = np.empty((len(texts), _BANDS), np.uint64)
    for position, own in enumerate(shingles):
        sketches[position] = _bands(own)
        advance(1)
    group = list(range(len(texts)))
    for a, b in _candidates(sketches):
        first, second = sorted((_root(group, a), _root(group, b)))
        if first != second and _near(shingles[a], shingles[b]):
            group[second] = first
    members = defaultdict(list)
    for position in range(len(texts)):
        members[_root(group, position)].append(position)
    return [found for found in members.values() if len(found) > 1]


def sketch(text: str) -> Sketch:
    """What near-duplicates of ``text`` share some of: the signs of its MinHash, band by band."""
    shingles = _shingles(text, _number)
    return _bands(shingles)


def sharing(sketches: Sketches, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The positions of all sketches that share a band with another, one of the two being ``chosen``."""
    found = np.zeros(len(sketches), np.bool_)
    is_chosen = np.zeros(len(sketches), np.bool_)
    is_chosen[chosen] = True
    filled = sketches.any(axis=1)
    for band in sketches.T:
        _, at, counts = np.unique(band, return_inverse=True, return_counts=True)
        met = np.bincount(at, weights=is_chosen & filled) > 0
        found |= met[at] & (counts[at] > 1) & filled
    return np.flatnonzero(found)


def same_passages(passages: Sequence[Sequence[str]]) -> list[tuple[Place, ...]]:
    """Classes of passages that say the same in different releases of one group.

    They have the same words, figures and signs in the same order; case, white space, quotation marks
    and other punctuation may differ. One changed word keeps a passage out, however long it is: between
    near-duplicates it is the name, the date or the sum that was corrected. A passage that a release
    repeats is matched repetition by repetition, so a class has at most one passage of a release.

    Args:
        passages: The texts of the passages of each release.

    Returns:
        Ascending ``(release, passage)`` of at least two releases, by their first member.
    """
    classes: defaultdict[tuple[str, int], list[Place]] = defaultdict(list)
    for i, release in enumerate(passages):
        seen: Counter[str] = Counter()
        for j, text in enumerate(release):
            said = _said(text)
            classes[said, seen[said]].append((i, j))
            seen[said] += 1
    return [tuple(found) for (said, _), found in classes.items() if said and len(found) > 1]


def _number(word: str) -> int:
    digest = hashlib.blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _shingles(text: str, number: Callable[[str], int]) -> Shingles:
    """Of case-folded words; each sign of a script without spaces is taken for a word."""
    words = np.array([number(word) for word in _WORD.findall(text.casefold())], np.uint64)
    if not len(words):
        return words
    runs = sliding_window_view(words, min(_RUN, len(words)))
    return np.unique(runs @ _FACTORS[: runs.shape[1]])


def _near(a: Shingles, b: Shingles) -> bool:
    """Whether their Jaccard similarity, counted and not estimated, is at least ``NEAR``."""
    if min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return False
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common >= NEAR * (len(a) + len(b) - common)


def _bands(shingles: Shingles) -> Sketch:
    """A number for each band of the MinHash (Broder 1997); texts without words share none."""
    from datasketch import MinHash

    if not len(shingles):
        return _NOTHING
    hashed = MinHash(num_perm=_BANDS * _ROWS, seed=1, hashfunc=int)
    hashed.update_batch((shingles >> np.uint64(32)).tolist())
    rows = hashed.hashvalues.reshape(_BANDS, _ROWS)
    return np.array([_number(row.tobytes().hex()) for row in rows], np.uint64)


def _candidates(sketches: Sketches) -> Iterator[tuple[int, int]]:
    """Pairs of positions that share a band, by locality-sensitive hashing (Indyk and Motwani 1998)."""
    for band in sketches.T:
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=band[order[:1]] + np.uint64(1)))
        for run in np.split(order, starts[1:]):
            if len(run) > 1 and band[run[0]]:
                yield from combinations(run.tolist(), 2)


def _root(group: list[int], position: int) -> int:
    while group[position] != position:
        group[position] = group[group[position]]
        position = group[position]
    return position


def _said(text: str) -> str:
    """The words, figures and signs of a text: a minus, a decimal point and a currency are said."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(_SEPARATORS.sub(" ", _QUOTES.sub("", folded)).split())
