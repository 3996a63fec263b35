"""Text in pictures, by Tesseract, where it is installed (`apt-get install tesseract-ocr`)."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.extract import Block, Extract, compose, squeeze

MISSING = "text in pictures is read by Tesseract: apt-get install tesseract-ocr"
SURE = 40
"""Words that Tesseract is less sure of than this, in percent, are left out."""


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages that are installed, such as "eng"; none where Tesseract is not."""
    tesseract = shutil.which("tesseract")
    if tesseract is None:
        return ()
    done = subprocess.run(  # noqa: S603 - no part of it is given
        [tesseract, "--list-langs"], capture_output=True, text=True, timeout=20, check=False
    )
    return tuple(line for line in done.stdout.splitlines()[1:] if line and line != "osd")


def make_ocr(wanted: str, tick: Callable[[], None]) -> "Ocr | None":
    """What reads pictures in the languages ``wanted`` ("eng+khm"; empty: all installed); ``None``: missing.

    ``tick`` is called after each picture: it is still at work.

    Raises:
        CorpusError: a language is not installed.
    """
    installed = languages()
    if not installed:
        return None
    names = [name for name in wanted.split("+") if name] or list(installed)
    if missing := [name for name in names if name not in installed]:
        raise CorpusError(
            f"Tesseract has no {missing[0]} here: apt-get install tesseract-ocr-{missing[0]}"
        )
    return Ocr("+".join(names), tick)


class Ocr:
    """Reads pictures in some languages."""

    def __init__(self, names: str, tick: Callable[[], None]) -> None:
        self._names = names
        self._tick = tick

    def warning(self, what: str) -> str:
        """What a reader of the text should know: a picture in another language gives nonsense."""
        other = "fra (French)" if "khm" in self._names else "khm (Khmer)"
        return (
            f"read from {what} as {self._names}: compare with the original; other languages: "
            f"apt-get install tesseract-ocr-{other}, and so on"
        )

    def __call__(self, pixels: Any) -> list[str]:
        """The paragraphs on a page, given as a greyscale array of shape ``(height, width[, 1])``."""
        height, width = pixels.shape[:2]
        return self.paragraphs(b"P5 %d %d 255\n" % (width, height) + pixels.tobytes())

    def paragraphs(self, picture: bytes) -> list[str]:
        """The paragraphs in a picture file.

        Raises:
            CorpusError: Tesseract cannot read it.
        """
        done = subprocess.run(  # noqa: S603 - the names were compared with those installed
            [shutil.which("tesseract") or "tesseract", "stdin", "stdout", "-l", self._names, "tsv"],
            input=picture,
            capture_output=True,
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        if done.returncode:
            why = squeeze(done.stderr.decode(errors="replace"))[-200:]
            raise CorpusError(f"the picture cannot be read: {why}")
        self._tick()
        return list(_paragraphs(done.stdout.decode(errors="replace")))


def read_image(data: bytes, ocr: Ocr | None) -> Extract:
    """One release from a picture of it.

    Raises:
        CorpusError: Tesseract is missing, or finds no text.
    """
    if ocr is None:
        raise CorpusError(MISSING)
    extract = compose(Block(text) for text in ocr.paragraphs(data))
    if len(re.findall(r"[^\W\d_]", extract.text)) < 20:
        raise CorpusError(f"no text could be {ocr.warning('the picture')}")
    return Extract(extract.text, warnings=(ocr.warning("a picture"),))


def _paragraphs(table: str) -> Any:
    """From Tesseract's table: words by block, paragraph and line."""
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == "5" and cells[11].strip() and float(cells[10]) >= SURE:
            lines = found.setdefault(tuple(cells[1:4]), {})
            lines.setdefault(cells[4], []).append(cells[11])
    for lines in found.values():
        text = ""
        for words in lines.values():
            line = " ".join(words)
            broken = re.search(r"[^\W\d_]-$", text) and line[:1].islower()
            text += ("\n" if broken else " " if text else "") + line
        yield text
