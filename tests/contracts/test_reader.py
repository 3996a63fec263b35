"""The reader against its own weights, applied one pair at a time without padding."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qa_service.engines.embedder_sentence_transformers import packaged_folder
from qa_service.engines.reader_minilm import SCALE, WEIGHTS, MinilmReader, pair_text
from qa_service.errors import EngineError

QUESTION = "When was the lighthouse at Korsnes repaired?"
SENTENCES = [
    ("Lighthouse repaired", "The lighthouse at Korsnes was repaired in May 2023."),
    ("Lighthouse repaired", "The minister thanked the crew."),
    ("Ferries", "Two electric ferries enter service in 2026."),
    ("", "It was repaired on 4 March 2024, a month later than planned, by the port's own divers."),
]


def raw(question: str, title: str, sentence: str) -> float:
    """One pair through the packaged model with its changed weights, in full precision."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    stored = {name: torch.from_numpy(a.astype(np.float32)) for name, a in np.load(WEIGHTS).items()}
    bert = AutoModel.from_pretrained(packaged_folder(), local_files_only=True).eval()
    weights = dict(bert.named_parameters())
    layers = {int(found[1]) for name in stored if (found := re.search(r"layer\.(\d+)\.", name))}
    with torch.no_grad():
        for name in {name[:-2] for name in stored if name.endswith((".a", ".b"))}:
            weights[f"{name}.weight"] += SCALE * stored[f"{name}.b"] @ stored[f"{name}.a"]
        tokenizer = AutoTokenizer.from_pretrained(packaged_folder(), local_files_only=True)
        pieces = tokenizer(question, pair_text(title, sentence), return_tensors="pt")
        states = bert(**pieces, output_hidden_states=True).hidden_states[1 + max(layers)][0]
        state = torch.cat([states[0], states.mean(dim=0)])
    return float(state @ stored["head.weight"][0] + stored["head.bias"][0])


@pytest.fixture(scope="module")
def reader() -> MinilmReader:
    return MinilmReader(packaged_folder, lambda: False)


def test_each_pair_has_the_score_of_the_raw_model(reader: MinilmReader) -> None:
    scores = reader.read(QUESTION, SENTENCES)
    assert scores.dtype == np.float32
    assert scores == pytest.approx([raw(QUESTION, *one) for one in SENTENCES], abs=1e-3)


def test_brain_floats_change_no_order_and_little_else(reader: MinilmReader) -> None:
    quick = MinilmReader(packaged_folder, lambda: True).read(QUESTION, SENTENCES)
    exact = reader.read(QUESTION, SENTENCES)
    assert np.argsort(quick).tolist() == np.argsort(exact).tolist()
    assert quick == pytest.approx(exact, abs=0.2)


def test_a_score_does_not_depend_on_what_is_read_beside_it(reader: MinilmReader) -> None:
    scores = reader.read(QUESTION, SENTENCES)
    backwards = reader.read(QUESTION, SENTENCES[::-1])
    assert backwards[::-1] == pytest.approx(scores, abs=1e-3)
    assert reader.read(QUESTION, SENTENCES[:1]) == pytest.approx(scores[:1], abs=1e-3)


def test_the_sentence_that_answers_is_more_likely_than_none_and_the_others_less(
    reader: MinilmReader,
) -> None:
    scores = reader.read(QUESTION, SENTENCES)
    assert scores[0] > 0 > max(scores[1:3])


def test_nothing_to_read_has_no_scores(reader: MinilmReader) -> None:
    assert reader.read(QUESTION, []).shape == (0,)


def test_a_text_of_any_length_is_read(reader: MinilmReader) -> None:
    scores = reader.read("why " * 2000, [("title " * 500, "word " * 5000), ("", "")])
    assert np.isfinite(scores).all()


def test_a_model_that_is_not_here_is_said_to_be_missing(tmp_path: Path) -> None:
    def nowhere() -> Path:
        raise EngineError("The default model is not installed")

    lost: Callable[[], Path] = nowhere
    with pytest.raises(EngineError, match="not installed"):
        MinilmReader(lost, lambda: False).read(QUESTION, SENTENCES)
