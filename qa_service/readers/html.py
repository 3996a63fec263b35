"""Web pages: the main content by trafilatura, metadata from JSON-LD, OpenGraph and ``meta``."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from qa_service.errors import CorpusError
from qa_service.readers.calendar_names import day_first_in
from qa_service.readers.dates import language_of_locale, parse_date
from qa_service.readers.extract import Block, Extract, Fact, compose, facts_from, squeeze
from qa_service.readers.text import decode

MAX_DEPTH = 250
_TYPES = re.compile(r"Article|PressRelease|BlogPosting|Report|WebPage|GovernmentService")
_DECLARED = re.compile(
    rb"""<meta[^>]{1,200}?charset=["']?\s*([\w-]+)|<\?xml[^>]{1,80}encoding=["']([\w-]+)""", re.I
)
_META = {
    "published": (
        "article:published_time", "datepublished", "date", "dc.date.issued", "dcterms.issued",
        "dc.date", "dcterms.date", "dcterms.created", "pubdate", "publish-date", "citation_date",
    ),
    "title": ("og:title", "dc.title", "dcterms.title", "twitter:title"),
    "issuer": ("dcterms.publisher", "dc.publisher", "publisher", "dc.creator", "dcterms.creator",
               "og:site_name"),
    "url": ("og:url",),
    "language": ("dc.language", "dcterms.language", "language"),
}  # fmt: skip
_BLOCKS = {"p", "head", "item", "row", "code", "ab"}


def read_html(data: bytes, charset: str = "") -> Extract:
    """One release from a page; ``charset`` is what the server said.

    Raises:
        CorpusError: no text in it, or more nested than any page is.
    """
    markup, doubt = _decode(data, charset)
    tree = _parse(markup)
    facts = tuple(_facts(tree))
    locale = str(tree.get("lang") or "")
    extract = compose(_main_blocks(tree))
    if not extract.text:
        raise CorpusError("the page has no text: is its content made by a script?")
    return Extract(
        extract.text,
        facts=(*facts, *facts_from("page metadata", language=language_of_locale(locale))),
        warnings=doubt,
        day_first=day_first_in(locale),
    )


def html_text(markup: str) -> str:
    """The text of a fragment, such as a field of an export, with a blank line between paragraphs."""
    if not re.search(r"</?\w+[^<>]*>|&\w+;", markup):
        return markup
    try:
        tree = lxml_html.fragment_fromstring(markup, create_parent="div")
    except (etree.ParserError, ValueError) as error:
        raise CorpusError(f"not HTML: {error}") from error
    return compose(_all_blocks(tree)).text


def _decode(data: bytes, charset: str) -> tuple[str, tuple[str, ...]]:
    declared = _DECLARED.search(data[:4096])
    names = [
        charset,
        *(name.decode("ascii", "ignore") for name in (declared.groups(b"") if declared else ())),
    ]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        for name in filter(None, names):
            encoding = "cp1252" if name.lower() in ("iso-8859-1", "latin-1", "us-ascii") else name
            try:
                return data.decode(encoding), ()
            except (UnicodeDecodeError, LookupError):
                continue
        text, encoding = decode(data)
        return text, (f"not UTF-8: read as {encoding}, by its look",) if encoding else ()
    return text, ()


def _parse(markup: str) -> Any:
    parser = lxml_html.HTMLParser(huge_tree=False, remove_comments=True, remove_pis=True)
    clean = re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f]|<\?xml[^>]*\?>", "", markup)
    try:
        tree = lxml_html.document_fromstring(clean, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise CorpusError(
            "the page has no text" if not clean.strip() else f"not HTML: {error}"
        ) from error
    if _is_deeper(tree, MAX_DEPTH):
        raise CorpusError(f"elements nested more than {MAX_DEPTH} deep: this is no page")
    return tree


def _is_deeper(tree: Any, limit: int) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            return True
    return False


def _main_blocks(tree: Any) -> list[Block]:
    from copy import deepcopy

    import trafilatura

    found = trafilatura.bare_extraction(
        deepcopy(tree),
        include_comments=False,
        include_tables=True,
        favor_recall=True,
        with_metadata=False,
    )
    body = getattr(found, "body", None)
    blocks = list(_extracted(body)) if body is not None else []
    whole = tree.find("body")
    everything = _all_blocks(whole if whole is not None else tree)
    if sum(len(block.text) for block in blocks) >= 200:
        return _with_heading(blocks, everything, _heading(tree))
    return everything if len(everything) > len(blocks) else blocks


def _heading(tree: Any) -> str:
    """The one heading of the first order, or nothing."""
    texts = [squeeze("".join(heading.itertext())) for heading in tree.iter("h1")]
    found = [text for text in texts if text]
    return found[0] if len(found) == 1 else ""


def _with_heading(blocks: list[Block], everything: list[Block], heading: str) -> list[Block]:
    """The blocks with the heading where it stands on the page: the extraction may take it for a title."""
    texts = [squeeze(block.text) for block in everything]
    if heading not in texts or any(squeeze(block.text) == heading for block in blocks):
        return blocks
    above = set(texts[: texts.index(heading)])
    at = next(
        (i for i, block in enumerate(blocks) if squeeze(block.text) not in above), len(blocks)
    )
    return [*blocks[:at], Block(heading), *blocks[at:]]


def _extracted(body: Any) -> Iterator[Block]:
    """What trafilatura found, paragraph by paragraph."""
    for element in body.iter(*_BLOCKS):
        if any(parent.tag in _BLOCKS - {"item"} for parent in element.iterancestors()):
            continue
        if element.tag == "row":
            cells = (squeeze("".join(cell.itertext())) for cell in element.iterchildren())
            yield Block("\t".join(cells))
        else:
            yield from map(Block, _lines(_own_text(element)))


def _own_text(element: Any) -> str:
    """The text of an element, its line breaks kept, without the blocks inside it."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == "lb":
            parts.append("\n")
        elif child.tag not in {*_BLOCKS, "list"}:
            parts.append(_own_text(child))
        parts.append(child.tail or "")
    return "".join(part if part == "\n" else re.sub(r"[ \t\r\n\f\v]+", " ", part) for part in parts)


def _lines(text: str) -> list[str]:
    """Paragraphs: two line breaks part them, one is a line of an address or a poem."""
    parts = re.split(r"(?: *\n *){2,}", text)
    return [
        "\n".join(squeeze(line) for line in part.split("\n") if squeeze(line)) for part in parts
    ]


_SKIPPED = {
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "nav",
    "form",
    "button",
    "iframe",
    "head",
    "title",
}
_INLINE = set(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q rp rt ruby s samp"
    " small span strike strong sub sup time tt u var wbr".split()
)


def _all_blocks(tree: Any) -> list[Block]:
    """All text of a page, a block wherever an element is not part of a line."""
    parts: list[str] = []
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        if not isinstance(element.tag, str):
            continue
        skipped = element.tag in _SKIPPED or any(p.tag in _SKIPPED for p in element.iterancestors())
        edge = "" if element.tag in _INLINE else "\n" if element.tag == "br" else "\n\n"
        if event == "start":
            text = "" if skipped else re.sub(r"[ \t\r\n\f\v]+", " ", element.text or "")
            parts += [edge, text]
        elif element is not tree:
            outer = any(p.tag in _SKIPPED for p in element.iterancestors())
            tail = "" if outer else re.sub(r"[ \t\r\n\f\v]+", " ", element.tail or "")
            parts += ["" if element.tag == "br" else edge, tail]
    return [Block(text) for text in _lines("".join(parts)) if text]


def _facts(tree: Any) -> Iterator[Fact]:
    for record in _linked_data(tree):
        publisher = (
            record.get("publisher") or record.get("author") or record.get("sourceOrganization")
        )
        yield from facts_from(
            "page metadata",
            title=_text(record.get("headline")),
            published=parse_date(_text(record.get("datePublished"))),
            issuer=_text(publisher),
            language=language_of_locale(_text(record.get("inLanguage"))),
        )
    given: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = str(meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower()
        given.setdefault(name, str(meta.get("content") or ""))
    for field, names in _META.items():
        value: Any = next((given[name] for name in names if given.get(name)), "")
        if field == "published":
            value = parse_date(value)
        elif field == "language":
            value = language_of_locale(value)
        if field != "url":
            yield from facts_from("page metadata", **{field: value})
    yield from facts_from("page metadata", url=_canonical(tree) or given.get("og:url", ""))
    yield from facts_from("heading", title=_heading(tree))
    times = [
        str(time.get("datetime")) for time in tree.iter("time") if time.get("pubdate") is not None
    ]
    yield from facts_from("page metadata", published=parse_date(times[0]) if times else None)
    yield from facts_from("first line", title=_page_title(tree))


def _page_title(tree: Any) -> str:
    """What the page is called, without the name of its site: "Lamps stay on | Port of Lindholm"."""
    title = tree.find(".//title")
    parts = re.split(r"\s+[|–—·»-]\s+", squeeze((title.text if title is not None else "") or ""))
    return max(parts, key=len)


def _canonical(tree: Any) -> str:
    links = (
        link for link in tree.iter("link") if "canonical" in str(link.get("rel")).lower().split()
    )
    return next(
        (str(link.get("href")) for link in links if str(link.get("href")).startswith("http")), ""
    )


def _linked_data(tree: Any) -> Iterator[dict[str, Any]]:
    """The JSON-LD objects that describe an article, the most telling first."""
    found: list[dict[str, Any]] = []
    for script in tree.iter("script"):
        if "ld+json" not in str(script.get("type")).lower():
            continue
        try:
            found += _objects(json.loads(script.text or ""))
        except (ValueError, RecursionError):
            continue
    about = [one for one in found if _TYPES.search(str(one.get("@type", "")))]
    return iter(sorted(about, key=lambda one: "WebPage" in str(one.get("@type"))))


def _objects(value: Any) -> Iterable[dict[str, Any]]:
    if isinstance(value, list):
        return [one for item in value for one in _objects(item)]
    if isinstance(value, dict):
        return [
            value,
            *_objects(value.get("@graph") or []),
            *_objects(value.get("mainEntity") or []),
        ]
    return []


def _text(value: Any) -> str:
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("alternateName"))
    return value if isinstance(value, str) else ""
