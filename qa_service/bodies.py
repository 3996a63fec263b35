"""The wire format: what the JSON routes take and give. Fixed, so that clients can rely on it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from qa_service.answer import Asked
from qa_service.index import Generation
from qa_service.search import Stages
from qa_service.types import Citation, Filters, Found, Passage, Ranking, Release, Turn

MAX_K = 100
MAX_OFFSET = 1000
MAX_TURNS = 50
MAX_TURN_CHARS = 20_000


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Strings = Annotated[list[str], BeforeValidator(_as_list), Field(max_length=1000)]


class Body(BaseModel):
    """A body whose unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class FiltersBody(Body):
    """Which releases may be searched; what is left out does not filter."""

    date_from: date | None = Field(None, description="Releases of this day or later.")
    date_to: date | None = Field(None, description="Releases of this day or earlier.")
    issuer: Strings = Field([], description="One issuer or several, exactly as listed.")
    release_id: Strings = Field([], description="One release or several.")

    def filters(self) -> Filters:
        """The same, inside."""
        return Filters(self.date_from, self.date_to, tuple(self.issuer), tuple(self.release_id))


class SearchBody(FiltersBody):
    """A search."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"q": "Ream naval base", "k": 5, "date_from": "2022-01-01"}]
        }
    )

    q: str = Field(description="What to look for.")
    k: int = Field(10, ge=1, le=MAX_K, description="How many hits.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="How many of the best to pass over.")
    explain: bool = Field(False, description="Add the ranking of each stage.")


class TurnBody(Body):
    """An earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str = Field(max_length=MAX_TURN_CHARS)


class AnswerBody(Body):
    """A question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "What did Cambodia say about the Ream naval base?"},
                {
                    "question": "And about Myanmar?",
                    "history": [{"role": "user", "text": "What did the ministers discuss?"}],
                    "filters": {"date_from": "2022-01-01"},
                },
            ]
        }
    )

    question: str = Field(description="In plain language.")
    history: list[TurnBody] = Field([], max_length=MAX_TURNS, description="The oldest turn first.")
    k: int = Field(10, ge=1, le=MAX_K, description="How many passages to answer from.")
    filters: FiltersBody = Field(default_factory=FiltersBody)

    def turns(self) -> list[Turn]:
        """The history, inside."""
        return [Turn(turn.role, turn.text) for turn in self.history]


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

    @classmethod
    def of(cls, found: Found) -> "HitReply":
        """From inside."""
        passage, release = found.passage, found.release
        return cls(
            rank=found.rank, score=found.score, passage_id=passage.passage_id,
            release_id=passage.release_id, start=passage.start, end=passage.end,
            text=passage.text, title=release.title, published=release.published,
            issuer=release.issuer, url=release.url,
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
    took_ms: dict[str, float]

    @classmethod
    def of(cls, stages: Stages) -> "StagesReply":
        """From inside."""
        rankings = (stages.lexical, stages.dense, stages.fused)
        lexical, dense, fused = map(_stage_hits, rankings)
        return cls(lexical=lexical, dense=dense, fused=fused, took_ms=stages.took_ms)


class SearchReply(BaseModel):
    """The hits of a search, best first."""

    query: str
    generation_id: str
    took_ms: float
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
    title: str
    published: date | None
    issuer: str
    url: str

    @classmethod
    def of(cls, citation: Citation, release: Release) -> "CitationReply":
        """From inside."""
        return cls(
            n=citation.n, release_id=citation.release_id, passage_id=citation.passage_id,
            start=citation.start, end=citation.end, quote=citation.quote, title=release.title,
            published=release.published, issuer=release.issuer, url=release.url,
        )  # fmt: skip


class AnswerReply(BaseModel):
    """An answer made of quotes, or ``no_evidence`` with the nearest passages."""

    status: Literal["answered", "no_evidence"]
    text: str
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
            citations=[CitationReply.of(c, releases[c.release_id]) for c in answer.citations],
            passages=[HitReply.of(found) for found in asked.found],
            question=question, standalone_question=asked.standalone,
            confidence=answer.confidence, generation_id=answer.generation_id,
            took_ms=round(asked.took_ms, 2),
        )  # fmt: skip


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


class LeftOutReply(BaseModel):
    """A file, or a line of one, that could not be read."""

    source: str
    reason: str


class StatusReply(BaseModel):
    """What is served."""

    generation_id: str
    built_at: datetime
    releases: int
    passages: int
    left_out: list[LeftOutReply]
    embedder: str
    date_from: date | None = Field(description="The date of the oldest dated release.")
    date_to: date | None = Field(description="The date of the newest dated release.")
    version: str
    problem: str | None = Field(description="Why a newer generation could not be opened, if so.")


class Problem(BaseModel):
    """An error as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "The question cannot be used",
                    "status": 422,
                    "detail": "the question is empty: ask something",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def _stage_hits(ranking: Ranking) -> list[StageHit]:
    return [
        StageHit(rank=rank, passage_id=hit.passage_id, score=hit.score)
        for rank, hit in enumerate(ranking.hits, 1)
    ]
