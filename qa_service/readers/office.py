"""Word (DOCX) and OpenDocument (ODT): paragraphs as they stand, the letterhead from the page's header."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lxml import etree

from qa_service.errors import CorpusError
from qa_service.readers.calendar_names import day_first_in
from qa_service.readers.extract import Block, Extract, Fact, compose, facts_from, squeeze
from qa_service.readers.letterhead import is_marker, usable_title

UNPACKED_MAX = 200_000_000
RATIO_MAX = 200
"""Text packs to a tenth, an empty table to a hundredth; a bomb to a thousandth."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_T = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_META = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_UNSEEN = {
    f"{_W}del",
    f"{_W}moveFrom",
    f"{_MC}Fallback",
    f"{_T}tracked-changes",
    f"{_OFFICE}annotation",
    f"{_T}note",
}
_CELL_MAX = 80


def open_zip(data: bytes, most: int = UNPACKED_MAX) -> zipfile.ZipFile:
    """An archive that does not unpack to more than a press release can be.

    Raises:
        CorpusError: damaged, encrypted, or a bomb.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise CorpusError(f"not a readable archive ({error}): it may be truncated") from error
    size = sum(info.file_size for info in archive.infolist())
    packed = max(1, sum(info.compress_size for info in archive.infolist()))
    if size > most or (size > 20_000_000 and size / packed > RATIO_MAX):
        raise CorpusError(f"unpacks to {size:,} bytes, {size // packed} times its size: not opened")
    if any(info.flag_bits & 1 for info in archive.infolist()):
        raise CorpusError("the file is encrypted: save a copy without a password")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of an archive, no longer than the archive says that it is.

    Raises:
        CorpusError: damaged, or longer.
    """
    try:
        info = archive.getinfo(name)
        with archive.open(info) as member:
            data = member.read(info.file_size + 1)
    except (
        KeyError,
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        ValueError,
        zlib.error,
    ) as error:
        raise CorpusError(f"{name} in it cannot be read ({error}): it may be truncated") from error
    if len(data) > info.file_size:
        raise CorpusError(f"{name} in it is longer than it says: not opened")
    return data


def parse_xml(data: bytes) -> Any:
    """XML without entities, network or endless depth.

    Raises:
        CorpusError: not well-formed.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise CorpusError(f"not well-formed XML ({error})") from error


def read_docx(data: bytes) -> Extract:
    """One release from a Word file.

    Raises:
        CorpusError: damaged, encrypted, a bomb, or without text.
    """
    import docx

    open_zip(data).close()
    try:
        document = docx.Document(io.BytesIO(data))
        body = document.element.body
        sections = list(document.sections)
        heads = sections[0].header._element if sections else None
        feet = sections[0].footer._element if sections else None
        properties = document.core_properties
        title, language = properties.title or "", _docx_language(document)
    except CorpusError:
        raise
    except Exception as error:  # python-docx lets through whatever a damaged file provokes
        raise CorpusError(f"not a readable Word file ({error}): it may be truncated") from error
    styles = {style.style_id: str(style.name).lower() for style in document.styles}
    blocks = [
        *(_docx_blocks(heads) if heads is not None else ()),
        *_docx_blocks(body),
        *(
            replace(block, boilerplate=True)
            for block in (_docx_blocks(feet) if feet is not None else ())
        ),
    ]
    extract = compose(blocks)
    if not extract.text:
        raise CorpusError("the Word file has no text: only pictures?")
    headings = _docx_headings(body, styles)
    return replace(
        extract,
        facts=(
            *_title(headings),
            *facts_from("file properties", title=usable_title(title), language=language[:2]),
        ),
        day_first=day_first_in(language),
    )


def _docx_language(document: Any) -> str:
    """The language that the file's default style names: "en-GB"."""
    found = document.styles.element.find(f"{_W}docDefaults/{_W}rPrDefault/{_W}rPr/{_W}lang")
    return str(found.get(f"{_W}val") or "") if found is not None else ""


def _docx_headings(body: Any, styles: dict[str, str]) -> list[str]:
    found: dict[str, list[str]] = {"title": [], "heading 1": []}
    for paragraph in body.iter(f"{_W}p"):
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        name = styles.get(style.get(f"{_W}val"), "") if style is not None else ""
        if name in found and (text := squeeze(_docx_text(paragraph))):
            found[name].append(text)
    return [*found["title"], *found["heading 1"][:1]]


def _title(headings: list[str]) -> tuple[Fact, ...]:
    return facts_from("heading", title=next((one for one in headings if not is_marker(one)), ""))


def _docx_blocks(parent: Any) -> Iterator[Block]:
    for child in parent:
        if child.tag == f"{_W}p":
            yield from (Block(line) for line in _docx_paragraph(child))
        elif child.tag == f"{_W}tbl":
            yield from _rows(
                [list(_docx_blocks(cell)) for cell in row.iter(f"{_W}tc")]
                for row in child.iterchildren(f"{_W}tr")
            )
        elif child.tag in (
            f"{_W}sdt",
            f"{_W}sdtContent",
            f"{_W}ins",
            f"{_W}customXml",
            f"{_W}smartTag",
        ):
            yield from _docx_blocks(child)


def _docx_paragraph(paragraph: Any) -> Iterator[str]:
    """The paragraph, after those of text boxes that hang on it."""
    for box in paragraph.iter(f"{_W}txbxContent"):
        if not any(parent.tag in _UNSEEN for parent in box.iterancestors()):
            yield from (block.text for block in _docx_blocks(box))
    yield _tidy(_docx_text(paragraph))


def _docx_text(element: Any) -> str:
    parts = []
    for child in element:
        if child.tag in _UNSEEN or child.tag == f"{_W}txbxContent":
            continue
        if child.tag == f"{_W}t":
            parts.append(child.text or "")
        elif child.tag in (f"{_W}tab", f"{_W}ptab"):
            parts.append("\t" if child.getparent().tag == f"{_W}r" else "")
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            parts.append("\n" if child.get(f"{_W}type") in (None, "textWrapping") else "")
        elif child.tag == f"{_W}noBreakHyphen":
            parts.append("\u2011")
        else:
            parts.append(_docx_text(child))
    return "".join(parts)


def _rows(rows: Any) -> Iterator[Block]:
    """A row of short cells is one line; cells that hold paragraphs are read one after the other."""
    for cells in rows:
        filled = [cell for cell in cells if cell]
        if len(filled) > 1 and all(
            len(cell) == 1 and len(cell[0].text) <= _CELL_MAX for cell in filled
        ):
            yield Block("\t".join(cell[0].text for cell in filled))
        else:
            yield from (block for cell in filled for block in cell)


def _tidy(text: str) -> str:
    lines = (re.sub(r"[ \r\f\v]+", " ", line).strip(" ") for line in text.strip("\n").split("\n"))
    return "\n".join(line for line in lines if line.strip()).strip()


def read_odt(data: bytes) -> Extract:
    """One release from an OpenDocument text.

    Raises:
        CorpusError: damaged, encrypted, a bomb, or without text.
    """
    with open_zip(data) as archive:
        content = parse_xml(read_member(archive, "content.xml"))
        names = set(archive.namelist())
        styles = parse_xml(read_member(archive, "styles.xml")) if "styles.xml" in names else None
        meta = parse_xml(read_member(archive, "meta.xml")) if "meta.xml" in names else None
    text = content.find(f".//{_OFFICE}body/{_OFFICE}text")
    if text is None:
        raise CorpusError("the OpenDocument file has no text in it")
    master = styles.find(f".//{_STYLE}master-page") if styles is not None else None
    heads = list(master.iterchildren(f"{_STYLE}header")) if master is not None else []
    feet = list(master.iterchildren(f"{_STYLE}footer")) if master is not None else []
    blocks = [
        *(block for head in heads for block in _odt_blocks(head)),
        *_odt_blocks(text),
        *(replace(block, boilerplate=True) for foot in feet for block in _odt_blocks(foot)),
    ]
    extract = compose(blocks)
    if not extract.text:
        raise CorpusError("the OpenDocument file has no text: only pictures?")
    locale = _odt_language(styles)
    title = meta.find(f".//{_DC}title") if meta is not None else None
    named = squeeze(title.text or "") if title is not None else ""
    return replace(
        extract,
        facts=(
            *_title(_odt_headings(content, text)),
            *facts_from("file properties", title=usable_title(named), language=locale[:2]),
        ),
        day_first=day_first_in(locale),
    )


def _odt_language(styles: Any) -> str:
    if styles is None:
        return ""
    for found in styles.iter(f"{_STYLE}text-properties"):
        language, country = found.get(f"{_FO}language") or "", found.get(f"{_FO}country") or ""
        if language not in ("", "none", "zxx"):
            return f"{language}-{country}" if country not in ("", "none") else language
    return ""


def _odt_headings(content: Any, text: Any) -> list[str]:
    parents = {
        style.get(f"{_STYLE}name"): style.get(f"{_STYLE}parent-style-name")
        for style in content.iter(f"{_STYLE}style")
    }
    titles = []
    for paragraph in text.iter(f"{_T}p"):
        name = paragraph.get(f"{_T}style-name")
        if "Title" in (name, parents.get(name)):
            titles.append(squeeze(_odt_text(paragraph)))
    first = [
        squeeze(_odt_text(h))
        for h in text.iter(f"{_T}h")
        if h.get(f"{_T}outline-level", "1") == "1"
    ]
    return [one for one in (*titles, *first[:1]) if one]


def _odt_blocks(parent: Any) -> Iterator[Block]:
    for child in parent:
        if child.tag in _UNSEEN or not isinstance(child.tag, str):
            continue
        if child.tag in (f"{_T}p", f"{_T}h"):
            for box in child.iter("{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}text-box"):
                yield from _odt_blocks(box)
            yield Block(_tidy(_odt_text(child)))
        elif child.tag == f"{_TABLE}table":
            yield from _rows(
                [list(_odt_blocks(cell)) for cell in row.iterchildren(f"{_TABLE}table-cell")]
                for row in child.iter(f"{_TABLE}table-row")
            )
        else:
            yield from _odt_blocks(child)


def _odt_text(element: Any) -> str:
    parts = [re.sub(r"[ \t\r\n]+", " ", element.text or "")]
    for child in element:
        if child.tag == f"{_T}s":
            parts.append(" " * min(int(child.get(f"{_T}c", "1")), 100))
        elif child.tag == f"{_T}tab":
            parts.append("\t")
        elif child.tag == f"{_T}line-break":
            parts.append("\n")
        elif child.tag not in _UNSEEN and "text-box" not in str(child.tag):
            parts.append(_odt_text(child))
        parts.append(re.sub(r"[ \t\r\n]+", " ", child.tail or ""))
    return "".join(parts)
