"""What was fetched, in the corpus: the original as it came, beside a sidecar that says when and from where.

``fetched/<site>/<name>.html`` and ``<name>.meta.toml``. A page that says something else than before becomes
a new file; the old one stays and is marked as superseded by it. ``.fetch.jsonl`` holds what a server wants
to hear again of each page, a line a page asked for, of which the last counts; without it everything is
asked for anew.
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qa_service.errors import CorpusError
from qa_service.readers.sidecar import ENDING, quoted

FOLDER = "fetched"
STATE = ".fetch.jsonl"
LINES_EACH = 3
"""Lines for each page, on the whole, above which the file is written anew with one for each."""
_GONE = "gone from its site since"
_ENDINGS: Mapping[str, str] = {
    "text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf", "text/plain": ".txt",
    "text/markdown": ".md", "application/rtf": ".rtf", "text/rtf": ".rtf",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}  # fmt: skip
"""The media types that are fetched, and how their files are called."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was fetched: its path, the release's id, and what its sidecar says."""

    path: Path
    release_id: str
    sidecar: Path
    given: Mapping[str, Any]

    @property
    def fetched(self) -> Mapping[str, Any]:
        """What is written of where it came from."""
        table = self.given.get("fetched", {})
        return table if isinstance(table, dict) else {}


class Store:
    """The fetched files of a corpus folder, by the addresses they came from."""

    def __init__(self, corpus: Path) -> None:
        """Read what is there.

        Raises:
            CorpusError: a sidecar there cannot be read.
        """
        self._corpus = corpus
        self._of: dict[str, Stored] = {}
        self._state, lines = _read_state(corpus / STATE)
        if lines > LINES_EACH * len(self._state):
            whole = "".join(_line(url, values) for url, values in sorted(self._state.items()))
            write_safely(corpus / STATE, whole.encode())
        found = (_stored(corpus, sidecar) for sidecar in sorted(corpus.rglob(f"*{ENDING}")))
        kept = [one for one in found if one is not None and not one.given.get("superseded_by")]
        for stored in sorted(kept, key=lambda one: str(one.fetched.get("time", ""))):
            self._supersede(stored)  # a crash may have come between writing it and saying so
            self._remember(stored)

    def find(self, url: str) -> Stored | None:
        """The newest version of what was fetched from an address, asked for or canonical."""
        return self._of.get(url)

    def state(self, url: str) -> dict[str, Any]:
        """What is remembered of an address: ``etag``, ``last_modified``, ``changed``, ``missing``."""
        return dict(self._state.get(url, {}))

    def remember(self, url: str, **values: object) -> None:
        """Replace what is remembered of an address, on disk before this returns."""
        self._state[url] = {name: value for name, value in values.items() if value}
        with (self._corpus / STATE).open("ab") as file:
            file.write(_line(url, self._state[url]).encode())
            file.flush()
            os.fsync(file.fileno())

    def write(
        self, url: str, body: bytes, ending: str, folder: str, facts: Mapping[str, Any]
    ) -> Stored:
        """A new file, and its sidecar, written so that a crash leaves both or neither."""
        fetched = facts["fetched"]
        where = self._corpus / FOLDER / (folder or site_of(url))
        where.mkdir(parents=True, exist_ok=True)
        name, number = name_of(url), 1
        while (where / f"{name}{ENDING}").exists():
            number += 1
            name = f"{name_of(url)}-v{number}"
        path, sidecar = where / f"{name}{ending}", where / f"{name}{ENDING}"
        write_safely(path, body)
        write_safely(sidecar, as_toml(facts).encode())
        stored = Stored(path, _id(self._corpus, sidecar), sidecar, {**facts, "fetched": fetched})
        self._supersede(stored)
        self._remember(stored)
        return stored

    def alias(self, url: str, stored: Stored) -> None:
        """Another address leads to a file that is here already."""
        self._of[url] = stored

    def withdraw(self, stored: Stored, status: int) -> bool:
        """Say that it is gone from its site; whether that is news."""
        if stored.given.get("withdrawn"):
            return False
        _add(stored.sidecar, "withdrawn", f"{_GONE} {datetime.now(UTC):%Y-%m-%d} (HTTP {status})")
        return True

    def restore(self, stored: Stored) -> bool:
        """It is there again: take back what :meth:`withdraw` said; whether that is news."""
        if not str(stored.given.get("withdrawn", "")).startswith(_GONE):
            return False
        lines = stored.sidecar.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f'withdrawn = "{_GONE}')]
        write_safely(stored.sidecar, "".join(kept).encode())
        return True

    def _supersede(self, stored: Stored) -> None:
        """Mark the version before, if there is one."""
        before = self.find(str(stored.fetched.get("url")))
        if before is not None and before.release_id != stored.release_id:
            _add(before.sidecar, "superseded_by", stored.release_id)

    def _remember(self, stored: Stored) -> None:
        urls = [stored.fetched.get("url"), *stored.fetched.get("requested", [])]
        self._of |= dict.fromkeys(filter(None, map(str, urls)), stored)


def ending_of(media_type: str, url: str) -> str:
    """How a file of a media type is called; nothing for what is not fetched."""
    if media_type in ("", "application/octet-stream"):
        suffix = Path(urlsplit(url).path).suffix.lower()
        return suffix if suffix in _ENDINGS.values() else ""
    return _ENDINGS.get(media_type, "")


def site_of(url: str) -> str:
    """The folder of a site."""
    return re.sub(r"[^\w.-]+", "-", urlsplit(url).netloc) or "site"


def name_of(url: str) -> str:
    """A name for a file, telling and unique: the end of the path, six digits of the address's digest."""
    path = urlsplit(url).path
    stem = re.sub(r"\.\w{1,5}$", "", path)
    words = re.sub(r"[^\w-]+", "-", stem).strip("-_").lower()[-80:].strip("-_")
    return f"{words or 'page'}-{hashlib.sha256(url.encode()).hexdigest()[:6]}"


def as_toml(facts: Mapping[str, Any]) -> str:
    """A sidecar with plain values first and the table ``[fetched]`` last."""
    lines = [
        "# What stands here wins over what is read in the file; [fetched] is written by `qa fetch`."
    ]
    lines += [
        f"{name} = {quoted(str(value))}"
        for name, value in facts.items()
        if name != "fetched" and value
    ]
    lines += ["", "[fetched]"]
    for name, value in facts["fetched"].items():
        if isinstance(value, list) and value:
            lines.append(f"{name} = [{', '.join(map(quoted, value))}]")
        elif value:
            lines.append(f"{name} = {quoted(str(value))}")
    return "\n".join(lines) + "\n"


def write_safely(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _stored(corpus: Path, sidecar: Path) -> Stored | None:
    try:
        given = tomllib.loads(sidecar.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{sidecar} cannot be read: {error}") from error
    stem = sidecar.name.removesuffix(ENDING)
    paths = [path for path in sidecar.parent.glob(f"{glob_safe(stem)}.*") if path != sidecar]
    if not isinstance(given.get("fetched"), dict) or not paths:
        return None
    return Stored(paths[0], _id(corpus, sidecar), sidecar, given)


def glob_safe(name: str) -> str:
    """A name in which nothing stands for something else."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _id(corpus: Path, sidecar: Path) -> str:
    return sidecar.relative_to(corpus).as_posix().removesuffix(ENDING)


def _add(sidecar: Path, name: str, value: str) -> None:
    """Put a fact before the tables of a sidecar, whatever a person wrote there."""
    text = sidecar.read_text("utf-8")
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(f"{name} = ")]
    at = next((i for i, line in enumerate(lines) if line.startswith("[")), len(lines))
    lines.insert(at, f"{name} = {quoted(value)}\n")
    write_safely(sidecar, "".join(lines).encode())


def _line(url: str, values: Mapping[str, Any]) -> str:
    """A line of the state; the line end before it parts it from one that a crash cut."""
    return "\n" + json.dumps({"url": url, **values})


def _read_state(path: Path) -> tuple[dict[str, Any], int]:
    """What is remembered, and in how many lines; a line that is none is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}, 0
    state: dict[str, Any] = {}
    for line in lines:
        try:
            values = json.loads(line)
            state[str(values.pop("url"))] = values
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
    return state, len(lines)
