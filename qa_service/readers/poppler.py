"""PDFs in scripts that set letters above, below and around each other, by Poppler's pdftotext.

Khmer, Thai, Burmese, Tibetan and the scripts of India: what a PDF stores of them are clusters of shapes.
Poppler reads the text that belongs to a cluster (``ActualText``); PDFium does not. `apt-get install
poppler-utils`.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.extract import squeeze
from qa_service.readers.layout import Line
from qa_service.readers.office import parse_xml

_CLUSTERED = re.compile("[\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
_SHARE = 0.2
_X = "{http://www.w3.org/1999/xhtml}"
_LINE_HEIGHT = 1.5
"""The height of a line's box in sizes of its print; these scripts are tall."""
_SPACE = 0.12
"""A gap of less than this, in sizes of the print, is none between words."""
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


def clustered(texts: Iterable[str]) -> bool:
    """Whether much of the text is in such a script."""
    whole = "".join(texts)
    return len(_CLUSTERED.findall(whole)) > _SHARE * len(whole)


def read_lines(data: bytes) -> list[list[Line]]:
    """The lines of each page; nothing where pdftotext is missing or fails."""
    program = shutil.which("pdftotext")
    if program is None:
        return []
    done = subprocess.run(  # noqa: S603 - a file of ours on its input, no name of theirs
        [program, "-bbox-layout", "-enc", "UTF-8", "-", "-"],
        input=data,
        capture_output=True,
        check=False,
    )
    try:
        tree = parse_xml(_UNSTORABLE.sub("", done.stdout.decode(errors="replace")).encode())
    except CorpusError:
        return []
    return [
        [_line(number, float(page.get("height")), line) for line in page.iter(f"{_X}line")]
        for number, page in enumerate(tree.iter(f"{_X}page"), 1)
    ]


def _line(page: int, height: float, line: Any) -> Line:
    left, top, right, bottom = (float(line.get(name)) for name in ("xMin", "yMin", "xMax", "yMax"))
    size = (bottom - top) / _LINE_HEIGHT
    text, last = "", left
    for word in line.iter(f"{_X}word"):
        apart = float(word.get("xMin")) - last > _SPACE * size
        text += (" " if text and apart else "") + (word.text or "")
        last = float(word.get("xMax"))
    box = (left, height - bottom, right, height - top)
    return Line(squeeze(text), page, *box, round(size, 1))
