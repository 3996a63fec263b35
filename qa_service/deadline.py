"""How long the work for a request may take, looked at between stages: a thread cannot be stopped."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

from qa_service.errors import TookTooLong

_deadline: ContextVar[tuple[float, float] | None] = ContextVar("deadline", default=None)
"""When it ends on the monotonic clock, and the seconds that were allowed."""


@contextlib.contextmanager
def allowed(seconds: float) -> Iterator[None]:
    """What is done inside, in this context and the threads that it starts, may take so long."""
    was = _deadline.set((time.monotonic() + seconds, seconds))
    try:
        yield
    finally:
        _deadline.reset(was)


def check_deadline() -> None:
    """Give up if the time is over.

    Raises:
        TookTooLong: it is.
    """
    found = _deadline.get()
    if found is not None and time.monotonic() > found[0]:
        raise TookTooLong(f"given up after {found[1]:g} s: ask for less at once, or later")
