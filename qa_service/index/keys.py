"""The numbers of releases and passages: made from their ids alone, so the same in every generation.

A number never changes while its release stays, which is why an index can take additions and removals;
and it does not depend on the history of builds, which is why the result is that of a full build.
"""

import hashlib

BITS = 63
"""Numbers are not negative in 64 bits. Two of ten million ids share one by chance in 1 of 180,000 cases."""

SHARED = 47
"""The low bits are a passage's own; those above it has in common with its release."""


def release_number(release_id: str) -> int:
    """The number of a release."""
    return _digest(release_id)


def passage_number(release_id: str, passage_id: str) -> int:
    """The number of a passage. In the order of numbers those of a release stand near each other."""
    own = _digest(passage_id) & ((1 << SHARED) - 1)
    return (_digest(release_id) >> SHARED << SHARED) | own


def _digest(name: str) -> int:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
