"""Settings to objects. The only module that names an engine."""

import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from qa_service.corpus import Limits, ReadingOptions
from qa_service.engines import Answerer, DenseIndex, Embedder, LexicalIndex, Reranker, Tools
from qa_service.engines.answerer_extractive import ExtractiveAnswerer
from qa_service.engines.answerer_llm import Endpoint, LlmAnswerer
from qa_service.engines.dense_faiss import FaissDense, FaissFlat, FaissPq, FaissRabitq, FaissSq8
from qa_service.engines.embedder_sentence_transformers import (
    SentenceTransformersEmbedder,
    in_bf16,
    packaged_folder,
)
from qa_service.engines.lexical_tantivy import TantivyLexical
from qa_service.engines.lexical_tantivy.words import words_of
from qa_service.engines.milvus import (
    MilvusCollection,
    MilvusDense,
    MilvusLexical,
    Server,
    why_not,
)
from qa_service.engines.reader_minilm import MinilmReader
from qa_service.engines.reranker_sentence_transformers import SentenceTransformersReranker
from qa_service.errors import GenerationMismatch, SettingsError
from qa_service.fetching import FetchLimits
from qa_service.index import BuildPlan, EmbedderSpec, Engines, Generation, identity
from qa_service.passages import PassageSettings
from qa_service.search import search
from qa_service.settings import Settings
from qa_service.tracing import is_on, span
from qa_service.types import Draft, Filters, Found, Query
from qa_service.understanding import Reading, understand

T = TypeVar("T")
M = TypeVar("M", bound=MilvusCollection)


def make_extractive(settings: Settings) -> ExtractiveAnswerer:
    """The built-in answerer; the reader is small and stays on the processor."""
    return ExtractiveAnswerer(
        MinilmReader(packaged_folder, lambda: in_bf16(settings.precision, "cpu"))
    )


DENSE: Mapping[str, type[DenseIndex]] = {
    "faiss": FaissDense,
    "faiss-flat": FaissFlat,
    "faiss-sq8": FaissSq8,
    "faiss-pq": FaissPq,
    "faiss-rabitq": FaissRabitq,
    "milvus": MilvusDense,
}
LEXICAL: Mapping[str, type[LexicalIndex]] = {"tantivy": TantivyLexical, "milvus": MilvusLexical}
ANSWERERS: Mapping[str, Callable[[Settings], Answerer]] = {
    "extractive": make_extractive,
    "llm": lambda settings: LlmAnswerer(make_endpoint(settings), make_extractive(settings)),
}


def choose(setting: str, known: Mapping[str, T], name: str) -> T:
    """The engine of that name.

    Raises:
        SettingsError: listing the known names.
    """
    if name not in known:
        raise SettingsError(f"QA_{setting.upper()}={name} is not known; known: {', '.join(known)}")
    return known[name]


def make_engines(settings: Settings, threads: int = 0) -> Engines:
    """The parts a generation is made of. A model is loaded once and shared by generations.

    ``threads``: of the model's arithmetic; 0: as many as it likes.
    """
    loaded: dict[tuple[str, str | None, str | None], Embedder] = {}
    lock = threading.Lock()

    def embedder(spec: EmbedderSpec) -> Embedder:
        key = (spec.name, spec.query_prefix, spec.passage_prefix)
        with lock:
            if key not in loaded:
                loaded[key] = SentenceTransformersEmbedder(
                    *key, settings.device, settings.precision, threads
                )
        found = loaded[key].fingerprint
        if spec.fingerprint not in ("", found):
            raise GenerationMismatch(
                f"built with {spec.fingerprint}, but {spec.name} here is {found}: "
                "rebuild with `qa build`"
            )
        return loaded[key]

    server = Server(
        settings.milvus_uri, settings.milvus_timeout_s, settings.milvus_token.get_secret_value()
    )

    def dense(name: str) -> type[DenseIndex]:
        engine = choose("dense", DENSE, name)
        return on_milvus(engine, settings, server) if issubclass(engine, MilvusDense) else engine

    def lexical(name: str) -> type[LexicalIndex]:
        engine = choose("lexical", LEXICAL, name)
        return on_milvus(engine, settings, server) if issubclass(engine, MilvusLexical) else engine

    return Engines(
        embedder=embedder,
        dense=dense,
        lexical=lexical,
        reranker=make_reranker(settings),
        why_not=lambda name: why_not(server) if name == "milvus" else "",
    )


def on_milvus(engine: type[M], settings: Settings, server: Server) -> type[M]:
    """An engine that knows where its server is.

    Raises:
        SettingsError: a setting or the client is missing.
    """
    name = f"QA_{'DENSE' if issubclass(engine, MilvusDense) else 'LEXICAL'}=milvus"
    if not settings.milvus_uri:
        raise SettingsError(f"{name} needs QA_MILVUS_URI, such as http://localhost:19530")
    if find_spec("pymilvus") is None:
        raise SettingsError(f"{name} needs the client: pip install 'qa-service[milvus]'")
    return engine.at(server, lambda: identity(settings.index_dir), words_of)


class TracedAnswerer:
    """An answerer with a span of its own."""

    def __init__(self, inner: Answerer) -> None:
        self._inner = inner

    def warm_up(self) -> None:
        """Load what the inner one needs."""
        self._inner.warm_up()

    def answer(self, query: Query, found: Sequence[Found], tools: Tools) -> Draft:
        """What the inner one says."""
        with span("answerer"):
            return self._inner.answer(query, found, tools)


def make_answerer(settings: Settings) -> Answerer:
    """The answerer that the settings name."""
    made = choose("answerer", ANSWERERS, settings.answerer)(settings)
    return TracedAnswerer(made) if is_on() else made


def make_endpoint(settings: Settings) -> Endpoint:
    """Where the language model is.

    Raises:
        SettingsError: a setting or the client is missing.
    """
    for name in ("llm_url", "llm_model"):
        if not getattr(settings, name):
            raise SettingsError(f"QA_ANSWERER=llm needs QA_{name.upper()}")
    if find_spec("openai") is None:
        raise SettingsError("QA_ANSWERER=llm needs the client: pip install 'qa-service[llm]'")
    key = settings.llm_api_key.get_secret_value()
    return Endpoint(settings.llm_url, settings.llm_model, key, settings.llm_timeout_s)


def make_reranker(settings: Settings) -> Reranker | None:
    """The reranker that the settings name, if any."""
    if not settings.reranker:
        return None
    return SentenceTransformersReranker(settings.reranker, settings.device)


def make_plan(settings: Settings, corpus: Path | None = None) -> BuildPlan:
    """How to build, by these settings."""
    return BuildPlan(
        corpus=corpus or settings.corpus_dir,
        index=settings.index_dir,
        embedder_name=settings.embedder,
        query_prefix=settings.query_prefix,
        passage_prefix=settings.passage_prefix,
        dense=settings.dense,
        lexical=settings.lexical,
        passages=PassageSettings(settings.passage_max_chars, settings.passage_min_chars),
        index_titles=settings.index_titles,
        reading=make_reading_options(settings),
        limits=make_limits(settings),
        cache_max_bytes=settings.cache_max_bytes,
    )


def make_reading_options(settings: Settings) -> ReadingOptions:
    """How files are read, by these settings."""
    return ReadingOptions(
        release_max_bytes=settings.release_max_bytes,
        file_max_bytes=settings.file_max_bytes,
        day_first={"": None, "dmy": True, "mdy": False}[settings.date_order],
        ocr_languages=settings.ocr_languages,
    )


def make_limits(settings: Settings) -> Limits:
    """What one file may cost, by these settings."""
    return Limits(settings.read_timeout_s, settings.read_memory_mb)


def make_fetch_limits(settings: Settings) -> FetchLimits:
    """How other servers are asked, by these settings."""
    return FetchLimits(
        settings.fetch_delay_s,
        settings.fetch_timeout_s,
        settings.file_max_bytes,
        settings.fetch_private,
    )


WARM_UP = "What do the relaeses say of May 2022?"
"""Misspelt, and of a month, so that what reads names and dates is used, too."""


def canary(generation: Generation, answerer: Answerer | None = None) -> None:
    """One search through every stage, as a question is written and as it is understood.

    What is loaded at first use is loaded then, the answerer's models too: no question waits for it.
    """
    search(generation, Query(WARM_UP, Filters()), 1)
    search(generation, understand(generation, WARM_UP, Filters(), Reading(len(WARM_UP))), 1)
    if answerer is not None:
        answerer.warm_up()
