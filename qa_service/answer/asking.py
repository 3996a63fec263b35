"""Retrieved passages to an answer whose every quote is exact, whichever engine proposed it."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qa_service.answer.checking import check_draft
from qa_service.answer.gathering import gather
from qa_service.answer.parts import answer_parts
from qa_service.answer.tools import tools_for
from qa_service.clarifying import ASK_BACK, could_be_meant
from qa_service.contradiction import SAY_OTHERWISE, find_contradiction
from qa_service.conversation import stand_alone
from qa_service.deadline import check_deadline
from qa_service.direct import Stems, day_meant, find_direct
from qa_service.engines import Answerer
from qa_service.facets import facets_of
from qa_service.facts import is_gathered, issue_asked
from qa_service.metrics import count_answer
from qa_service.passages import is_quotable
from qa_service.rewriting import PickLike, first_like
from qa_service.search import Published, Stages, look_up, search
from qa_service.searchable import searchable
from qa_service.types import (
    Answer,
    Claim,
    Direct,
    Draft,
    Filters,
    Found,
    Query,
    Turn,
)
from qa_service.understanding import Reading, understand

log = logging.getLogger(__name__)

ON_THE_MATTER = 0.45
"""Cosine of the nearest passage from which the releases count as being on the matter: 15 of 17 near misses
and false premises over the justice releases have it, of six questions on other matters none, of 133 that
can be answered 130."""
THRESHOLD, THRESHOLD_OF_FEW = 0.3, 0.2
"""Confidence below which the releases do not say, unless another is asked for. From 0.2 to 0.3 a further
14 % of the unanswerable questions over justice releases are declined and 6 % of the answerable ones; over
corpora of one to six releases 2 % and 5 %: there it is the lower one."""
FEW = 200
"""Passages, fewer of which are a small corpus."""
WHOLE = 3
"""Releases that are looked at as a whole where the answer has to be gathered."""
OUT_OF_DATES = 0.5
"""What remains of the confidence in an answer about a time that is not that of the releases."""
BEYOND = "The releases are of {first} to {last}."
ON_IT = "The releases are on this matter, but this they do not say."
NOT_ON_IT = "Nothing in the releases is on this matter."
UNREAD = (
    "The index's model does not read the language of this question: passages were found by their words "
    "alone. QA_EMBEDDER names another model."
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a question was understood as and the passages found for it, before it is answered."""

    query: Query
    found: list[Found]
    standalone: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer with everything it was made from."""

    answer: Answer
    query: Query
    found: list[Found]
    stages: Stages
    standalone: str
    took_ms: float


def ask(
    published: Published,
    answerer: Answerer,
    question: str,
    history: Sequence[Turn],
    filters: Filters,
    k: int,
    reading: Reading,
    threshold: float | None = None,
) -> Asked:
    """One question from one generation: stand-alone question, search, draft, checked answer.

    Below the confidence ``threshold`` the releases do not say; ``None``: that of :func:`usual_threshold`.

    Raises:
        QueryError: the question or the filters are unusable.
        EngineError: a model failed.
    """
    *_, asked = ask_in_steps(published, answerer, question, history, filters, k, reading, threshold)
    assert isinstance(asked, Asked)  # noqa: S101 - the last step
    return asked


def ask_in_steps(
    published: Published,
    answerer: Answerer,
    question: str,
    history: Sequence[Turn],
    filters: Filters,
    k: int,
    reading: Reading,
    threshold: float | None = None,
) -> Iterator[Looked | Asked]:
    """The same as :func:`ask`, for who wants to see the passages first or may walk away."""
    began = time.perf_counter()
    alone = stand_alone(question, history, reading.max_chars, most_like(published))
    query = understand(published, alone.question, filters, reading, alone.context)
    standalone = f"{query.text} ({alone.left_out})" if alone.left_out else query.text
    check_deadline()
    stages = search(published, query, k)
    found = look_up(published, stages, 0, k)
    if found and issue_asked(question):
        found += _rest_of(published, found, 1)
    elif found and is_gathered(query) and not (query.when and query.when.order):
        found += _rest_of(published, found, WHOLE)
    yield Looked(query, found, standalone)
    looked = time.perf_counter()
    check_deadline()
    generation_id = published.generation_id
    least = usual_threshold(published) if threshold is None else threshold
    if gathered := gather(published, query):
        answer, found = gathered[0], gathered[1] or found
    elif choices := could_be_meant(published, query, found):
        answer = Answer("clarify", ASK_BACK, (), 0.0, generation_id, choices=choices)
    elif stages.read:
        parts = facets_of(query)
        each = answer_parts(published, answerer, parts, k, least) if parts else None
        draft, found = each or (
            answerer.answer(query, found, tools_for(published, stages)),
            found,
        )
        if beside := beyond_dates(published, query):
            notes = (*draft.notes, beside)
            draft = replace(draft, confidence=OUT_OF_DATES * draft.confidence, notes=notes)
        checked = check_draft(draft, found, generation_id, least)
        denied = contradicted(query.text, found, published, draft.confidence)
        answer = denied or with_direct(checked, found, query.text, published.lexical.stems)
        answer = with_kind_of_no(answer, found)
    else:
        answer = Answer("no_evidence", UNREAD, (), 0.0, generation_id)
    found = _shown(found, answer, k)
    ended = time.perf_counter()
    count_answer(answer.status, answer.dropped, ended - looked)
    stages = replace(stages, took_ms=stages.took_ms | {"answer": round(1000 * (ended - looked), 2)})
    took_ms = (ended - began) * 1000
    log.info(
        "answer generation=%s status=%s confidence=%.2f dropped=%d took_ms=%.0f stages=%s",
        generation_id, answer.status, answer.confidence, answer.dropped, took_ms, stages.took_ms,
    )  # fmt: skip
    yield Asked(answer, query, found, stages, standalone, took_ms)


def usual_threshold(published: Published) -> float:
    """The confidence below which the releases do not say, by the size of the corpus."""
    return THRESHOLD if published.size >= FEW else THRESHOLD_OF_FEW


def most_like(published: Published) -> PickLike:
    """Of several names the one of the nearest meaning: a country for a country."""

    def pick(name: str, names: Sequence[str]) -> str:
        if not published.embedder.reads(name):
            return first_like(name, names)
        vectors = published.embedder.embed_queries([name, *names])
        return names[int(np.argmax(vectors[1:] @ vectors[0]))]

    return pick


def notes_on(stages: Stages, answer: Answer | None = None) -> Iterator[str]:
    """What a reader should know of how the passages were found, and the answer."""
    if not stages.read:
        yield UNREAD
    yield from answer.notes if answer else ()


def contradicted(
    question: str, found: Sequence[Found], published: Published, confidence: float
) -> Answer | None:
    """The sentence that denies what the question takes for granted, if one does."""
    denial = find_contradiction(question, found, published.lexical.stems)
    if denial is None:
        return None
    sentence, where = denial
    claim = Claim(where.passage.passage_id, sentence.start, sentence.end, sentence.text)
    cited = check_draft(Draft((claim,), 1.0), found, published.generation_id, 0.0)
    text = f"{SAY_OTHERWISE}\n\n{cited.text}"
    return replace(cited, status="contradicted", text=text, confidence=confidence / 2)


def beyond_dates(published: Published, query: Query) -> str:
    """What to say if the question is about a time before or after that of the releases; or nothing.

    What is still to come may have been announced, and is not meant.
    """
    oldest, newest = published.date_range()
    when = query.when
    if not (when and when.periods and oldest and newest):
        return ""
    earlier = all(one.last and one.last < oldest for one in when.periods)
    later = all(
        one.first and one.last and newest < one.first and one.last < when.as_of
        for one in when.periods
    )
    if not (earlier or later):
        return ""
    first, last = (f"{day.day} {day:%B %Y}" for day in (oldest, newest))
    return BEYOND.format(first=first, last=last)


def with_kind_of_no(answer: Answer, found: Sequence[Found]) -> Answer:
    """An honest no with a note on whether the releases are on the matter at all."""
    if answer.status != "no_evidence":
        return answer
    near = max((one.dense for one in found), default=0.0) >= ON_THE_MATTER
    return replace(answer, notes=(*answer.notes, ON_IT if near else NOT_ON_IT))


def with_direct(answer: Answer, found: Sequence[Found], question: str, stems: Stems) -> Answer:
    """The answer with what answers by itself first, if the first quote has it."""
    if not answer.citations:
        return answer
    first = answer.citations[0]
    shown = searchable(first.quote)
    found_span = find_direct(question, shown.text, stems)
    if found_span is None:
        return answer
    span = shown.span(*found_span)
    release = next(one.release for one in found if one.release.release_id == first.release_id)
    text, at = first.quote[slice(*span)], first.start
    means = day_meant(text, release, [one.release for one in found])
    direct = Direct(first.n, at + span[0], at + span[1], text, means)
    told = f"{text} ({means})" if means else text
    return replace(answer, direct=direct, text=f"{told} [{direct.n}]\n\n{answer.text}")


def _shown(found: Sequence[Found], answer: Answer, k: int) -> list[Found]:
    """The best passages, and whatever else is cited."""
    cited = {one.passage_id for one in answer.citations}
    return [one for at, one in enumerate(found) if at < k or one.passage.passage_id in cited]


def _rest_of(published: Published, found: Sequence[Found], releases: int) -> list[Found]:
    """The other passages of the best releases: a list goes on in them, a letterhead says when and where."""
    known = {one.passage.passage_id for one in found}
    best = {one.release.release_id: one.release for one in found}
    others = [
        (passage, release)
        for release in list(best.values())[:releases]
        for passage in published.passages_of(release.release_id)
        if passage.passage_id not in known and is_quotable(release, passage)
    ]
    return [
        Found(passage, release, rank, 0.0)
        for rank, (passage, release) in enumerate(others, len(found) + 1)
    ]
