"""The switch that turns answers off and leaves searches and releases on: a file beside the generations."""

import os
from pathlib import Path

FILE = "PAUSED"
DEFAULT = "Answers are switched off for the moment. Searches and the releases are there."


def pause(index: Path, message: str = "") -> None:
    """Switch answers off; every server over this folder says ``message`` from its next request on."""
    index.mkdir(parents=True, exist_ok=True)
    beside = index / f".{FILE}.{os.getpid()}"
    beside.write_text(message.strip() or DEFAULT, encoding="utf-8")
    beside.replace(index / FILE)


def resume(index: Path) -> bool:
    """Switch answers on again; whether they were off."""
    was = (index / FILE).exists()
    (index / FILE).unlink(missing_ok=True)
    return was


def pause_message(index: Path) -> str | None:
    """What to say while answers are off; ``None``: they are on."""
    try:
        return (index / FILE).read_text(encoding="utf-8", errors="replace").strip() or DEFAULT
    except (FileNotFoundError, NotADirectoryError):
        return None
