"""The wire format of how a question was understood: dates, corrections, notes. Part of every reply."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qa_service.answer import notes_on
from qa_service.search import Stages
from qa_service.types import Answer, Event, Query, When


class PeriodReply(BaseModel):
    """Days, both included; `null` is an open end."""

    date_from: date | None
    date_to: date | None


class EventReply(BaseModel):
    """An event of the question, and the release whose date of issue was taken for its day."""

    words: str
    release_id: str
    title: str
    published: date

    @classmethod
    def of(cls, event: Event) -> "EventReply":
        """From inside."""
        return cls(
            words=event.words, release_id=event.release_id, title=event.title,
            published=event.published,
        )  # fmt: skip


class InterpretedReply(BaseModel):
    """What was read from the question's words for dates. `dates=false` switches it off."""

    as_of: date = Field(description="The day that relative dates were counted from.")
    date_from: date | None = Field(description="The earliest day of the periods; `null` is open.")
    date_to: date | None = Field(description="The latest day of the periods; `null` is open.")
    periods: list[PeriodReply] = Field(
        description="Releases issued in one of them, or that mention a day in one, were searched."
    )
    order: Literal["newest", "oldest"] | None = Field(description="Which releases come first.")
    words: list[str] = Field(description="The words of the question that said so.")
    event: EventReply | None = Field(None, description="What a period opens or closes with.")

    @classmethod
    def of(cls, when: When) -> "InterpretedReply":
        """From inside."""
        firsts, lasts = [p.first for p in when.periods], [p.last for p in when.periods]
        return cls(
            as_of=when.as_of,
            date_from=min(filter(None, firsts), default=None) if all(firsts) else None,
            date_to=max(filter(None, lasts), default=None) if all(lasts) else None,
            periods=[PeriodReply(date_from=p.first, date_to=p.last) for p in when.periods],
            order=when.order or None,
            words=list(when.words),
            event=EventReply.of(when.event) if when.event else None,
        )


class CorrectionReply(BaseModel):
    """A word that no release has, and what was searched for. `spelling=false` switches it off."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: str = Field(alias="from", description="As the question has it.")
    to: str = Field(description="As the releases have it.")


class UnderstoodReply(BaseModel):
    """How the question was understood."""

    interpreted: InterpretedReply | None = None
    corrections: list[CorrectionReply] = []
    notes: list[str] = Field([], description="What a reader should know of how this was found.")

    @staticmethod
    def parts(query: Query, stages: Stages, answer: Answer | None = None) -> dict[str, Any]:
        """The fields of this model, from inside."""
        return {
            "interpreted": InterpretedReply.of(query.when) if query.when else None,
            "corrections": [
                CorrectionReply(from_=one.written, to=one.searched) for one in query.corrections
            ],
            "notes": list(notes_on(stages, answer)),
        }
