"""The wire format of what is served."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class LeftOutReply(BaseModel):
    """A file, or a line of one, that is not in the index: not to be read, or a copy of another."""

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
