"""Reads server-sent events."""

import json
from typing import Any


def events(text: str) -> list[tuple[str, Any]]:
    """The name and the data of each event, in order."""
    read = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        lines = [line.partition(": ")[::2] for line in block.split("\n")]
        fields = {name: value for name, value in lines if name}
        if fields:
            data = "\n".join(value for name, value in lines if name == "data")
            read.append((fields["event"], json.loads(data)))
    return read
