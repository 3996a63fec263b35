"""The releases of a file of any format, each by its reader."""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

from qa_service.errors import CorpusError
from qa_service.readers import sidecar
from qa_service.readers.extract import Extract
from qa_service.readers.mail import read_mail
from qa_service.readers.metadata import check_id, make_reading
from qa_service.readers.ocr import Ocr, make_ocr, read_image
from qa_service.readers.office import open_zip, read_docx, read_member, read_odt
from qa_service.readers.records import FieldMapping, read_csv, read_json, read_line, read_record
from qa_service.readers.sniffing import SUFFIXES, kind_of, sniff, suffix_of
from qa_service.readers.text import read_text
from qa_service.types import LeftOut, Reading, Withdrawn

Outcome = Reading | LeftOut | Withdrawn

_TEXTUAL = {"text", "html", "rtf"}
_MEMBERS_MAX = 20_000
_ARCHIVE_MAX = 2_000_000_000


READERS = 5
"""Raised when readers read otherwise: what was read before is then read again."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What decides, beside its bytes and its sidecar, how a file is read.

    ``release_max_bytes`` bounds text files and the text of a release, ``file_max_bytes`` files of other
    formats. ``day_first``: how 03/04/2022 is meant where a file does not say; ``None``: nobody knows.
    ``ocr_languages``: as Tesseract names them, joined by "+"; empty: all that are installed.
    """

    release_max_bytes: int = 5_000_000
    file_max_bytes: int = 100_000_000
    day_first: bool | None = None
    ocr_languages: str = ""
    readers: int = READERS


@dataclass(frozen=True, slots=True)
class _Job:
    """What is read, and what its sidecar says; ``source`` is the name with that of the archive in full."""

    name: str
    options: ReadingOptions
    given: Mapping[str, Any]
    tick: Callable[[], None]
    source: str
    inside: bool = False

    @property
    def release_id(self) -> str:
        return id_of(self.name)


def id_of(name: str) -> str:
    """The id of the release in a file: its path without the ending of a known format."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and "/" not in suffix and stem.rpartition("/")[2] else name


def limit_of(name: str, options: ReadingOptions) -> int | None:
    """The most bytes that such a file may have; ``None`` where its lines are bounded one by one."""
    promised = SUFFIXES.get(suffix_of(name), "")
    if promised == "lines":
        return None
    return options.release_max_bytes if promised in _TEXTUAL else options.file_max_bytes


def read_stream(
    name: str,
    stream: BinaryIO,
    options: ReadingOptions,
    given: Mapping[str, Any] | None = None,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    """Every release of one file. What cannot be read is said in its place; nothing else is raised.

    ``name`` is the path of the file below the corpus folder; ``given`` its sidecar; ``tick`` is called
    when a slow file has made progress.
    """
    job = _Job(name, options, given or {}, tick, name)
    yield from _read(job, stream)


def _read(job: _Job, stream: BinaryIO) -> Iterator[Outcome]:
    suffix = suffix_of(job.name)
    promised = SUFFIXES.get(suffix, "")
    try:
        if promised == "lines":
            yield from _lines(job, stream)
            return
        limit = limit_of(job.name, job.options) or job.options.file_max_bytes
        data = stream.read(limit + 1)
        if len(data) > limit:
            raise CorpusError(too_large(None, limit, promised in _TEXTUAL))
        if not data:
            raise CorpusError("the file is empty: it has no text")
        found = sniff(data)
        kind = kind_of(promised, found, suffix)
        warning = (
            (f"named {suffix}, but is {found.upper()}",) if promised and kind != promised else ()
        )
        yield from _READ[kind](job, data, warning)
    except CorpusError as error:
        yield LeftOut(job.source, str(error))


def refusal(name: str, size: int, options: ReadingOptions) -> str:
    """Why a file of ``size`` bytes is not read at all, or nothing."""
    limit = limit_of(name, options)
    textual = SUFFIXES.get(suffix_of(name), "") in _TEXTUAL
    return "" if limit is None or size <= limit else too_large(size, limit, textual)


def too_large(size: int | None, limit: int, textual: bool) -> str:
    """Why a file of ``size`` bytes (``None``: not known) is left out."""
    setting = "QA_RELEASE_MAX_BYTES" if textual else "QA_FILE_MAX_BYTES"
    bytes_ = f"{size:,} bytes, more" if size is not None else "more bytes"
    return f"{bytes_} than the limit of {limit:,}: split it, or set {setting}"


def _one(job: _Job, extract: Extract, warnings: tuple[str, ...] = ()) -> Outcome:
    """The outcome of a file that is one release."""
    return _outcome(
        job,
        replace(extract, warnings=(*warnings, *extract.warnings)),
        job.release_id,
        job.source,
        job.given,
    )


def _outcome(
    job: _Job, extract: Extract, release_id: str, source: str, given: Mapping[str, Any]
) -> Outcome:
    """The outcome of a release; what a person wrote about it wins."""
    try:
        size = len(extract.text.encode())
        if size > job.options.release_max_bytes:
            raise CorpusError(
                f"its text has {too_large(size, job.options.release_max_bytes, True)}"
            )
        beside, web = sidecar.read_given(given), sidecar.read_fetched(given)
        extract = replace(
            extract,
            facts=(*extract.facts, *web.facts),
            metadata={**extract.metadata, **web.metadata},
        )
        reading = make_reading(extract, release_id, source, beside, job.options.day_first)
    except CorpusError as error:
        return LeftOut(source, str(error))
    if reason := sidecar.withdrawn(given):
        return Withdrawn(release_id, reading.release.title, reason, source)
    return reading


def _simple(
    read: Callable[[bytes], Extract],
) -> Callable[[_Job, bytes, tuple[str, ...]], Iterator[Outcome]]:
    def run(job: _Job, data: bytes, warnings: tuple[str, ...]) -> Iterator[Outcome]:
        check_id(job.release_id)
        yield _one(job, read(data), warnings)

    return run


def _html(job: _Job, data: bytes, warnings: tuple[str, ...]) -> Iterator[Outcome]:
    from qa_service.readers.html import read_html

    yield _one(job, read_html(data, sidecar.charset(job.given)), warnings)


def _pdf(job: _Job, data: bytes, warnings: tuple[str, ...]) -> Iterator[Outcome]:
    from qa_service.readers.pdf import read_pdf

    yield _one(job, read_pdf(data, lambda: _ocr(job)), warnings)


def _image(job: _Job, data: bytes, warnings: tuple[str, ...]) -> Iterator[Outcome]:
    yield _one(job, read_image(data, _ocr(job)), warnings)


def _rtf(job: _Job, data: bytes, warnings: tuple[str, ...]) -> Iterator[Outcome]:
    from qa_service.readers.rtf import read_rtf

    yield _one(job, read_rtf(data), warnings)


def _ocr(job: _Job) -> Ocr | None:
    return make_ocr(job.options.ocr_languages, job.tick)


def _mail(job: _Job, data: bytes, warnings: tuple[str, ...]) -> Iterator[Outcome]:
    body, files = read_mail(data)
    if body is not None:
        yield _one(job, body, warnings)
    for name, attached in files:
        inner = job.given.get("releases", {}).get(f"{job.release_id}/{id_of(name)}", {})
        member = replace(
            job,
            name=f"{job.release_id}/{name}",
            source=f"{job.source}/{name}",
            given=inner,
            inside=True,
        )
        if "." + name.rpartition(".")[2].lower() in SUFFIXES and not name.lower().endswith(
            _PICTURES
        ):
            yield from _read(member, io.BytesIO(attached))


_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""What hangs on a mail as a picture is a logo or a photo."""


def _zip(job: _Job, data: bytes, _warnings: tuple[str, ...]) -> Iterator[Outcome]:
    if job.inside:
        raise CorpusError("an archive inside another is not opened: unpack it")
    with open_zip(data, _ARCHIVE_MAX) as archive:
        infos = sorted(
            (i for i in archive.infolist() if not i.is_dir()), key=lambda info: info.filename
        )
        if len(infos) > _MEMBERS_MAX:
            raise CorpusError(f"{len(infos):,} files in it, more than {_MEMBERS_MAX:,}: split it")
        names = {info.filename for info in infos}
        for info in infos:
            if sidecar.is_release(info.filename) and not info.filename.startswith("__MACOSX/"):
                yield from _member(job, archive, info, names)
                job.tick()


def _member(
    job: _Job, archive: zipfile.ZipFile, info: zipfile.ZipInfo, names: set[str]
) -> Iterator[Outcome]:
    name, source = f"{job.release_id}/{info.filename}", f"{job.source}/{info.filename}"
    try:
        beside = sidecar.name_of(info.filename)
        given = sidecar.parse(read_member(archive, beside), beside) if beside in names else {}
        own = job.given.get("releases", {}).get(id_of(name), {}) or given
        data = read_member(archive, info.filename)
    except CorpusError as error:
        yield LeftOut(source, str(error))
        return
    yield from _read(
        replace(job, name=name, source=source, given=own, inside=True), io.BytesIO(data)
    )


def _lines(job: _Job, stream: BinaryIO) -> Iterator[Outcome]:
    limit = job.options.release_max_bytes
    mapping = sidecar.mapping(job.given)
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        size = len(line)
        while not line.endswith(b"\n") and (rest := stream.readline(1 << 20)):
            size += len(rest)
            line = line[:1] + rest[-1:]
        if size > limit:
            yield LeftOut(f"{job.source}:{number}", too_large(size, limit, True))
        elif line.strip():
            yield _record(job, f"{job.source}:{number}", partial(read_line, line, mapping))
        if number % 100 == 0:
            job.tick()
    if number == 0:
        yield LeftOut(job.source, "the file is empty")


def _records(
    rows: Callable[[bytes], Any],
) -> Callable[[_Job, bytes, tuple[str, ...]], Iterator[Outcome]]:
    def run(job: _Job, data: bytes, _warnings: tuple[str, ...]) -> Iterator[Outcome]:
        mapping = sidecar.mapping(job.given) or FieldMapping({})
        for number, record in enumerate(rows(data), 1):
            position = f"{job.release_id}-{number}"
            read = partial(_read_row, record, mapping, position)
            yield _record(job, f"{job.source}:{number}", read)
            if number % 100 == 0:
                job.tick()

    return run


def _read_row(record: Any, mapping: FieldMapping, position: str) -> tuple[str, Extract]:
    if not isinstance(record, dict):
        raise CorpusError("the record is not an object")
    return read_record(record, mapping, position)


def _record(job: _Job, source: str, read: Callable[[], tuple[str, Extract]]) -> Outcome:
    try:
        release_id, extract = read()
    except CorpusError as error:
        return LeftOut(source, str(error))
    given = job.given.get("releases", {}).get(release_id, {})
    return _outcome(job, extract, release_id, source, given)


_READ: Mapping[str, Callable[[_Job, bytes, tuple[str, ...]], Iterator[Outcome]]] = {
    "text": _simple(read_text),
    "html": _html,
    "pdf": _pdf,
    "docx": _simple(read_docx),
    "odt": _simple(read_odt),
    "rtf": _rtf,
    "mail": _mail,
    "image": _image,
    "zip": _zip,
    "json": _records(read_json),
    "csv": _records(read_csv),
}
