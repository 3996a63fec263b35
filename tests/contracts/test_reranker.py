"""The reranker against the raw cross-encoder: a tiny one with random weights, made here."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from qa_service.engines.reranker_sentence_transformers import SentenceTransformersReranker
from qa_service.errors import EngineError
from qa_service.index import BuildPlan, BuildReport, Engines, open_current
from qa_service.search import RERANKED, search
from qa_service.types import Query

WORDS = (
    "the a harbour lights ferry ferries night who pays for wind farm turbines school meals".split()
)
TEXTS = [
    "The harbour lights pay.",
    "A ferry at night.",
    "Wind turbines",
    "School meals for the farm",
]


def cross_encoder(folder: Path, outputs: int) -> str:
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir()
    letters = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *"abcdefghijklmnopqrstuvwxyz",
        *letters,
    ]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=128, num_labels=outputs, initializer_range=0.5,
    )  # fmt: skip
    import torch

    torch.manual_seed(5)
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return cross_encoder(tmp_path_factory.mktemp("reranker") / "model", 1)


def test_scores_are_those_of_the_model(model: str) -> None:
    from sentence_transformers import CrossEncoder

    pairs = [("who pays for the lights", text) for text in TEXTS]
    expected = CrossEncoder(model, device="cpu").predict(pairs)
    found = SentenceTransformersReranker(model, "cpu").rerank(pairs[0][0], TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(set(found.tolist())) == len(TEXTS)


def test_nothing_to_rerank_is_nothing(model: str) -> None:
    assert SentenceTransformersReranker(model).rerank("lights", []).shape == (0,)


def test_a_model_with_several_outputs_is_refused(tmp_path: Path) -> None:
    several = SentenceTransformersReranker(cross_encoder(tmp_path / "model", 2))
    with pytest.raises(EngineError, match=r"QA_RERANKER=.* gives .* scores a pair, not one"):
        several.rerank("lights", TEXTS)


def test_a_model_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is neither a folder nor a model that the hub gives"):
        SentenceTransformersReranker(str(tmp_path / "none")).rerank("lights", TEXTS)


def test_the_best_are_put_in_its_order_and_nothing_is_lost(
    plan: BuildPlan, built: BuildReport, engines: Engines, model: str
) -> None:
    reranker = SentenceTransformersReranker(model, "cpu")
    with contextlib.closing(
        open_current(plan.index, dataclasses.replace(engines, reranker=reranker))
    ) as opened:
        stages = search(opened, Query("who pays for the harbour lights?"), 100)
    before, after = stages.fused.hits, stages.reranked.hits
    assert {hit.passage_id for hit in before} == {hit.passage_id for hit in after}
    assert [hit.passage_id for hit in before[:RERANKED]] != [h.passage_id for h in after[:RERANKED]]
    assert before[RERANKED:] == after[RERANKED:]
    scores = [hit.score for hit in after]
    assert scores == sorted(scores, reverse=True)
