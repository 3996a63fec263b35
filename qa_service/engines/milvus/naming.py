"""What a generation's collection is called, and the small file in its folder that says so.

A name tells the index folder, what is built in it and of which part, so that the next build of the same
finds what a killed one left on the server, and knows what nobody needs.
"""

import contextlib
import hashlib
import itertools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qa_service.errors import GenerationCorrupt

FILE = "collection.json"

_STAGED = re.compile(r"\.g\w+-([0-9a-f]{8})")
"""The folder of a generation that is being written; its end is the digest of what is built."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What ``collection.json`` says; ``dim`` is 0 where there are no vectors."""

    collection: str
    alias: str
    dim: int = 0
    rows: int = 0


def read_pointer(folder: Path) -> Pointer:
    """What a folder's file says.

    Raises:
        GenerationCorrupt: nothing of use.
    """
    try:
        named = json.loads((folder / FILE).read_text())
        return Pointer(**{"alias": ""} | {n: named[n] for n in Pointer.__slots__ if n in named})
    except (OSError, ValueError, TypeError) as error:
        raise GenerationCorrupt(
            f"{folder / FILE} names no collection: rebuild with `qa build`"
        ) from error


def name_for(owner: str, folder: Path, dim: int) -> Pointer:
    """The first name of this build that no other generation has."""
    part = re.sub(r"\W", "_", folder.name)
    staged = _STAGED.fullmatch(folder.absolute().parent.name)
    digest = (
        staged[1] if staged else hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:8]
    )
    taken: set[str] = set()
    with contextlib.suppress(GenerationCorrupt):
        taken = _named_by_generations(folder)
    names = (f"qa_{owner}_{digest}_{n}_{part}" for n in itertools.count())
    name = next(name for name in names if name not in taken)
    return Pointer(name, f"qa_{owner}_{part}", dim)


def _named_by_generations(folder: Path) -> set[str]:
    """The collections of the complete generations beside the one that is being written."""
    index, part = folder.absolute().parent.parent, folder.name
    return {read_pointer(path.parent).collection for path in index.glob(f"g*/{part}/{FILE}")}


def dead_names(owner: str, folder: Path, known: Iterable[str]) -> set[str]:
    """Collections of this index folder that no generation has: nobody else builds in it now."""
    if not _STAGED.fullmatch(folder.absolute().parent.name):
        return set()
    ours = re.compile(rf"qa_{owner}_[0-9a-f]{{8}}_\d+_{re.escape(folder.name)}")
    try:
        return set(filter(ours.fullmatch, known)) - _named_by_generations(folder)
    except GenerationCorrupt:  # it may have any of them
        return set()
