"""How much of a release survives its way through real programs into files, and back.

Invented releases go through LibreOffice Writer, Chromium's print, ReportLab, python-docx and,
where Tesseract is installed, through a picture of a page as a scanner makes it. Of each is measured: the
share of the words that come back in the right order, of the dates, and of the titles.

    python benchmarks/measure_readers.py [--releases 40] [--scans 5]
"""

import argparse
import difflib
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from invented import Invented, as_docx, as_html, as_pdf, invent

from qa_service.corpus import ReadingOptions, read_with_origins
from qa_service.types import Reading

STYLES = (
    "body { font: 11pt 'Liberation Serif'; text-align: justify }",
    "body { font: 10pt 'Liberation Sans' } h1 { text-align: center; font-size: 16pt }",
    "body { font: 12pt 'DejaVu Serif'; margin: 0 2cm } p { text-indent: 1cm; margin: 0 }",
    "body { font: 11pt 'Liberation Serif'; text-align: justify; hyphens: auto } h1 { font-size: 24pt }",
)
COLUMNS = (
    "body { font: 10pt 'Liberation Serif'; columns: 2; column-gap: 1cm } h1 { column-span: all }"
)
Files = Mapping[int, Path]


@dataclass(frozen=True, slots=True)
class Score:
    """Shares, 0 to 1, and how many releases a second were read."""

    words: float
    dates: float
    titles: float
    rate: float


def written_as_html(folder: Path, releases: Sequence[Invented], styles: Sequence[str]) -> Files:
    """The sources that Writer and Chromium are given."""
    files = {}
    for one in releases:
        files[one.number] = folder / f"r{one.number}.html"
        files[one.number].write_bytes(as_html(one, styles[one.number % len(styles)]))
    return files


def by_writer(ending: str) -> Callable[[Path, Sequence[Invented]], Files]:
    """What LibreOffice makes of them: first an ODT, then that in another format."""

    def make(folder: Path, releases: Sequence[Invented]) -> Files:
        sources = written_as_html(folder, releases, STYLES)
        _soffice(folder, "odt:writer8", sources.values(), "--infilter=HTML (StarWriter)")
        made = {number: path.with_suffix(".odt") for number, path in sources.items()}
        if ending != ".odt":
            _soffice(folder, ending[1:], made.values())
            made = {number: path.with_suffix(ending) for number, path in made.items()}
        return made

    return make


def _soffice(folder: Path, target: str, files: object, *more: str) -> None:
    home = f"-env:UserInstallation=file://{folder}/.home"
    command = ["soffice", home, "--headless", *more, "--convert-to", target, "--outdir", folder]
    paths = [str(path) for path in files]  # type: ignore[attr-defined]
    subprocess.run([*map(str, command), *paths], check=True, capture_output=True, timeout=600)


def by_chromium(styles: Sequence[str]) -> Callable[[Path, Sequence[Invented]], Files]:
    """What a browser prints of them, each with its own style."""

    def make(folder: Path, releases: Sequence[Invented]) -> Files:
        files = {}
        for number, path in written_as_html(folder, releases, styles).items():
            files[number] = path.with_suffix(".pdf")
            command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
            command += [f"--print-to-pdf={files[number]}", path.as_uri()]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        return files

    return make


def by_python(ending: str, make_one: Callable[[Invented], bytes]) -> Callable[..., Files]:
    """What a library makes of them."""

    def make(folder: Path, releases: Sequence[Invented]) -> Files:
        files = {one.number: folder / f"r{one.number}{ending}" for one in releases}
        for one in releases:
            files[one.number].write_bytes(make_one(one))
        return files

    return make


def by_scanner(folder: Path, releases: Sequence[Invented]) -> Files:
    """Pages printed, and scanned at 200 dpi in grey with some noise."""
    import numpy as np
    import pypdfium2

    made = {}
    for number, path in by_chromium(STYLES[:1])(folder, releases).items():
        document, scan = pypdfium2.PdfDocument(path), pypdfium2.PdfDocument.new()
        for page in document:
            bitmap = page.render(scale=200 / 72, grayscale=True)
            pixels = bitmap.to_numpy()
            noise = np.random.default_rng(number).normal(0, 12, pixels.shape)
            pixels[:] = np.clip(pixels * 0.92 + noise, 0, 255).astype(np.uint8)
            picture = pypdfium2.PdfImage.new(scan)
            picture.set_bitmap(bitmap)
            picture.set_matrix(pypdfium2.PdfMatrix().scale(*page.get_size()))
            sheet = scan.new_page(*page.get_size())
            sheet.insert_obj(picture)
            sheet.gen_content()
        file = io.BytesIO()
        scan.save(file)
        made[number] = folder / f"scan{number}.pdf"
        made[number].write_bytes(file.getvalue())
    return made


def words_of(text: str) -> list[str]:
    """As they are meant: a word that a line break cut is one."""
    return re.findall(r"\w+", re.sub(r"(?<=\w)-\n(?=[a-z])", "", text))


def in_order(expected: Sequence[str], found: Sequence[str]) -> int:
    """How many of the expected words come back in their order."""
    matcher = difflib.SequenceMatcher(None, expected, found, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def measure(files: Files, releases: Mapping[int, Invented]) -> Score:
    """Read the files as a corpus of their own, and compare."""
    with tempfile.TemporaryDirectory() as name:
        corpus = Path(name)
        for number, path in files.items():
            shutil.copy(path, corpus / f"r{number}{path.suffix}")
        began = time.perf_counter()
        outcomes = list(read_with_origins(corpus, ReadingOptions()))
        took = time.perf_counter() - began
    read = {one.release.release_id: one.release for one in outcomes if isinstance(one, Reading)}
    kept = total = dates = titles = 0
    for number in files:
        one, found = releases[number], read.get(f"r{number}")
        expected = words_of("\n".join(one.blocks))
        total += len(expected)
        if found is not None:
            kept += in_order(expected, words_of(found.text))
            dates += found.published == one.published
            titles += words_of(found.title) == words_of(one.title)
    count = len(files)
    return Score(kept / total, dates / count, titles / count, count / took)


def producers() -> Iterator[tuple[str, Callable[[Path, Sequence[Invented]], Files]]]:
    """Those that are installed here."""
    if shutil.which("soffice"):
        for ending in (".pdf", ".docx", ".odt", ".rtf"):
            yield f"LibreOffice {ending[1:].upper()}", by_writer(ending)
    else:
        print("no LibreOffice here: apt-get install libreoffice-writer-nogui")
    if shutil.which("chromium"):
        yield "Chromium PDF", by_chromium(STYLES)
        yield "Chromium PDF, two columns", by_chromium((COLUMNS,))
    else:
        print("no Chromium here: apt-get install chromium")
    yield "ReportLab PDF", by_python(".pdf", as_pdf)
    yield "python-docx DOCX", by_python(".docx", as_docx)
    yield "HTML", by_python(".html", as_html)
    if shutil.which("tesseract") and shutil.which("chromium"):
        yield "scan, 200 dpi", by_scanner
    else:
        print("no Tesseract here: apt-get install tesseract-ocr")


def main() -> None:
    """Print a row for each producer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=40)
    parser.add_argument("--scans", type=int, default=5)
    given = parser.parse_args()
    releases = {number: invent(number, 5 + number % 9) for number in range(given.releases)}
    print(f"{'':28}{'words':>8}{'dates':>8}{'titles':>8}{'a second':>10}")
    for name, make in producers():
        count = given.scans if name.startswith("scan") else given.releases
        own = [releases[number] for number in range(count)]
        with tempfile.TemporaryDirectory() as folder:
            score = measure(make(Path(folder), own), releases)
        shares = "".join(f"{100 * x:8.2f}" for x in (score.words, score.dates, score.titles))
        print(f"{name:28}{shares}{score.rate:10.1f}", flush=True)


if __name__ == "__main__":
    main()
