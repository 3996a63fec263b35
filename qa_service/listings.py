"""The wire format of lists: of releases, and of several searches at once."""

from datetime import date

from pydantic import BaseModel, Field

from qa_service.bodies import Problem
from qa_service.replies import SearchReply
from qa_service.types import Release


class ReleaseSummary(BaseModel):
    """A release without its text."""

    release_id: str
    title: str
    published: date | None
    issuer: str
    url: str
    language: str
    place: str

    @classmethod
    def of(cls, release: Release) -> "ReleaseSummary":
        """From inside."""
        return cls(**{name: getattr(release, name) for name in cls.model_fields})


class ReleasesReply(BaseModel):
    """A page of the releases, the newest first, undated ones last."""

    total: int = Field(description="Releases in the whole list, of which `releases` is a part.")
    limit: int
    offset: int
    releases: list[ReleaseSummary]
    generation_id: str


class BatchReply(BaseModel):
    """What each search of a batch found, in their order: all from one generation."""

    generation_id: str
    took_ms: float
    replies: list[SearchReply | Problem] = Field(
        description="A search that cannot be used has its problem here; the others go on."
    )
