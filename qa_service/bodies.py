"""The wire format: what the JSON routes take, and their errors. Fixed, so that clients can rely on it."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from qa_service.types import (
    Filters,
    Turn,
)
from qa_service.understanding import Reading

MAX_K = 100
MAX_OFFSET = 1000
MAX_TURNS = 50
MAX_TURN_CHARS = 20_000
MAX_BATCH = 100
MAX_LISTED = 500
MAX_VALUES = 1000


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_pair(value: str) -> str:
    name, equals, _ = value.partition("=")
    if not name or not equals:
        raise ValueError(f"{value!r} is not field=value")
    return value


def _not_a_number(value: object) -> object:
    """Truth values and days in a query are text, and in JSON no numbers: 0 is neither `false` nor a day."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value!r} is a number")
    return value


def _not_seconds(value: object) -> object:
    """A day is written out; a bare number would be read as seconds since 1970."""
    if isinstance(value, str) and "-" not in value.strip()[1:]:
        raise ValueError(f"{value!r} is not a day such as 2022-05-01")
    return _not_a_number(value)


def _not_a_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no number")
    return value


Hits = Annotated[int, Field(ge=1, le=MAX_K), BeforeValidator(_not_a_truth_value)]
Flag = Annotated[bool, BeforeValidator(_not_a_number)]
Day = Annotated[date, BeforeValidator(_not_seconds)]
Pair = Annotated[str, AfterValidator(_as_pair), Field(json_schema_extra={"pattern": "^[^=]+="})]
Strings = Annotated[
    list[str],
    Field(max_length=MAX_VALUES),
    BeforeValidator(
        _as_list, json_schema_input_type=str | Annotated[list[str], Field(max_length=MAX_VALUES)]
    ),
]
Pairs = Annotated[
    list[Pair],
    Field(max_length=MAX_VALUES),
    BeforeValidator(
        _as_list, json_schema_input_type=Pair | Annotated[list[Pair], Field(max_length=MAX_VALUES)]
    ),
]
NOT_BLANK: dict[str, Any] = {"pattern": r"\S"}
"""What the description says of a question; that it is blank is said in our own words."""


class Body(BaseModel):
    """A body whose unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class FiltersBody(Body):
    """Which releases may be searched; what is left out does not filter."""

    date_from: Day | None = Field(None, description="Releases of this day or later.")
    date_to: Day | None = Field(None, description="Releases of this day or earlier.")
    issuer: Strings = Field([], description="One issuer or several, exactly as listed.")
    release_id: Strings = Field([], description="One release or several.")
    language: Strings = Field([], description="One language or several, as the releases give it.")
    metadata: Pairs = Field(
        [],
        description="`field=value` of the releases' metadata; several values of a field mean any.",
    )

    def filters(self) -> Filters:
        """The same, inside."""
        pairs = [pair.partition("=")[::2] for pair in self.metadata]
        return Filters(
            self.date_from, self.date_to, tuple(self.issuer), tuple(self.release_id),
            tuple(self.language), tuple(pairs),
        )  # fmt: skip


class ReadingBody(Body):
    """How a question is read. What was read into it is in the reply."""

    as_of: Day | None = Field(None, description="The day that `last year` counts from; else today.")
    dates: Flag = Field(True, description="Make dates in the question periods to search in.")
    spelling: Flag = Field(True, description="Search for the nearest word if no release has one.")

    def reading(self, max_chars: int) -> Reading:
        """The same, inside."""
        return Reading(max_chars, self.as_of, self.dates, self.spelling)


class BatchItem(FiltersBody, ReadingBody):
    """A search of several. One that is blank has its problem in its place, so it is a search here."""

    q: str = Field(description="What to look for.")
    k: Hits = Field(10, description="How many hits.")
    limit: Hits | None = Field(None, description="Another name of `k`; it wins.")
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET), BeforeValidator(_not_a_truth_value)] = Field(
        0, description="How many of the best to pass over."
    )
    explain: Flag = Field(False, description="Add the ranking of each stage.")

    @property
    def size(self) -> int:
        """How many hits, by whichever name."""
        return self.limit or self.k


class SearchBody(BatchItem):
    """A search."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"q": "Ream naval base", "k": 5, "date_from": "2022-01-01"}]
        }
    )

    q: str = Field(
        description="What to look for.", examples=["Ream naval base"], json_schema_extra=NOT_BLANK
    )


class BatchBody(Body):
    """Several searches, answered in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"searches": [{"q": "Ream naval base", "k": 2}, {"q": "Myanmar"}]}]
        }
    )

    searches: list[BatchItem] = Field(min_length=1, max_length=MAX_BATCH)


class ReleasesQuery(FiltersBody):
    """A page of the list of releases."""

    limit: int = Field(50, ge=1, le=MAX_LISTED, description="How many releases.")
    offset: int = Field(0, ge=0, le=2**31, description="How many of the newest to pass over.")


class ExportQuery(SearchBody):
    """A search to be saved."""

    format: Literal["jsonl", "csv", "ris"] = Field("jsonl", description="The kind of file.")


class TurnBody(Body):
    """An earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str = Field(max_length=MAX_TURN_CHARS)


class AnswerBody(ReadingBody):
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

    question: str = Field(description="In plain language.", json_schema_extra=NOT_BLANK)
    history: list[TurnBody] = Field([], max_length=MAX_TURNS, description="The oldest turn first.")
    k: Hits = Field(10, description="How many passages to answer from.")
    filters: FiltersBody = Field(default_factory=FiltersBody)

    def turns(self) -> list[Turn]:
        """The history, inside."""
        return [Turn(turn.role, turn.text) for turn in self.history]


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
