"""Moving windows of rate limits that processes may share; ``limits`` has them only on a server."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from limits import RateLimitItem

WAIT_S = 5.0


class Windows:
    """A SQLite file of hits, or its like in memory. It need not outlive the server, nor wait for a disk."""

    def __init__(self, shared: Path | None = None) -> None:
        self._database = sqlite3.connect(
            shared or ":memory:", timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE IF NOT EXISTS hits (key TEXT, ends REAL)",
            "CREATE INDEX IF NOT EXISTS hits_of_key ON hits (key, ends)",
            "CREATE INDEX IF NOT EXISTS hits_by_end ON hits (ends)",
        ):
            self._database.execute(statement)

    def take(self, limits: Sequence[RateLimitItem], who: str) -> list[tuple[RateLimitItem, float]]:
        """Take a place in the window of each limit or, if one is full, in none.

        Those that are full, each with the time at which its oldest hit leaves it.
        """
        now = time.time()
        keys = [limit.key_for(who) for limit in limits]
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.execute("DELETE FROM hits WHERE ends <= ?", (now,))
            windows = [self._window(key) for key in keys]
            both = zip(limits, windows, strict=True)
            full = [(limit, ends) for limit, (ends, count) in both if count >= limit.amount]
            if not full:
                ends = [now + limit.get_expiry() for limit in limits]
                rows = zip(keys, ends, strict=True)
                self._database.executemany("INSERT INTO hits VALUES (?, ?)", rows)
        finally:
            self._database.execute("COMMIT")
        return full

    def _window(self, key: str) -> tuple[float, int]:
        row: tuple[float, int] = self._database.execute(
            "SELECT coalesce(min(ends), 0), count(*) FROM hits WHERE key = ?", (key,)
        ).fetchone()
        return row
