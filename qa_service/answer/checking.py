"""The guarantee: what is cited stands in a retrieved passage, word for word, whoever proposed it."""

import logging
from collections.abc import Sequence

from qa_service.referents import person_meant
from qa_service.types import Answer, Citation, Claim, Draft, Found

log = logging.getLogger(__name__)

NO_EVIDENCE = "The releases do not say."


def check_draft(
    draft: Draft, found: Sequence[Found], generation_id: str, threshold: float
) -> Answer:
    """Keep what stands in a retrieved passage, word for word, and count the rest."""
    by_id = {one.passage.passage_id: one for one in found}
    checked = [check_claim(claim, by_id.get(claim.passage_id)) for claim in draft.claims]
    kept = [claim for claim, stands in zip(draft.claims, checked, strict=True) if stands]
    inexact = len(draft.claims) - len(kept)
    if inexact:
        log.warning("dropped %d of %d claims: not exact", inexact, len(draft.claims))
    confidence = min(max(0.0, draft.confidence), 1.0)  # in this order "not a number" becomes 0
    citations: tuple[Citation, ...] = ()
    if kept and confidence >= threshold:
        citations = tuple(
            _cite(n, claim, by_id[claim.passage_id]) for n, claim in enumerate(kept, 1)
        )
    return Answer(
        status="answered" if citations else "no_evidence",
        text="\n\n".join(map(_in_words, citations)) or NO_EVIDENCE,
        citations=citations,
        confidence=confidence,
        generation_id=generation_id,
        dropped=draft.dropped + inexact,
        notes=draft.notes,
    )


def check_claim(claim: Claim, found: Found | None) -> bool:
    """Whether the claim's characters are its quote and lie in the passage that it names."""
    if found is None or not claim.quote.strip():
        return False
    inside = found.passage.start <= claim.start < claim.end <= found.passage.end
    return inside and found.release.text[claim.start : claim.end] == claim.quote


def _in_words(cited: Citation) -> str:
    person = f"[{cited.person}] " if cited.person else ""
    return f"{person}“{cited.quote}” [{cited.n}]"


def _cite(n: int, claim: Claim, found: Found) -> Citation:
    release_id, passage_id = found.release.release_id, found.passage.passage_id
    person = person_meant(found.release, claim.start, claim.end)
    return Citation(n, release_id, passage_id, claim.start, claim.end, claim.quote, person)
