"""The packaged model, reading question and sentence together (Nogueira and Cho 2019, arXiv:1901.04085).

Its first layers with low-rank changes (Hu et al. 2021, arXiv:2106.09685), which
``benchmarks/train_reader.py`` trained and measured on articles that they have not seen.
"""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.errors import EngineError
from qa_service.types import Scores

WEIGHTS = Path(__file__).with_name("reader_minilm.npz")
SCALE = 2.0
"""By how much the low-rank changes are multiplied."""
MAX_PIECES = 112
TITLE_WORDS = 14
MAX_CHARS = 420


def pair_text(title: str, sentence: str) -> str:
    """What is read beside the question: a few words of the release's title, and the sentence."""
    return f"{' '.join(title.split()[:TITLE_WORDS])} : {sentence}"[:MAX_CHARS]


class MinilmReader:
    """Log odds that a sentence answers the question rather than none does.

    The weights are loaded at first use; calls from several threads take turns.
    """

    def __init__(self, folder: Callable[[], Path], in_bf16: Callable[[], bool]) -> None:
        self._folder = folder
        self._in_bf16 = in_bf16
        self._turn = threading.Lock()

    def read(self, question: str, sentences: Sequence[tuple[str, str]]) -> Scores:
        """Shape ``(len(sentences),)``; a sentence comes with its release's title.

        Raises:
            EngineError: the packaged model is not here, or it failed.
        """
        if not sentences:
            return np.empty(0, np.float32)
        import torch

        texts = [pair_text(title, sentence) for title, sentence in sentences]
        with self._turn:
            tokenizer, bert, head, bias = self._loaded
            pieces = tokenizer(
                [question] * len(texts), texts, truncation="longest_first",
                max_length=MAX_PIECES, padding=True, return_tensors="pt",
            )  # fmt: skip
            try:
                with torch.inference_mode():
                    states = bert(**pieces).last_hidden_state.float().numpy()
            except RuntimeError as error:
                raise EngineError(f"the reader could not read a sentence: {error}") from error
        there = pieces["attention_mask"].numpy()[:, :, None]
        means = (states * there).sum(axis=1) / there.sum(axis=1)
        return np.asarray(np.hstack([states[:, 0], means]) @ head + bias, np.float32)

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Any, float]:
        """Tokenizer, model and head."""
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        folder = str(self._folder())
        stored = dict(np.load(WEIGHTS))
        head, bias = stored.pop("head.weight")[0].astype(np.float32), stored.pop("head.bias")
        bert = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        changed = {name.removesuffix(".a") for name in stored if name.endswith(".a")}
        layers = 1 + max(int(name.split(".")[2]) for name in changed)
        bert.encoder.layer = bert.encoder.layer[:layers]
        with torch.no_grad():
            for name in changed:
                up, down = (torch.from_numpy(stored[f"{name}.{one}"]).float() for one in "ba")
                bert.get_submodule(name).weight += SCALE * (up @ down)
        model = bert.bfloat16() if self._in_bf16() else bert
        return AutoTokenizer.from_pretrained(folder), model, head, float(bias[0])
