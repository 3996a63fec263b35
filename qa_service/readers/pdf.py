"""PDF files with a text layer, by PDFium: lines, in reading order, as paragraphs with their pages."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.extract import Block, Extract, compose, facts_from, squeeze
from qa_service.readers.layout import HYPHEN, Line, blocks, largest, without_running_lines
from qa_service.readers.letterhead import usable_title
from qa_service.readers.ocr import Ocr
from qa_service.readers.poppler import clustered, read_lines

MAX_PAGES = 500
_DISORDER = "letters of this script may be in disorder: apt-get install poppler-utils"
SCANNED_MAX = 100
"""Pages that are pictures take seconds each."""
_GAP = 2.0
"""A gap in a line of more than this, in sizes of the print, parts columns or cells."""
Box = tuple[float, float, float, float, float]
Glyph = tuple[str, Box | None]


def read_pdf(data: bytes, make_ocr: Callable[[], Ocr | None] = lambda: None) -> Extract:
    """One release. What ``make_ocr`` gives reads pages without text, if there is such a thing here.

    Raises:
        CorpusError: encrypted, damaged, too long, or without a text layer and nobody to read it.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise CorpusError(_why(str(error))) from error
    count = len(document)
    if count == 0:
        raise CorpusError("the PDF has no pages")
    if count > MAX_PAGES:
        raise CorpusError(f"{count:,} pages, more than the limit of {MAX_PAGES}: split it")
    try:
        pages = [list(_lines(document, number)) for number in range(count)]
    except pypdfium2.PdfiumError as error:
        raise CorpusError(_why(str(error))) from error
    if not any(map(_has_words, pages)):
        return _scanned(document, make_ocr())
    doubts: tuple[str, ...] = ()
    if clustered(line.text for lines in pages for line in lines):
        better = read_lines(data)
        pages, doubts = (better, ()) if better else (pages, (_DISORDER,))
    flowing = without_running_lines(pages)
    extract = compose(blocks(flowing))
    heading = largest(flowing[0] if flowing else [])
    info = document.get_metadata_dict()
    warnings = [
        f"page {number} has no text layer and was not read"
        for number, lines in enumerate(pages, 1)
        if not _has_words(lines) and _has_picture(document, number - 1)
    ]
    return replace(
        extract,
        facts=(
            *facts_from("heading", title=heading),
            *facts_from("file properties", title=usable_title(info.get("Title", ""))),
        ),
        warnings=(*doubts, *warnings),
    )


def _why(error: str) -> str:
    if "assword" in error:
        return "the PDF is encrypted: save a copy without a password"
    return f"not a readable PDF ({error.lower()}): it may be truncated"


def _has_words(lines: Sequence[Line]) -> bool:
    return sum(len(line.text) for line in lines) >= 20


def _has_picture(document: Any, number: int) -> bool:
    import pypdfium2.raw as pdfium

    page = document[number]
    return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _scanned(document: Any, ocr: Ocr | None) -> Extract:
    if ocr is None:
        raise CorpusError(
            "the PDF has no text layer (a scan?): `apt-get install tesseract-ocr` reads such files"
        )
    if len(document) > SCANNED_MAX:
        raise CorpusError(f"{len(document)} pages without text, more than {SCANNED_MAX}: split it")
    found = []
    for number in range(len(document)):
        bitmap = document[number].render(scale=300 / 72, grayscale=True)
        found += [Block(text, page=number + 1) for text in ocr(bitmap.to_numpy())]
        bitmap.close()
    extract = compose(found)
    if not extract.text:
        raise CorpusError("the PDF has no text layer, and no text could be read from its pictures")
    return replace(extract, warnings=(ocr.warning("pictures of its pages"),))


def _lines(document: Any, number: int) -> Iterator[Line]:
    """The lines of a page in the order of its content; a wide gap in a line makes two of it."""
    import pypdfium2.raw as pdfium

    page = document[number]
    textpage = page.get_textpage()
    count = pdfium.FPDFText_CountChars(textpage)
    codes = [pdfium.FPDFText_GetUnicode(textpage, i) for i in range(count)]
    start = 0
    for end in [*(i for i, code in enumerate(codes) if code in (10, 13, 2)), count]:
        glyphs = [(chr(codes[i]), _box(textpage, i)) for i in range(start, end)]
        if end < count and codes[end] == 2:
            glyphs.append((HYPHEN, None))
        for part in _apart(glyphs):
            if (line := _line(number + 1, part)) is not None:
                yield line
        start = end + 1
    textpage.close()
    page.close()


def _apart(glyphs: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    part: list[Glyph] = []
    right: float | None = None
    for letter, box in glyphs:
        if box and right is not None and box[0] - right > _GAP * box[4]:
            yield part
            part = []
        if box:
            right = box[2]
        part.append((letter, box))
    yield part


def _line(page: int, glyphs: Sequence[Glyph]) -> Line | None:
    boxes = [box for _, box in glyphs if box]
    text = "".join(letter for letter, _ in glyphs)
    text = re.sub(r"[\x00\x01\x03-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "", text)
    if not boxes or not text.strip():
        return None
    left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return Line(
        squeeze(text), page, left, bottom, right, top, round(median(box[4] for box in boxes), 1)
    )


def _box(textpage: Any, index: int) -> Box | None:
    """Left, bottom, right, top and size of a character that is printed."""
    import ctypes

    import pypdfium2.raw as pdfium

    if pdfium.FPDFText_IsGenerated(textpage, index) == 1:
        return None
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if not pdfium.FPDFText_GetCharBox(textpage, index, left, right, bottom, top):
        return None
    if right.value <= left.value and top.value <= bottom.value:
        return None
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(textpage, index, matrix)
    scale = abs(matrix.d) or abs(matrix.b) or 1.0
    size = pdfium.FPDFText_GetFontSize(textpage, index) * scale
    return left.value, bottom.value, right.value, top.value, size
