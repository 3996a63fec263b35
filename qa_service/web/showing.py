"""An answer as the page shows it: headings, quotes in parts, addresses, Markdown to take away."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from qa_service.answer import Asked, in_figures, notes_on
from qa_service.clarifying import about
from qa_service.index import Generation
from qa_service.passages import page_of
from qa_service.types import Answer, Citation, Release
from qa_service.web.addresses import Wanted, release_address, safe_url
from qa_service.web.marking import Part, cut
from qa_service.web.rendering import long_date

AROUND = 160
"""Characters of the passage shown on either side of a quote that is pointed at."""
LISTED = 200
"""Releases listed of those that mention something, and statements of a person."""
SURE = (
    (0.75, "The releases very probably answer this."),
    (0.45, "The releases probably answer this."),
    (0.0, "It is not certain that this answers the question: read the source."),
)
"""The confidence from which each is said. Of the answers on CLAPNQ's questions that say so 97 %, 74 % and
29 % are to answerable questions, on those of SQuAD 2.0, written to deceive, 67 %, 49 % and 36 %."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A citation as it is shown. ``before`` and ``after`` stand around the quote in its passage.

    ``address`` opens the release at the quote, with the answer's other quotes of it marked too.
    """

    citation: Citation
    release: Release
    parts: tuple[Part, ...]
    before: str
    after: str
    address: str
    permalink: str
    repeated: bool
    page: int | None


def shown(asked: Asked, wanted: Wanted, generation: Generation, base: str) -> dict[str, Any]:
    """What the template of an answer wants."""
    answer = asked.answer
    quotes = list(_quotes(asked))
    return {
        "key": secrets.token_hex(4),
        "wanted": wanted,
        "asked": asked,
        "answer": answer,
        "title": title_of(answer),
        "sure": sureness(answer),
        "quotes": quotes,
        "figures": in_figures(answer.mentions) if answer.mentions else "",
        "notes": [one for one in notes_on(asked.stages, answer) if one != answer.text],
        "choices": [
            (one, wanted.address(q=about(wanted.q, one), before=(), dates=True, spelling=True))
            for one in answer.choices
        ],
        "found": asked.found if quotes else asked.found[:3],
        "releases": generation.manifest.releases,
        "listed": LISTED,
        "built_at": generation.manifest.built_at,
        "markdown": as_markdown(asked, wanted, quotes, base),
        "record": record_of(asked, wanted),
    }


def title_of(answer: Answer) -> str:
    """The heading over an answer."""
    if answer.status == "contradicted":
        return "The releases say otherwise"
    return "The releases say" if answer.citations else answer.text


def sureness(answer: Answer) -> str:
    """How sure the answer is, in words; nothing where there is none."""
    if not answer.citations:
        return ""
    if answer.mentions:
        return "Counted in all releases, by the words as they stand there."
    if answer.status == "contradicted":
        return "Only plain opposites are noticed, and not without mistakes: read the source."
    return next(words for least, words in SURE if answer.confidence >= least)


def as_markdown(asked: Asked, wanted: Wanted, quotes: list[Quoted], base: str) -> str:
    """A question and its answer, to be kept."""
    answer = asked.answer
    lines = [f"## {_escaped(' '.join(wanted.q.split()))}", ""]
    if answer.direct:
        lines += [f"**{_escaped(answer.direct.text)}** [{answer.direct.n}]", ""]
    elif not quotes or answer.mentions or answer.status == "contradicted":
        lines += [_escaped(answer.text.split("\n\n")[0]), ""]
    for one in quotes:
        said = _escaped(one.citation.quote).replace("\n", "\n> ")
        release = one.release
        title = _escaped(release.title or release.release_id)
        facts = [_escaped(release.issuer), long_date(release.published)]
        address = _kept(safe_url(release.url) or base.rstrip("/") + one.permalink)
        where = ", ".join(filter(None, facts))
        lines += [f"> {said} [{one.citation.n}]", ">", f"> — {title}, {where}, <{address}>", ""]
    lines += [f"{base.rstrip('/')}{wanted.address(embed=False)}"]
    lines += [f"Index of {answer.generation_id}.", ""]
    return "\n".join(lines)


def record_of(asked: Asked, wanted: Wanted) -> str:
    """What feedback on the answer is about, as JSON."""
    answer = asked.answer
    citations = [
        {"release_id": c.release_id, "start": c.start, "end": c.end, "quote": c.quote}
        for c in answer.citations
    ]
    record = {
        "question": wanted.q,
        "before": list(wanted.before),
        "standalone_question": asked.standalone,
        "status": answer.status,
        "text": answer.text,
        "citations": citations,
        "confidence": round(answer.confidence, 4),
        "generation_id": answer.generation_id,
    }
    return json.dumps(record, ensure_ascii=False)


def _quotes(asked: Asked) -> Iterator[Quoted]:
    """Each citation with its release and its quote in parts, the direct answer marked."""
    releases = {found.release.release_id: found.release for found in asked.found}
    passages = {found.passage.passage_id: found.passage for found in asked.found}
    direct = asked.answer.direct
    before = ""
    for cited in asked.answer.citations:
        release, passage = releases[cited.release_id], passages[cited.passage_id]
        own = [(direct.start, direct.end)] if direct and direct.n == cited.n else []
        span = (cited.start, cited.end)
        spans = [
            (one.start, one.end)
            for one in asked.answer.citations
            if one.release_id == cited.release_id
        ]
        first = max(passage.start, cited.start - AROUND)
        last = min(passage.end, cited.end + AROUND)
        yield Quoted(
            cited,
            release,
            tuple(cut(release.text, cited.start, cited.end, own)),
            ("… " if first > passage.start else "") + release.text[first : cited.start],
            release.text[cited.end : last] + (" …" if last < passage.end else ""),
            release_address(cited.release_id, *spans, at=span),
            release_address(cited.release_id, span),
            before == cited.release_id,
            page_of(release, cited.start),
        )
        before = cited.release_id


def _kept(address: str) -> str:
    """An address that stays one between Markdown's < and >."""
    return re.sub(r"[\s<>]", lambda found: quote(found[0]), address)


def _escaped(text: str) -> str:
    """Text that Markdown prints as it is."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", text)
