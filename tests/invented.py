"""Invented releases, in every format that is read, and files that poison a parser.

The same number makes the same release: its unique word is ``word(number)``.
"""

import email.message
import html
import io
import json
import random
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

_SUBJECTS = (
    "Minister Ada Brandvold;The Port Authority;Captain Jonas Reyes;The regional office;Director Maja Holm;"
    "The Lindholm Ferry Company;The council of the islands;Secretary Olav Stein;The energy agency"
).split(";")
_VERBS = (
    "opened;announced;inspected;approved;presented;extended;financed;confirmed;postponed".split(";")
)
_OBJECTS = (
    "the second harbour tower;a new railway bridge;the winter timetable of the ferries;"
    "a programme of school meals;"
    "forty lamps on the northern pier;the offshore wind farm at Stormvik;an agreement on fishing quotas;"
    "a laboratory for water quality;the infrastructure fund;three hospital ships"
).split(";")
_ENDS = (
    "in the presence of {n} guests;at a cost of {n} million crowns;after {n} months of negotiations;"
    "for {n} thousand inhabitants of the outer islands;on the advice of {n} experts;"
    "together with {n} municipalities;according to a report of {n} pages"
).split(";")
_PLACES = "Lindholm Stormvik Ormsund Vesterland Nordfjell Granvik".split()
_ISSUERS = (
    "Ministry of Transport and Ports;Port Authority of Lindholm;Ministry of Education;"
    "Embassy of Vesterland;"
    "Department of Fisheries;Nordfjell Energy Agency"
).split(";")


@dataclass(frozen=True, slots=True)
class Invented:
    """A release: what is known of it, and its blocks of text in order."""

    number: int
    title: str
    issuer: str
    place: str
    published: date
    paragraphs: tuple[str, ...]

    @property
    def long_date(self) -> str:
        return f"{self.published.day} {self.published:%B %Y}"

    @property
    def blocks(self) -> tuple[str, ...]:
        """Letterhead, title, and paragraphs with the dateline, as they are printed."""
        first = f"{self.place}, {self.long_date} – {self.paragraphs[0]}"
        return (self.issuer, "PRESS RELEASE", self.title, first, *self.paragraphs[1:])


def word(number: int) -> str:
    """A word that no other release has."""
    letters = "bdfgklmnprstvz"
    made = ""
    for _ in range(5):
        number, digit = divmod(number, len(letters))
        made += letters[digit] + "aeiou"[digit % 5]
    return f"q{made}x"


def invent(number: int, paragraphs: int = 3) -> Invented:
    """The release of a number."""
    dice = random.Random(number)

    def sentence() -> str:
        end = dice.choice(_ENDS).format(n=dice.randint(2, 980))
        return f"{dice.choice(_SUBJECTS)} {dice.choice(_VERBS)} {dice.choice(_OBJECTS)} {end}."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(dice.randint(2, 5)))

    title = f"{dice.choice(_SUBJECTS)} {dice.choice(_VERBS)} {dice.choice(_OBJECTS)}"
    texts = [paragraph() for _ in range(paragraphs)]
    texts[0] = f"{texts[0]} The matter is filed as {word(number)}."
    day = date(2015, 1, 1) + timedelta(dice.randrange(3600))
    place, issuer = dice.choice(_PLACES), dice.choice(_ISSUERS)
    return Invented(number, title[:1].upper() + title[1:], issuer, place, day, tuple(texts))


def as_text(one: Invented) -> bytes:
    return "\n\n".join(one.blocks).encode()


def as_html(one: Invented, style: str = "") -> bytes:
    issuer, marker, title, *paragraphs = map(html.escape, one.blocks)
    body = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
    head = f'<meta charset="utf-8"><style>{style}</style>'
    return (
        f'<!DOCTYPE html><html lang="en-GB"><head>{head}</head><body><p>{issuer}</p><p>{marker}</p>'
        f"<h1>{title}</h1>\n{body}</body></html>"
    ).encode()


def as_docx(one: Invented) -> bytes:
    import docx

    issuer, marker, title, *paragraphs = one.blocks
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = issuer
    document.add_paragraph(marker)
    document.add_heading(title, 0)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def as_pdf(one: Invented, password: str = "") -> bytes:
    """With running heads and feet, by ReportLab."""
    from reportlab.lib.pagesizes import A5
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    issuer, marker, title, *paragraphs = map(html.escape, one.blocks)
    styles = getSampleStyleSheet()

    def around(canvas: object, document: object) -> None:
        canvas.setFont("Helvetica", 7)  # type: ignore[attr-defined]
        number = canvas.getPageNumber()  # type: ignore[attr-defined]
        canvas.drawString(60, 20, f"Press office of Vesterland · Page {number}")  # type: ignore[attr-defined]

    parts = [Paragraph(issuer, styles["Normal"]), Spacer(1, 8), Paragraph(marker, styles["Normal"])]
    parts += [Spacer(1, 8), Paragraph(title, styles["Title"])]
    for paragraph in paragraphs:
        parts += [Spacer(1, 8), Paragraph(paragraph, styles["Normal"])]
    file = io.BytesIO()
    locked = StandardEncryption(password) if password else None
    SimpleDocTemplate(file, pagesize=A5, encrypt=locked).build(parts, around, around)
    return file.getvalue()


def as_mail(one: Invented) -> bytes:
    message = email.message.EmailMessage()
    message["From"] = f"{one.issuer} <press@example.org>"
    message["Subject"] = one.title
    message.set_content("\n\n".join(one.blocks[3:]), cte="8bit")
    return message.as_bytes()


def as_rtf(one: Invented) -> bytes:
    def escaped(text: str) -> str:
        return "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in text)

    body = "\\par\\par\n".join(map(escaped, one.blocks))
    return f"{{\\rtf1\\ansi\\deff0{{\\fonttbl{{\\f0 Serif;}}}}\n{body}\\par}}".encode("ascii")


def as_json(one: Invented) -> bytes:
    record = {
        "id": f"json-{one.number}",
        "headline": one.title,
        "date": one.published.isoformat(),
        "body": "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in one.paragraphs),
    }
    return json.dumps([record]).encode()


def as_odt(one: Invented) -> bytes:
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    issuer, marker, title, *paragraphs = map(html.escape, one.blocks)
    body = "".join(f"<t:p>{text}</t:p>" for text in (issuer, marker))
    body += f'<t:h t:outline-level="1">{title}</t:h>' + "".join(
        f"<t:p>{p}</t:p>" for p in paragraphs
    )
    content = (
        f'<o:document-content xmlns:o="{office}office:1.0" xmlns:t="{office}text:1.0">'
        f"<o:body><o:text>{body}</o:text></o:body></o:document-content>"
    )
    return _packed({"META-INF/manifest.xml": b"<x/>", "content.xml": content.encode()})


GOOD: Mapping[str, Callable[[Invented], bytes]] = {
    ".txt": as_text, ".html": as_html, ".docx": as_docx, ".pdf": as_pdf, ".eml": as_mail,
    ".rtf": as_rtf, ".json": as_json, ".odt": as_odt,
}  # fmt: skip


def _packed(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def _endless_pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    for _ in range(10_000):
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    content = (
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><o:document-content xmlns:o="{office}">'
        "<o:body><o:text>&a9;</o:text></o:body></o:document-content>"
    )
    return _packed({"META-INF/manifest.xml": b"<x/>", "content.xml": content.encode()})


POISON: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "a bomb": (".docx", lambda: _packed({"word/document.xml": bytes(300_000_000)})),
    "ten thousand pages": (".pdf", _endless_pdf),
    "encrypted": (".pdf", lambda: as_pdf(invent(0), password="secret")),
    "truncated": (".docx", lambda: as_docx(invent(0))[:9_000]),
    "a lie": (".pdf", lambda: b"MZ\x90\x00" + bytes(5_000)),
    "endless depth": (".html", lambda: b"<html><body>" + b"<div>" * 200_000),
    "a heavy page": (".html", lambda: b"<html><body><p>" + b"<i>a</i> " * 540_000),
    "entities": (".odt", _laughs),
    "aliases": (".md", lambda: b"---\na: &a [x,x]\nb: [*a,*a,*a]\n---\nThe text."),
    "garbage": (".txt", lambda: bytes(range(256)) * 40),
    "half a file": (".json", lambda: as_json(invent(0))[:200]),
    "nothing": (".eml", lambda: b""),
}
"""What each is, the ending of its name, and its bytes."""
