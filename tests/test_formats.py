"""Real files of one invented release, made by LibreOffice Writer and by Chromium's print."""

import csv
import email.message
import io
import json
import re
import shutil
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st

from qa_service.passages import PassageSettings, is_quotable, page_of, split_release
from qa_service.readers.formats import Outcome, ReadingOptions, read_stream
from qa_service.readers.ocr import languages
from qa_service.types import LeftOut, Reading, Release, Withdrawn

FORMATS = DATA / "formats"
FILES = sorted(path.name for path in FORMATS.iterdir())
TITLE = "Minister Ada Brandvold opens the second harbour tower of Lindholm"
TESSERACT = shutil.which("tesseract")


def outcomes(name: str, data: bytes, **given: object) -> list[Outcome]:
    return list(read_stream(name, io.BytesIO(data), ReadingOptions(), given))


def reading(name: str, data: bytes, **given: object) -> Reading:
    [one] = outcomes(name, data, **given)
    assert isinstance(one, Reading), one
    return one


def release(name: str) -> Release:
    return reading(name, (FORMATS / name).read_bytes()).release


def reason(name: str, data: bytes, **given: object) -> str:
    [one] = outcomes(name, data, **given)
    assert isinstance(one, LeftOut)
    return one.reason


def pdf(*pages: list[tuple[float, float, float, str]], password: str = "") -> bytes:
    """A PDF by ReportLab: for each page left, bottom and size in points, and text, in order."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, (420, 595), encrypt=StandardEncryption(password) if password else None)
    for page in pages:
        for left, bottom, size, text in page:
            canvas.setFont("Times-Roman", size)
            canvas.drawString(left, bottom, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_every_producer_gives_the_same_release(name: str) -> None:
    found = release(name)
    expected = release("tower.html").text
    assert re.sub(r"^•\s", "", found.text, flags=re.MULTILINE) == expected
    assert (found.title, found.published) == (TITLE, date(2024, 3, 5))
    assert (found.issuer, found.place) == ("Ministry of Transport and Ports", "Lindholm")
    assert found.language == "en"


@pytest.mark.parametrize("name", FILES)
def test_what_stands_around_the_news_is_kept_and_not_answered_from(name: str) -> None:
    found = release(name)
    passages = split_release(found, PassageSettings())
    quotable = "\n".join(one.text for one in passages if is_quotable(found, one))
    assert "###" in found.text
    assert "press@transport.example" in found.text
    for furniture in ("###", "About the Ministry", "responsible for the roads", "Media contact"):
        assert furniture not in quotable
    assert "welcomed the tower" in quotable


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".pdf")])
def test_every_character_of_a_pdf_has_its_page(name: str) -> None:
    found = release(name)
    assert len(found.pages) == 2
    assert page_of(found, found.text.index("forty metres")) == 1
    assert page_of(found, found.text.index("two radar")) == 1
    assert page_of(found, found.text.index("Captain")) == 2


def test_a_web_page_is_read_without_its_navigation_and_with_its_address() -> None:
    found = release("tower.html")
    assert found.url == "https://transport.example/news/tower"
    assert "Home" not in found.text
    assert "All rights reserved" not in found.text


def test_running_heads_feet_and_page_numbers_do_not_cut_a_sentence() -> None:
    def page(number: int, *lines: str) -> list[tuple[float, float, float, str]]:
        body = [(50, 500 - 14 * i, 11, line) for i, line in enumerate(lines)]
        head, foot = (50, 560, 8, "Ministry of Ports"), (50, 20, 8, f"Page {number} of 3")
        return [head, *body, foot]

    full = "The tower that was opened on Tuesday will direct the traffic of all ferries in the"
    data = pdf(
        page(1, full, "inner harbour. " + full[:60], full),
        page(2, "outer harbour, and it will do so", "A new paragraph. " + full[:66]),
        page(3, "Goes on."),
    )
    text = reading("x.pdf", data).release.text
    assert text.count("Ministry of Ports") == 1
    assert "Page 2" not in text
    assert "ferries in the outer harbour, and it will do so" in text


def test_columns_are_read_one_after_the_other() -> None:
    left = [f"left line {n} with some words" for n in range(12)]
    right = [f"right line {n} with some words" for n in range(12)]
    both = zip(left, right, strict=True)
    rows = [
        part
        for i, (a, b) in enumerate(both)
        for part in ((40, 480 - 14 * i, 10, a), (220, 480 - 14 * i, 10, b))
    ]
    text = reading("x.pdf", pdf([(40, 540, 18, "A title over both"), *rows])).release.text
    words = re.findall(r"(left|right) line (\d+)", text)
    assert words == [("left", str(n)) for n in range(12)] + [("right", str(n)) for n in range(12)]


def test_the_largest_print_is_the_title_but_for_the_ministry_and_the_kind_of_paper() -> None:
    lines = [
        (50, 540, 24, "MINISTRY OF PORTS"), (50, 500, 20, "PRESS RELEASE"), (50, 460, 16, "Lamps stay on"),
        (50, 420, 11, "The lamps in the harbour stay on all night through the whole winter of this"),
        (50, 406, 11, "year, said the minister."),
    ]  # fmt: skip
    assert reading("x.pdf", pdf(lines)).release.title == "Lamps stay on"


def test_an_encrypted_pdf_is_refused_with_the_reason() -> None:
    data = pdf([(50, 500, 11, "Nobody may read this text of a release.")], password="secret")
    assert reason("x.pdf", data) == "the PDF is encrypted: save a copy without a password"


def test_a_pdf_of_ten_thousand_pages_is_refused_with_the_reason() -> None:
    data = pdf(*([] for _ in range(10_000)))
    assert reason("x.pdf", data) == "10,000 pages, more than the limit of 500: split it"


def scan(name: str) -> bytes:
    """A PDF of pictures of the pages of another, as a scanner makes it."""
    import pypdfium2

    source, made = pypdfium2.PdfDocument(FORMATS / name), pypdfium2.PdfDocument.new()
    for page in source:
        bitmap = page.render(scale=200 / 72)
        picture = pypdfium2.PdfImage.new(made)
        picture.set_bitmap(bitmap)
        width, height = page.get_size()
        picture.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
        sheet = made.new_page(width, height)
        sheet.insert_obj(picture)
        sheet.gen_content()
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


@pytest.mark.skipif(TESSERACT is None, reason="Tesseract is not installed")
def test_a_scanned_pdf_is_read_with_its_pages() -> None:
    found = reading("x.pdf", scan("chromium.pdf"))
    assert found.release.published == date(2024, 3, 5)
    assert "The tower, which is forty metres high, will direct the traffic" in found.release.text
    assert page_of(found.release, found.release.text.index("Captain Jonas Reyes")) == 2
    assert any(
        "read from pictures of its pages as" in one and "compare with the original" in one
        for one in found.warnings
    )


def test_without_tesseract_a_scan_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from qa_service.readers import ocr

    monkeypatch.setenv("PATH", str(tmp_path))
    ocr.languages.cache_clear()
    try:
        assert "apt-get install tesseract-ocr" in reason("x.pdf", scan("chromium.pdf"))
        assert "apt-get install tesseract-ocr" in reason("x.png", b"\x89PNG\r\n\x1a\n")
    finally:
        ocr.languages.cache_clear()


def test_deleted_text_of_a_word_file_is_not_read_and_inserted_text_is() -> None:
    import docx
    from docx.oxml import parse_xml

    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Ministry of Ports"
    paragraph = document.add_paragraph("The lamps cost ")
    paragraph._p.append(parse_xml(f"<w:del {w}><w:r><w:delText>nothing</w:delText></w:r></w:del>"))
    paragraph._p.append(parse_xml(f"<w:ins {w}><w:r><w:t>4 crowns</w:t></w:r></w:ins>"))
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Year", "Lamps"
    file = io.BytesIO()
    document.save(file)
    text = reading("x.docx", file.getvalue()).release.text
    assert text == "Ministry of Ports\n\nThe lamps cost 4 crowns\n\nYear\tLamps"


def test_what_a_file_is_counts_not_what_it_is_called() -> None:
    found = reading("x.docx", (FORMATS / "writer.pdf").read_bytes())
    assert found.release.title == TITLE
    assert found.warnings == ("named .docx, but is PDF",)


def test_a_mail_is_its_body_and_its_attached_releases() -> None:
    message = email.message.EmailMessage()
    message["From"] = "Press Office of the Port <press@port.example>"
    message["Subject"] = "Fwd: Lamps stay on"
    message["Date"] = "Tue, 05 Mar 2024 09:00:00 +0100"
    message.set_content("The lamps in the harbour stay on all night.\n")
    data = (FORMATS / "writer.pdf").read_bytes()
    message.add_attachment(data, "application", "pdf", filename="tower.pdf")
    message.add_attachment(b"GIF89a", "image", "gif", filename="logo.gif")
    body, attached = outcomes("m.eml", message.as_bytes())
    assert isinstance(body, Reading)
    assert isinstance(attached, Reading)
    assert (body.release.title, body.release.published) == ("Lamps stay on", date(2024, 3, 5))
    assert body.release.issuer == "Press Office of the Port"
    assert (attached.release.release_id, attached.release.source) == ("m/tower", "m.eml/tower.pdf")
    assert attached.release.title == TITLE


def test_a_table_is_a_release_a_row_by_usual_names_of_its_columns() -> None:
    file = io.StringIO()
    rows = csv.writer(file, delimiter=";")
    rows.writerow(["Headline", "Body", "Pub_Date", "Link", "Topic"])
    rows.writerow(
        [
            "Lamps",
            "<p>They stay on; all night.</p><p>Yes.</p>",
            "2024-03-05",
            "https://x.example/1",
            "port",
        ]
    )
    rows.writerow(["Nothing", "", "2024-03-05", "", ""])
    first, second = outcomes("export.csv", file.getvalue().encode())
    assert isinstance(first, Reading)
    assert first.release.text == "They stay on; all night.\n\nYes."
    assert (first.release.title, first.release.published) == ("Lamps", date(2024, 3, 5))
    assert (first.release.release_id, first.release.source) == ("export-1", "export.csv:1")
    assert first.release.metadata == {"Topic": "port"}
    assert second == LeftOut("export.csv:2", '"Body" is missing or empty')


def test_the_sidecar_of_an_export_says_which_field_is_what() -> None:
    records = [
        {"Nr": 17, "kopf": {"zeile": "Lampen"}, "inhalt": "Sie brennen.", "tag": "05.03.2024"}
    ]
    fields = {
        "id": "Nr",
        "title": "kopf.zeile",
        "text": "inhalt",
        "published": "tag",
        "metadata": [],
    }
    given = {"fields": fields, "releases": {"17": {"issuer": "Hafen"}}}
    found = reading("export.json", json.dumps({"items": records}).encode(), **given).release
    assert (found.release_id, found.title, found.text) == ("17", "Lampen", "Sie brennen.")
    assert (found.published, found.issuer, found.metadata) == (date(2024, 3, 5), "Hafen", {})


def test_an_archive_is_every_file_in_it_with_their_sidecars() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(FORMATS / "writer.pdf", "2024/tower.pdf")
        archive.writestr("2024/tower.meta.toml", 'issuer = "The Ministry"')
        archive.writestr("bad.txt", b"")
        archive.writestr("README.md", "no release")
        archive.writestr("x//up.txt", "The port opened.")
        archive.writestr("inner.zip", b"PK\x05\x06" + bytes(18))
        archive.writestr("wire.jsonl", '{"_id": "w1", "text": "The port opened."}\n')
    found = outcomes("export.zip", file.getvalue())
    releases = [one.release for one in found if isinstance(one, Reading)]
    assert [one.release_id for one in releases] == ["export/2024/tower", "w1"]
    assert releases[0].issuer == "The Ministry"
    left_out = {one.source: one.reason for one in found if isinstance(one, LeftOut)}
    assert left_out["export.zip/bad.txt"].startswith("the file is empty")
    assert "browsers drop it" in left_out["export.zip/x//up.txt"]
    assert "inside another" in left_out["export.zip/inner.zip"]


def test_a_bomb_is_not_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 90_000_000)
    for name in ("x.docx", "x.zip"):
        assert "unpacks to 90,000,000 bytes" in reason(name, file.getvalue())


@pytest.mark.parametrize("name", ["writer.docx", "writer.odt", "writer.pdf"])
def test_a_truncated_file_is_a_release_or_a_clear_refusal(name: str) -> None:
    data = (FORMATS / name).read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9, 0.99):
        [one] = outcomes(name, data[: int(share * len(data))])
        assert isinstance(one, LeftOut)
        assert "truncated" in one.reason


def damaged(data: bytes, at: int, odd: bytes) -> bytes:
    """The same with other bytes at a place; of a packed file in the part that has the text."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        at %= len(data)
        return data[:at] + odd + data[at + len(odd) :]
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            told = name.endswith(("document.xml", "content.xml"))
            new.writestr(name, damaged(part, at, odd) if told else part)
    return file.getvalue()


@given(st.sampled_from(FILES), st.integers(0, 100_000), st.binary(min_size=1, max_size=40))
def test_a_damaged_file_is_a_release_or_a_clear_refusal(name: str, at: int, odd: bytes) -> None:
    data = (FORMATS / name).read_bytes()
    for one in outcomes(name, damaged(data, at, odd)):
        if isinstance(one, Reading):
            assert 0 <= one.release.body_start <= one.release.body_end <= len(one.release.text)
        else:
            assert isinstance(one, LeftOut)
            assert one.reason


def test_a_pdf_without_one_of_its_pages_is_left_out_with_a_reason() -> None:
    data = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[9 0 R]/Count 1>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )
    [one] = outcomes("notice.pdf", data)
    assert isinstance(one, LeftOut)
    assert "failed to load page" in one.reason


def test_a_withdrawn_release_is_not_read_but_named() -> None:
    data = (FORMATS / "tower.html").read_bytes()
    [one] = outcomes("x.html", data, withdrawn="wrong figures")
    assert one == Withdrawn("x", TITLE, "wrong figures", "x.html")


def test_the_text_boxes_and_notes_of_writer_are_read_once() -> None:
    text = release("writer.odt").text
    assert text.count("forty metres") == 1


def test_json_of_wordpress_is_read_without_a_mapping() -> None:
    post: dict[str, Any] = {
        "id": 5,
        "date": "2024-03-05T10:00:00",
        "link": "https://x.example/5",
        "title": {"rendered": "Lamps &amp; towers"},
        "content": {"rendered": "<p>The lamps stay on.</p>\n<p>All night.</p>"},
    }
    found = reading("posts.json", json.dumps([post]).encode()).release
    assert (found.release_id, found.title) == ("5", "Lamps & towers")
    assert found.text == "The lamps stay on.\n\nAll night."
    assert (found.published, found.url) == (date(2024, 3, 5), "https://x.example/5")


def test_the_heading_of_a_page_is_part_of_its_text_where_it_stands() -> None:
    from invented import as_html, invent

    one = invent(5, 4)
    text = reading("x.html", as_html(one)).release.text
    assert text == "\n\n".join(one.blocks)


def test_the_title_of_a_page_without_a_heading_is_what_it_is_called_without_its_site() -> None:
    page = f"<html><title>Lamps stay on all night | Port of Lindholm</title><p>{'Prose. ' * 60}</p></html>"
    found = reading("x.html", page.encode())
    assert (found.release.title, found.origins["title"]) == (
        "Lamps stay on all night",
        "first line",
    )


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="Poppler is not installed")
def test_a_pdf_in_khmer_is_read_in_the_order_of_its_letters() -> None:
    found = reading("x.pdf", (DATA / "khmer" / "release.pdf").read_bytes()).release
    assert found.text.startswith("សេចក្តីប្រកាសព័ត៌មាន\n\n")
    assert found.title == ""  # that says what kind of paper it is
    assert "ឯកអគ្គរដ្ឋទូតនៅទីក្រុងភ្នំពេញ" in found.text
    assert (found.language, found.published, found.pages) == ("km", date(2022, 5, 16), (0,))


@pytest.mark.skipif("khm" not in languages(), reason="tesseract-ocr-khm is not installed")
def test_a_scan_in_khmer_is_read() -> None:
    found = reading("x.png", (DATA / "khmer" / "scan.png").read_bytes())
    assert "សាធារណការ និងដឹកជញ្ជូន សូមជម្រាបជូនសាធារណជនថា" in found.release.text
    assert found.release.published == date(2022, 5, 16)


@pytest.mark.skipif(TESSERACT is None, reason="Tesseract is not installed")
def test_a_scan_names_the_languages_it_was_read_in_and_the_package_of_others() -> None:
    data = (DATA / "khmer" / "scan.png").read_bytes()
    [outcome] = read_stream("x.png", io.BytesIO(data), ReadingOptions(ocr_languages="eng"))
    told = outcome.reason if isinstance(outcome, LeftOut) else " ".join(outcome.warnings)
    assert "apt-get install tesseract-ocr-khm" in told
    [missing] = read_stream("x.png", io.BytesIO(data), ReadingOptions(ocr_languages="xyz"))
    assert isinstance(missing, LeftOut)
    assert "apt-get install tesseract-ocr-xyz" in missing.reason


def test_without_poppler_a_pdf_in_khmer_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = reading("x.pdf", (DATA / "khmer" / "release.pdf").read_bytes())
    assert any("apt-get install poppler-utils" in warning for warning in found.warnings)
