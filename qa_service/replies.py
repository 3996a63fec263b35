"""The wire format: what the JSON routes give. Fixed, so that clients can rely on it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from qa_service.answer import Asked
from qa_service.clarifying import about
from qa_service.index import Generation
from qa_service.passages import page_of
from qa_service.search import Stages
from qa_service.types import (
    Citation,
    Direct,
    Found,
    Mentions,
    Passage,
    Ranking,
    Release,
)
from qa_service.understood import UnderstoodReply

LISTED = 100
"""Releases listed of those that mention something."""


SpanReply = Annotated[
    tuple[int, int],
    WithJsonSchema({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
]
"""A start and an end, described in the words that every reader of OpenAPI knows."""


class HitReply(BaseModel):
    """A passage found. ``release.text[start:end] == text``, counted in code points."""

    rank: int
    score: float = Field(description="Higher is better; comparable within one ranking only.")
    passage_id: str
    release_id: str
    start: int
    end: int
    text: str
    title: str
    published: date | None
    issuer: str
    url: str
    page: int | None = Field(description="The page that it begins on, from 1, of what has pages.")
    duplicates: list["DuplicateReply"] = Field(
        [], description="Nearly the same release elsewhere, with the same passage in it."
    )

    @classmethod
    def of(cls, found: Found) -> "HitReply":
        """From inside."""
        passage, release = found.passage, found.release
        return cls(
            rank=found.rank, score=found.score, passage_id=passage.passage_id,
            release_id=passage.release_id, start=passage.start, end=passage.end,
            text=passage.text, title=release.title, published=release.published,
            issuer=release.issuer, url=release.url, page=page_of(release, passage.start),
            duplicates=[DuplicateReply.of(*twin) for twin in found.twins],
        )  # fmt: skip


class DuplicateReply(BaseModel):
    """The same passage in a near-duplicate release: on another wire, or before a correction."""

    passage_id: str
    release_id: str
    title: str
    published: date | None
    issuer: str
    url: str

    @classmethod
    def of(cls, passage: Passage, release: Release) -> "DuplicateReply":
        """From inside."""
        return cls(
            passage_id=passage.passage_id, release_id=release.release_id, title=release.title,
            published=release.published, issuer=release.issuer, url=release.url,
        )  # fmt: skip


class StageHit(BaseModel):
    """A hit of one stage."""

    rank: int
    passage_id: str
    score: float


class StagesReply(BaseModel):
    """The ranking of each stage, and what each took."""

    lexical: list[StageHit]
    dense: list[StageHit]
    fused: list[StageHit]
    reranked: list[StageHit]
    took_ms: dict[str, float]

    @classmethod
    def of(cls, stages: Stages, shown: int) -> "StagesReply":
        """From inside; of the final rankings as many hits as are ``shown``."""
        names = {"lexical": None, "dense": None, "fused": shown, "reranked": shown}
        rankings = {name: _stage_hits(getattr(stages, name))[:most] for name, most in names.items()}
        return cls(**rankings, took_ms=stages.took_ms)


class SearchReply(UnderstoodReply):
    """The hits of a search, best first."""

    query: str
    generation_id: str
    took_ms: float
    total: int = Field(description="Hits in the whole ranking, of which `hits` is a part.")
    hits: list[HitReply]
    stages: StagesReply | None = Field(None, description="Only when explain was asked for.")


class CitationReply(BaseModel):
    """A quote that can be checked: ``release.text[start:end] == quote``."""

    n: int = Field(description="The text of the answer refers to it as [n].")
    release_id: str
    passage_id: str
    start: int
    end: int
    quote: str
    person: str = Field(
        description="Whom a quote that begins with `He` means, by the sentence before it; else empty."
    )
    title: str
    published: date | None
    issuer: str
    url: str
    page: int | None = Field(description="The page that it begins on, from 1, of what has pages.")

    @classmethod
    def of(cls, citation: Citation, release: Release) -> "CitationReply":
        """From inside."""
        return cls(
            n=citation.n, release_id=citation.release_id, passage_id=citation.passage_id,
            start=citation.start, end=citation.end, quote=citation.quote, person=citation.person,
            title=release.title, published=release.published, issuer=release.issuer,
            url=release.url, page=page_of(release, citation.start),
        )  # fmt: skip


class DirectReply(BaseModel):
    """What answers by itself, inside the quote of citation ``n``: ``release.text[start:end] == text``."""

    n: int
    start: int
    end: int
    text: str
    means: str = Field(description="The day that `yesterday` was, by the release's date.")

    @classmethod
    def of(cls, direct: Direct) -> "DirectReply":
        """From inside."""
        return cls(**asdict(direct))


class MentionReply(BaseModel):
    """A release that mentions what was asked for."""

    release_id: str
    title: str
    published: date | None
    issuer: str
    n: int | None = Field(description="The citation that quotes the mention, if one does.")


class MentionsReply(BaseModel):
    """The releases that mention something, or quote someone, counted over the whole corpus."""

    kind: Literal["mentions", "statements"]
    phrase: str
    which: Literal["all", "oldest", "newest"] = Field(description="Of which quotes were asked for.")
    total: int
    releases: list[MentionReply] = Field(description=f"The newest {LISTED}, the newest first.")

    @classmethod
    def of(cls, mentions: Mentions, citations: Sequence[Citation]) -> "MentionsReply":
        """From inside."""
        numbers = {(cited.release_id, cited.start): cited.n for cited in citations}
        kind = "statements" if mentions.said else "mentions"
        listed = mentions.releases[:LISTED]
        return cls(
            kind=kind, phrase=mentions.phrase, which=mentions.which, total=len(mentions.releases),
            releases=[
                MentionReply(
                    release_id=one.release.release_id, title=one.release.title,
                    published=one.release.published, issuer=one.release.issuer,
                    n=numbers.get((one.release.release_id, one.start)),
                )
                for one in listed
            ],
        )  # fmt: skip


class ChoiceReply(BaseModel):
    """A release that could be meant, and the question that asks about it."""

    release_id: str
    title: str
    published: date | None
    issuer: str
    question: str

    @classmethod
    def of(cls, question: str, release: Release) -> "ChoiceReply":
        """From inside."""
        return cls(
            release_id=release.release_id, title=release.title, published=release.published,
            issuer=release.issuer, question=about(question, release),
        )  # fmt: skip


class AnswerReply(UnderstoodReply):
    """An answer made of quotes, or ``no_evidence`` with the nearest passages."""

    status: Literal["answered", "no_evidence", "clarify", "contradicted"]
    text: str
    direct: DirectReply | None = Field(
        None, description="The date, sum, number, name or place asked for, where that is clear."
    )
    mentions: MentionsReply | None = Field(
        None, description="If the question was how many releases mention something, or which first."
    )
    choices: list[ChoiceReply] = Field(
        [], description="If status is `clarify`: the releases that could be meant."
    )
    citations: list[CitationReply]
    passages: list[HitReply]
    question: str
    standalone_question: str = Field(description="What was searched for, earlier turns included.")
    confidence: float = Field(ge=0, le=1, description="That the releases answer this.")
    generation_id: str
    took_ms: float

    @classmethod
    def of(cls, question: str, asked: Asked) -> "AnswerReply":
        """From inside."""
        releases = {found.release.release_id: found.release for found in asked.found}
        answer = asked.answer
        return cls(
            status=answer.status, text=answer.text,
            direct=DirectReply.of(answer.direct) if answer.direct else None,
            mentions=(
                MentionsReply.of(answer.mentions, answer.citations) if answer.mentions else None
            ),
            choices=[ChoiceReply.of(question, one) for one in answer.choices],
            citations=[CitationReply.of(c, releases[c.release_id]) for c in answer.citations],
            passages=[HitReply.of(found) for found in asked.found],
            question=question, standalone_question=asked.standalone,
            confidence=answer.confidence, generation_id=answer.generation_id,
            took_ms=round(asked.took_ms, 2), **UnderstoodReply.parts(asked.query, asked.stages, answer),
        )  # fmt: skip


class SearchingEvent(BaseModel):
    """The first event of a stream: the question has arrived."""

    state: Literal["searching"] = "searching"
    generation_id: str
    releases: int = Field(description="How many are searched, before any filter.")


class PassagesEvent(BaseModel):
    """What the answer will be made from."""

    standalone_question: str
    passages: list[HitReply]


class DoneEvent(BaseModel):
    """The last event of a stream."""

    generation_id: str
    took_ms: float


class ReleaseReply(BaseModel):
    """A whole release; ``body_start`` to ``body_end`` is the text without its letterhead."""

    release_id: str
    title: str
    text: str
    published: date | None
    issuer: str
    url: str
    language: str
    place: str
    source: str
    body_start: int
    body_end: int
    pages: list[int] = Field(description="Where each page begins in the text; empty without pages.")
    boilerplate: list[SpanReply] = Field(description="Spans that are not answered from.")
    superseded_by: str = Field(description="The id of the version that corrects it, or empty.")
    metadata: dict[str, Any]
    passages: list[str] = Field(description="The ids of its passages, in the order of the text.")
    generation_id: str

    @classmethod
    def of(cls, release: Release, generation: Generation) -> "ReleaseReply":
        """From inside."""
        names = cls.model_fields.keys() - {"metadata", "passages", "generation_id"}
        passages = generation.catalogue.passages_of(release.release_id)
        return cls(
            **{name: getattr(release, name) for name in names},
            metadata=dict(release.metadata),
            passages=[passage.passage_id for passage in passages],
            generation_id=generation.generation_id,
        )


class PassageReply(BaseModel):
    """A passage: ``release.text[start:end] == text``."""

    passage_id: str
    release_id: str
    start: int
    end: int
    text: str
    generation_id: str

    @classmethod
    def of(cls, passage: Passage, generation_id: str) -> "PassageReply":
        """From inside."""
        return cls(
            passage_id=passage.passage_id, release_id=passage.release_id, start=passage.start,
            end=passage.end, text=passage.text, generation_id=generation_id,
        )  # fmt: skip


def _stage_hits(ranking: Ranking) -> list[StageHit]:
    return [
        StageHit(rank=rank, passage_id=hit.passage_id, score=hit.score)
        for rank, hit in enumerate(ranking.hits, 1)
    ]
