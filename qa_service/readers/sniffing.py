"""Which format bytes are of, by what they begin with and by the file's name."""

import io
import zipfile
from collections.abc import Mapping

from qa_service.errors import CorpusError

SUFFIXES: Mapping[str, str] = {
    ".txt": "text", ".md": "text", ".markdown": "text", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx", ".odt": "odt", ".rtf": "rtf", ".eml": "mail",
    ".jsonl": "lines", ".ndjson": "lines", ".json": "json", ".csv": "csv", ".tsv": "csv", ".zip": "zip",
    ".png": "image", ".jpg": "image", ".jpeg": "image", ".tif": "image", ".tiff": "image", ".webp": "image",
}  # fmt: skip
"""File name endings and the formats that they promise."""
EXACTNESS = ("html", "docx", "odt", "rtf", "text", "mail", "pdf", "image")
"""Formats of one release, the one that is read the most exactly first."""
ADVICE: Mapping[str, str] = {
    "Word 97": "save it as .docx (`soffice --headless --convert-to docx`)",
    ".doc": "save it as .docx (`soffice --headless --convert-to docx`)",
    ".pages": "save it as .docx or PDF", ".wpd": "save it as .docx", ".xps": "save it as PDF",
    ".pptx": "save it as PDF", ".ppt": "save it as PDF", ".odp": "save it as PDF",
    ".xlsx": "save it as .csv", ".xls": "save it as .csv", ".ods": "save it as .csv",
    ".msg": "save it as .eml", ".7z": "pack it as .zip", ".rar": "pack it as .zip",
    ".gz": "unpack it, or pack it as .zip", ".tar": "pack it as .zip", ".xml": "save it as .html",
}  # fmt: skip
_BEGINNINGS: Mapping[str, tuple[bytes, ...]] = {
    "rtf": (b"{\\rtf",),
    "Word 97": (b"\xd0\xcf\x11\xe0",),
    "image": (b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"RIFF"),
}


def suffix_of(name: str) -> str:
    """The ending of a file's name, in small letters, or nothing."""
    last = name.rpartition("/")[2]
    return f".{last.rpartition('.')[2].lower()}" if "." in last else ""


def sniff(data: bytes) -> str:
    """The format that bytes begin like, or nothing: text looks like nothing."""
    begin = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if begin.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(data)
    for kind, beginnings in _BEGINNINGS.items():
        if begin.startswith(beginnings):
            return kind
    lower = begin[:300].lower()
    marked = lower.startswith((b"<!doctype html", b"<html"))
    return "html" if marked or (lower.startswith(b"<?xml") and b"<html" in lower) else ""


def _sniff_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return "archive"
    if "word/document.xml" in names:
        return "docx"
    if "content.xml" in names and "META-INF/manifest.xml" in names:
        return "odt"
    return "archive" if "[Content_Types].xml" in names else "zip"


def kind_of(promised: str, found: str, suffix: str) -> str:
    """What to read it as: what it is wins over what it is called."""
    if found in set(SUFFIXES.values()):
        return found
    if found == "Word 97" or not promised:
        advice = ADVICE.get(found) or ADVICE.get(suffix)
        known = ", ".join(sorted(SUFFIXES))
        raise CorpusError(f"{suffix or 'no'} files are not read; {advice or f'known: {known}'}")
    if promised in ("pdf", "rtf", "image", "docx", "odt", "zip"):
        what = "it may be truncated" if found == "archive" else "it begins otherwise"
        raise CorpusError(f"not {promised.upper()}, in spite of its name: {what}")
    return promised
