"""One frozen ``Settings``, read once from ``QA_*`` variables and a ``.env`` file."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from qa_service.errors import SettingsError

PREFIX = "QA_"


class Settings(BaseSettings):
    """Every setting, its default and its meaning. The variable is ``QA_`` and the name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    corpus_dir: Path = Field(Path("corpus"), description="The folder of press releases; read only.")
    index_dir: Path = Field(Path("index"), description="The folder of published generations.")
    host: str = Field("127.0.0.1", description="The address to serve on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to serve on; 0 takes a free one.")
    url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="A running service that `qa ask` and `qa search` ask in place of the index here.",
    )
    key: SecretStr = Field(SecretStr(""), description="The key to ask it with.")
    allow_anonymous: bool = Field(
        False,
        description="Anybody may ask without a key; on 127.0.0.1 that is so until a key is made.",
    )
    keys_file: Path = Field(
        Path("keys.json"), description="The digests of the service's keys; `qa keys` writes it."
    )
    rate_limit: str = Field(
        "", description="Requests of one key or address, such as 60/minute; empty: any number."
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses of proxies, with commas between, whose X-Forwarded-For is believed.",
    )
    allowed_hosts: str = Field(
        "", description="Names under which it may be asked, such as press.example *.press.example."
    )
    concurrency: int = Field(
        0,
        ge=0,
        description="Questions worked on at once, by each worker; 0: one for each processor.",
    )
    queue: int = Field(
        64,
        ge=0,
        description="Questions that may wait for that; others get 503 and when to come back.",
    )
    queue_timeout_s: float = Field(
        10.0, gt=0, description="One that has waited so long gets 503 too, in seconds."
    )
    request_timeout_s: float = Field(
        60.0,
        gt=0,
        description="A question or search that takes longer is given up with 504, in seconds.",
    )
    workers: int = Field(
        1, ge=1, description="Processes that answer; they share the index's memory."
    )
    shutdown_s: int = Field(
        30,
        ge=0,
        description="Requests at work when the server is to end may take so long, in seconds.",
    )
    log_format: Annotated[str, NoDecode] = Field(
        "text", pattern="^(text|json)$", description="The log of a server: text or json."
    )
    log_questions: bool = Field(
        False,
        description="Questions are logged; they are personal, and are not unless this is set.",
    )
    cors_origins: str = Field(
        "", description="Sites whose pages may use the API, such as https://example.org; or *."
    )

    embedder: str = Field(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="The embedding model: all-MiniLM-L6-v2 (packaged), or any sentence-transformers "
        "model by hub name or folder.",
    )
    query_prefix: str | None = Field(
        None, description="Put before a query to embed; unset: what the model's own prompts say."
    )
    passage_prefix: str | None = Field(
        None, description="Put before a passage to embed; unset: what the model's own prompts say."
    )
    device: str = Field(
        "auto", min_length=1, description="Where the model runs: auto, cpu, cuda, cuda:1, mps."
    )
    precision: Annotated[str, NoDecode] = Field(
        "auto",
        pattern="^(auto|fp32|bf16)$",
        description="The model's arithmetic: fp32, bf16, or auto: bf16 where the processor has it.",
    )
    dense: str = Field(
        "faiss",
        description="The dense engine: faiss (exact; from 150,000 passages an inverted file), or by "
        "force faiss-flat (exact), faiss-sq8, faiss-pq, faiss-rabitq; milvus, which needs the next "
        "setting.",
    )
    milvus_uri: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="A Milvus server, such as http://localhost:19530.",
    )
    milvus_token: SecretStr = Field(
        SecretStr(""), description="What the server asks for, such as root:Milvus, if it does."
    )
    milvus_timeout_s: float = Field(
        20.0, gt=0, description="A search fails if Milvus takes longer, in seconds."
    )
    lexical: str = Field(
        "tantivy",
        description="The lexical engine: tantivy, or milvus, which needs a server of 2.5 or newer; on an "
        "older one tantivy takes over.",
    )
    reranker: str = Field(
        "",
        description="A sentence-transformers cross-encoder that reads the best 30 passages again, by "
        "hub name or folder; empty: none.",
    )
    answerer: str = Field(
        "extractive",
        description="The answerer: extractive, or llm, which needs the next two settings.",
    )
    llm_url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="An OpenAI-compatible endpoint, such as http://localhost:11434/v1; questions and "
        "passages are sent there.",
    )
    llm_model: str = Field("", description="The model's name at that endpoint.")
    llm_api_key: SecretStr = Field(
        SecretStr(""), description="The endpoint's key, if it wants one."
    )
    llm_timeout_s: float = Field(
        20.0,
        gt=0,
        description="The built-in answerer answers if the model takes longer, in seconds.",
    )

    passage_max_chars: int = Field(
        1200, ge=0, description="Longer paragraphs are split at sentence ends; 0 never splits."
    )
    passage_min_chars: int = Field(
        60, ge=0, description="Shorter paragraphs join their neighbour; 0 never joins."
    )
    index_titles: bool = Field(
        True, description="Index each passage together with its release's title."
    )
    release_max_bytes: int = Field(
        5_000_000,
        ge=1,
        description="A larger text file, web page, line of a JSONL file, or text of a release is left out.",
    )
    file_max_bytes: int = Field(
        100_000_000,
        ge=1,
        description="A larger PDF, Word file, picture, mail, table or archive is left out.",
    )
    date_order: str = Field(
        "",
        pattern="^(dmy|mdy)?$",
        description="How 03/04/2022 is read where a file does not tell: dmy, mdy, or empty: as unknown.",
    )
    ocr_languages: str = Field(
        "",
        pattern=r"^[\w+]*$",
        description="Tesseract's languages for scans, such as eng+khm; empty: all that are installed.",
    )
    read_timeout_s: float = Field(
        60.0, gt=0, description="A file that takes longer to read, in seconds, is left out."
    )
    read_memory_mb: int = Field(
        2048, ge=256, description="A file that takes more memory to read is left out."
    )
    settle_s: float = Field(
        2.0, gt=0, description="How long the corpus must be quiet before it is built, in seconds."
    )
    cache_max_bytes: int = Field(
        4_000_000_000,
        ge=0,
        description="Vectors kept for the next builds; those not used for longest go first.",
    )
    fetch_delay_s: float = Field(
        1.0, ge=0, description="The pause between two requests of `qa fetch` to a host, in seconds."
    )
    fetch_timeout_s: float = Field(
        60.0, gt=0, description="A page that takes longer to fetch, in seconds, is given up."
    )
    fetch_private: bool = Field(
        False, description="Fetch from addresses inside your own network, too."
    )
    question_max_chars: int = Field(
        2000, ge=1, description="A longer question is refused with status 422."
    )
    evidence_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Below this confidence the answer is: the releases do not say; unset: 0.3, of fewer "
        "than 200 passages 0.2.",
    )
    feedback_file: Path | None = Field(
        None,
        description="Readers' verdicts on answers are appended to this file; unset: none are taken.",
    )
    embed_origins: str = Field(
        "",
        pattern=r"^(https?://[\w.:*\-\[\]]+( https?://[\w.:*\-\[\]]+)*)?$",
        description="Sites whose pages may show the box in a frame, such as https://www.example.gov, "
        "with a space between them; empty: none.",
    )
    poll_s: float = Field(
        1.0, gt=0, description="How often a server looks for a new generation, in seconds."
    )


def read_settings(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Read the settings; ``given`` (an option of a verb) wins over a variable, ``None`` is not given.

    Raises:
        SettingsError: a value is wrong, or a ``QA_*`` variable has no such setting.
    """
    _refuse_unknown(os.environ if environ is None else environ)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise SettingsError(_explain(error)) from error


def as_environ(settings: Settings) -> dict[str, str]:
    """The settings that were given, as variables."""
    return {
        PREFIX + name.upper(): _as_text(getattr(settings, name))
        for name in settings.model_fields_set
        if getattr(settings, name) is not None
    }


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise SettingsError(f"{name} is not a setting; {hint}")


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{PREFIX}{str(problem['loc'][0]).upper()}={problem['input']!r}: {problem['msg']}"
        for problem in error.errors()
    )


def _as_text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
