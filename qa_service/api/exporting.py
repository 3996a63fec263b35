"""A ranking as a file: JSON lines, CSV, RIS."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence

from qa_service.replies import HitReply
from qa_service.types import Found

FIELDS = "rank score release_id start end title issuer published url text".split()
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_jsonl(found: Sequence[Found]) -> str:
    """One hit a line, as the search gives it: the form in which every character is exact."""
    return "".join(HitReply.of(one).model_dump_json() + "\n" for one in found)


def as_csv(found: Sequence[Found]) -> str:
    """One hit a row (RFC 4180).

    A cell that a spreadsheet would take for a formula is preceded by an apostrophe: a release may
    not compute.
    """
    written = io.StringIO()
    rows = csv.DictWriter(written, FIELDS, extrasaction="ignore")
    rows.writeheader()
    for one in found:
        hit = HitReply.of(one).model_dump(mode="json")
        rows.writerow({name: _harmless(hit[name]) for name in FIELDS})
    return written.getvalue()


def as_ris(found: Sequence[Found]) -> str:
    """One record a release, with its passages as notes, in the order of the ranking."""
    by_release: dict[str, list[Found]] = {}
    for one in found:
        by_release.setdefault(one.release.release_id, []).append(one)
    return "".join("\r\n".join(_record(passages)) + "\r\n\r\n" for passages in by_release.values())


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _record(found: Sequence[Found]) -> Iterator[str]:
    release = found[0].release
    day = f"{release.published:%Y/%m/%d/}" if release.published else ""
    facts = {
        "TY": "GEN", "M3": "Press release", "ID": release.release_id, "TI": release.title,
        "PB": release.issuer, "AU": release.issuer, "DA": day, "PY": day[:4], "CY": release.place,
        "LA": release.language, "UR": release.url,
    }  # fmt: skip
    yield from (f"{tag}  - {_one_line(value)}" for tag, value in facts.items() if value)
    yield from (f"N1  - {_one_line(one.passage.text)}" for one in found)
    yield "ER  - "


def _one_line(text: str) -> str:
    return " ".join(text.split())


EXPORTS: Mapping[str, tuple[str, Callable[[Sequence[Found]], str]]] = {
    "jsonl": ("application/jsonl", as_jsonl),
    "csv": ("text/csv", as_csv),
    "ris": ("application/x-research-info-systems", as_ris),
}
