"""A question that puts the same to several, answered part by part."""

from collections.abc import Sequence
from dataclasses import replace

from qa_service.answer.tools import tools_for
from qa_service.deadline import check_deadline
from qa_service.engines import Answerer
from qa_service.search import Published, look_up, search
from qa_service.types import Claim, Draft, Found, Query

QUOTES = 2
"""Quotes given for each part."""
SHARE = 0.5
"""Share of the threshold that a part has to reach, worded as nobody would ask it ("Who got longer, A?");
the mean of those that reach it has to reach the whole."""
SILENT = "“{part}”: the releases do not say."


def answer_parts(
    published: Published, answerer: Answerer, parts: Sequence[Query], k: int, threshold: float
) -> tuple[Draft, list[Found]] | None:
    """The draft of all parts and the passages of each; ``None`` if no part has an answer."""
    found: list[Found] = []
    claims: list[Claim] = []
    said: list[float] = []
    silent: list[str] = []
    dropped = 0
    for part in parts:
        check_deadline()
        stages = search(published, part, k)
        own = look_up(published, stages, 0, k)
        draft = answerer.answer(part, own, tools_for(published, stages))
        dropped += draft.dropped
        if draft.claims and draft.confidence >= SHARE * threshold:
            said.append(draft.confidence)
            claims += draft.claims[:QUOTES]
        else:
            silent.append(SILENT.format(part=part.facet))
        found += own
    if not said:
        return None
    by_id: dict[str, Found] = {}
    for one in sorted(found, key=lambda one: one.rank):
        by_id.setdefault(one.passage.passage_id, one)
    once = tuple(dict.fromkeys(claims))
    draft = Draft(once, sum(said) / len(said), dropped, tuple(silent))
    return draft, [replace(one, rank=rank) for rank, one in enumerate(by_id.values(), 1)]
