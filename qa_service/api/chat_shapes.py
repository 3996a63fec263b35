"""The wire format of OpenAI's chat completions, as far as a chat over releases has use for it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qa_service.bodies import (
    MAX_K,
    MAX_TURN_CHARS,
    MAX_TURNS,
    NOT_BLANK,
    AnswerBody,
    FiltersBody,
    TurnBody,
)
from qa_service.errors import QueryError
from qa_service.replies import AnswerReply

MODEL = "press-releases"
SOURCES = "\n\nSources:\n"
MAX_MESSAGES = 1000


FROM_USER: dict[str, Any] = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {"role": {"const": "user"}, "content": {"type": "string", **NOT_BLANK}},
}
"""What one message has to be: a question."""


class PartBody(BaseModel):
    """A part of a message; what is not text is passed over."""

    type: str = "text"
    text: str = ""


class MessageBody(BaseModel):
    """A message. Instructions (`system`, `developer`) and tools change nothing here."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartBody] | None = None

    def words(self) -> str:
        """The text of all parts."""
        content = self.content or ""
        return content if isinstance(content, str) else "\n".join(p.text for p in content)


class StreamOptions(BaseModel):
    """What a stream ends with."""

    include_usage: bool = False


class ChatBody(BaseModel):
    """A chat as OpenAI's clients send it. Temperature, tools and the like are accepted and unused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": MODEL,
                    "messages": [
                        {
                            "role": "user",
                            "content": "What did Cambodia say about the Ream naval base?",
                        }
                    ],
                }
            ]
        }
    )

    model: str = MODEL
    messages: Annotated[
        list[MessageBody],
        Field(min_length=1, max_length=MAX_MESSAGES, json_schema_extra={"contains": FROM_USER}),
    ]
    stream: bool = False
    stream_options: StreamOptions | None = None
    k: int = Field(
        10, ge=1, le=MAX_K, description="Not OpenAI's: how many passages to answer from."
    )
    filters: FiltersBody = Field(
        default_factory=FiltersBody, description="Not OpenAI's: as in `POST /api/answer`."
    )

    def as_question(self) -> AnswerBody:
        """The last message of the user that says something, after those before it.

        Earlier answers are left out, as on the page: they are the releases' words, and "it" in a
        follow-up means what the user spoke of.

        Raises:
            QueryError: the user has said nothing.
        """
        said = [one.words() for one in self.messages if one.role == "user" and one.words().strip()]
        if not said:
            raise QueryError("the question is empty: no message of the role user says anything")
        turns = [
            TurnBody(role="user", text=text[:MAX_TURN_CHARS]) for text in said[-1 - MAX_TURNS : -1]
        ]
        return AnswerBody(question=said[-1], history=turns, k=self.k, filters=self.filters)


class UrlCitation(BaseModel):
    """Where a citation leads; `start_index` to `end_index` is its `[n]` in the content."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """A citation as OpenAI's clients know it."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class MessageReply(BaseModel):
    """The answer: quotes with [n], then the sources."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation] = []


class ChoiceReply(BaseModel):
    """There is always one."""

    index: int = 0
    message: MessageReply
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class UsageReply(BaseModel):
    """No language model's tokens are counted here."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatReply(BaseModel):
    """A chat completion, and beside it the whole answer as `POST /api/answer` gives it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    system_fingerprint: str = Field(description="The generation that the answer is from.")
    choices: list[ChoiceReply]
    usage: UsageReply = UsageReply()
    answer: AnswerReply = Field(description="Not OpenAI's: the citations in full.")


class ModelReply(BaseModel):
    """The one model: the releases."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "qa-service"


class ModelsReply(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelReply]


def chunk(reply: ChatReply, delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    return {
        "id": reply.id, "object": "chat.completion.chunk", "created": reply.created,
        "model": reply.model, "system_fingerprint": reply.system_fingerprint, "choices": [choice],
        **more,
    }  # fmt: skip
