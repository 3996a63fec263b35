"""Reranking with a cross-encoder of sentence-transformers (Nogueira and Cho 2019, arXiv:1901.04085)."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.errors import EngineError
from qa_service.types import Scores

BATCH_SIZE = 16


class SentenceTransformersReranker:
    """Any cross-encoder with one output, by folder or, with a network, by hub name.

    The weights are loaded at first use; calls from several threads take turns.
    """

    def __init__(self, name: str, device: str = "auto") -> None:
        self._name = name
        self._device = None if device == "auto" else device
        self._turn = threading.Lock()

    def rerank(self, question: str, texts: Sequence[str]) -> Scores:
        """The model's score of each pair.

        Raises:
            EngineError: there is no such model here, or it failed.
        """
        if not texts:
            return np.empty(0, np.float32)
        with self._turn:
            model = self._model
            try:
                pairs = [(question, text) for text in texts]
                scores = model.predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False)
            except (RuntimeError, ValueError) as error:
                raise EngineError(f"{self._name} could not rerank: {error}") from error
        found = np.asarray(scores, np.float32)
        if found.shape != (len(texts),):
            raise EngineError(
                f"QA_RERANKER={self._name} gives {found.shape[1:]} scores a pair, not one: "
                "name a cross-encoder with one output, or leave it empty"
            )
        return found

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import CrossEncoder

        folder = Path(self._name).expanduser()
        here = str(folder) if folder.is_dir() else self._name
        try:
            return CrossEncoder(here, device=self._device)
        except Exception as error:
            raise EngineError(
                f"QA_RERANKER={self._name} is neither a folder nor a model that the hub gives "
                f"({type(error).__name__}): name a cross-encoder, or leave it empty"
            ) from error
