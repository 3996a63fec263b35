"""Keys of the API, as a file of digests that ``qa keys`` writes and a server reads.

A key is ``qa_<id>_<secret>``. Its secret has 256 random bits, so one SHA-256 of it can neither be
reversed nor guessed; what passwords need, a slow hash, would only slow every request.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from qa_service.errors import QueryError, SettingsError

Scope = Literal["ask", "admin"]
SHAPE = re.compile(r"qa_([0-9a-f]{8})_[\w-]{43}", re.ASCII)
PREFIX = "qa_"


class Key(BaseModel):
    """One key without its secret. ``admin`` may also do what ``ask`` may."""

    model_config = ConfigDict(frozen=True)

    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    sha256: str
    created: datetime
    revoked: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether it has the scope, or one above it."""
        return scope in self.scopes or "admin" in self.scopes


class KeysFile(BaseModel):
    """What the file holds. Revoked keys stay, so that the last one revoked opens nothing."""

    keys: list[Key] = []


class Keys:
    """The keys of one file; a change of the file is noticed at the next request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}

    def all(self) -> list[Key]:
        """All keys, the oldest first; none without a file.

        Raises:
            SettingsError: the file cannot be read.
        """
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return []
        stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        with self._lock:
            if stamp != self._stamp:
                self._keys = {key.key_id: key for key in self._read()}
                self._stamp = stamp
            return list(self._keys.values())

    def find(self, secret: str) -> Key | None:
        """The key that ``secret`` is, unless it is revoked."""
        shape = SHAPE.fullmatch(secret)
        known = {key.key_id: key for key in self.all()}
        key = known.get(shape[1]) if shape else None
        same = key is not None and hmac.compare_digest(key.sha256, _digest(secret))
        return key if key is not None and same and key.revoked is None else None

    def are_wanted(self) -> bool:
        """Whether a key for asking was ever made: from then on asking needs one."""
        return any("ask" in key.scopes for key in self.all())

    def add(self, name: str, scopes: tuple[Scope, ...]) -> tuple[Key, str]:
        """Make a key; its secret is given once and kept nowhere.

        Raises:
            QueryError: the name is blank, or would not stand in one line of a log.
        """
        if not name.strip() or not name.isprintable():
            raise QueryError(f"{name!r} is no name of a key: say whose it is, in one line")
        key_id = secrets.token_hex(4)
        secret = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
        key = Key(
            key_id=key_id,
            name=name,
            scopes=scopes,
            sha256=_digest(secret),
            created=datetime.now(UTC),
        )
        with self._alone():
            self._write([*self.all(), key])
        return key, secret

    def revoke(self, name: str) -> list[Key]:
        """End the keys of that id or name; those that were ended now.

        Raises:
            QueryError: none is called so.
        """
        with self._alone():
            known = self.all()
            called = [key for key in known if name in (key.key_id, key.name)]
            if not called:
                raise QueryError(f"no key has the id or name {name!r}: `qa keys list` lists them")
            now = datetime.now(UTC)
            ended = [key.model_copy(update={"revoked": now}) for key in called if not key.revoked]
            by_id = {key.key_id: key for key in (*known, *ended)}
            self._write(list(by_id.values()))
        return ended

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the file meanwhile."""
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> list[Key]:
        try:
            return KeysFile.model_validate_json(self._path.read_bytes()).keys
        except (OSError, ValidationError) as error:
            raise SettingsError(f"{self._path} cannot be read as keys: {error}") from error

    def _write(self, keys: list[Key]) -> None:
        """Replace the file in one step; only its owner may read it."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(KeysFile(keys=keys).model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
