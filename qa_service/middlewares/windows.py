"""Moving windows of rate limits that several processes share; ``limits`` has them only on a server."""

import sqlite3
import time
from pathlib import Path

from limits import RateLimitItem
from limits.util import WindowStats

WAIT_S = 5.0


class SharedWindows:
    """A SQLite file of hits. It need not outlive the server, so nothing waits for the disk.

    The methods are those of ``limits.strategies.MovingWindowRateLimiter``.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(
            path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE IF NOT EXISTS hits (key TEXT, ends REAL)",
            "CREATE INDEX IF NOT EXISTS hits_of_key ON hits (key, ends)",
            "CREATE INDEX IF NOT EXISTS hits_by_end ON hits (ends)",
        ):
            self._database.execute(statement)

    def test(self, item: RateLimitItem, who: str) -> bool:
        """Whether the window has room."""
        return self._window(item.key_for(who))[1] < item.amount

    def hit(self, item: RateLimitItem, who: str) -> bool:
        """Take a place in the window, if it has room."""
        now, key = time.time(), item.key_for(who)
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.execute("DELETE FROM hits WHERE ends <= ?", (now,))
            room = self._window(key)[1] < item.amount
            if room:
                row = (key, now + item.get_expiry())
                self._database.execute("INSERT INTO hits VALUES (?, ?)", row)
        finally:
            self._database.execute("COMMIT")
        return room

    def get_window_stats(self, item: RateLimitItem, who: str) -> WindowStats:
        """When the oldest hit leaves the window, and how many more have room."""
        ends, count = self._window(item.key_for(who))
        return WindowStats(ends, item.amount - count)

    def _window(self, key: str) -> tuple[float, int]:
        now = time.time()
        row: tuple[float, int] = self._database.execute(
            "SELECT coalesce(min(ends), ?), count(*) FROM hits WHERE key = ? AND ends > ?",
            (now, key, now),
        ).fetchone()
        return row
