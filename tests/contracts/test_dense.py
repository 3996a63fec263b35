"""Every dense index against brute force in numpy."""

from pathlib import Path

import numpy as np
import pytest
from milvus_servers import on_milvus

from qa_service.engines import Allowed, DenseIndex, dense_faiss
from qa_service.engines.milvus import MilvusDense
from qa_service.errors import GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors
from qa_service.wiring import DENSE

N, DIM = 700, 24
RANDOM = np.random.default_rng(7)


def unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


VECTORS = unit(RANDOM.standard_normal((N, DIM)).astype(np.float32))
QUERIES = unit(RANDOM.standard_normal((8, DIM)).astype(np.float32))
NUMBERS = np.arange(N, dtype=np.int64)


def brute_force(
    numbers: Numbers, vectors: Vectors, query: Vectors, k: int
) -> tuple[Numbers, Scores]:
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    order = np.lexsort((numbers, -scores))[:k]
    return numbers[order], scores[order].astype(np.float32)


def allow(passages: Numbers) -> Allowed:
    return Allowed(releases=np.unique(passages // 3), passages=passages)


@pytest.fixture(params=sorted(DENSE), scope="module")
def engine(request: pytest.FixtureRequest) -> type[DenseIndex]:
    if request.param == "milvus":
        return on_milvus(MilvusDense, request)
    return DENSE[request.param]


@pytest.fixture(scope="module")
def standing(engine: type[DenseIndex], tmp_path_factory: pytest.TempPathFactory) -> DenseIndex:
    """One that no test changes."""
    made = engine.create(tmp_path_factory.mktemp("standing") / "dense", DIM)
    made.add(NUMBERS, VECTORS)
    return made


@pytest.fixture
def index(engine: type[DenseIndex], tmp_path: Path) -> DenseIndex:
    made = engine.create(tmp_path / "dense", DIM)
    made.add(NUMBERS, VECTORS)
    return made


def assert_same(found: tuple[Numbers, Scores], expected: tuple[Numbers, Scores]) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    assert found[0].dtype == np.int64
    assert found[1].dtype == np.float32


@pytest.mark.parametrize("k", [1, 10, 100, 150, N, N + 1, 10 * N])
def test_a_search_finds_what_brute_force_finds(standing: DenseIndex, k: int) -> None:
    for query in QUERIES:
        assert_same(standing.search(query, k, None), brute_force(NUMBERS, VECTORS, query, k))


@pytest.mark.parametrize("k", [1, 10, 100, N])
@pytest.mark.parametrize("share", [1 / N, 0.02, 0.5, 0.99, 1])
def test_a_filter_is_exact_inside_the_search(standing: DenseIndex, k: int, share: float) -> None:
    for query in QUERIES:
        chosen = np.sort(RANDOM.choice(NUMBERS, max(1, int(N * share)), replace=False))
        expected = brute_force(chosen, VECTORS[chosen], query, k)
        assert_same(standing.search(query, k, allow(chosen)), expected)


def test_a_filter_that_allows_only_the_worst_passage_finds_it(standing: DenseIndex) -> None:
    worst = np.argmin(VECTORS @ QUERIES[0], keepdims=True).astype(np.int64)
    numbers, scores = standing.search(QUERIES[0], 5, allow(worst))
    assert numbers.tolist() == worst.tolist()
    assert scores[0] < 0


def test_a_filter_that_allows_nothing_finds_nothing(standing: DenseIndex) -> None:
    numbers, scores = standing.search(QUERIES[0], 10, allow(np.empty(0, np.int64)))
    assert len(numbers) == len(scores) == 0


def test_an_empty_index_finds_nothing(engine: type[DenseIndex], tmp_path: Path) -> None:
    made = engine.create(tmp_path, DIM)
    made.add(np.empty(0, np.int64), np.empty((0, DIM), np.float32))
    numbers, scores = made.search(QUERIES[0], 10, None)
    assert len(numbers) == len(scores) == 0


def test_who_asks_for_none_gets_none(standing: DenseIndex) -> None:
    assert len(standing.search(QUERIES[0], 0, None)[0]) == 0


@pytest.mark.parametrize("kinds", [1, 5, 60])
def test_ties_are_broken_by_number_even_where_the_ranking_is_cut(
    engine: type[DenseIndex], tmp_path: Path, kinds: int
) -> None:
    made = engine.create(tmp_path, DIM)
    axes = np.eye(DIM, dtype=np.float32)
    vectors = axes[np.minimum(NUMBERS % kinds, 2)]
    made.add(NUMBERS, vectors)
    for k in (1, 20, 100, 130):
        for allowed in (NUMBERS, NUMBERS[NUMBERS % 2 == 1]):
            expected = brute_force(allowed, vectors[allowed], axes[1], k)
            assert_same(made.search(axes[1], k, allow(allowed)), expected)
        assert_same(made.search(axes[1], k, None), brute_force(NUMBERS, vectors, axes[1], k))


def test_what_was_removed_is_not_found_and_unknown_numbers_are_ignored(index: DenseIndex) -> None:
    gone = NUMBERS[::3]
    index.remove(np.append(gone, [N + 5, 10**12]))
    kept = np.setdiff1d(NUMBERS, gone)
    for query in QUERIES:
        assert_same(index.search(query, 50, None), brute_force(kept, VECTORS[kept], query, 50))


def test_what_was_removed_is_not_found_through_a_filter_either(index: DenseIndex) -> None:
    index.remove(NUMBERS[:10])
    numbers, _ = index.search(QUERIES[0], 10, allow(NUMBERS[:12]))
    assert sorted(numbers.tolist()) == [10, 11]


def test_adding_goes_on_after_removing(index: DenseIndex) -> None:
    index.remove(NUMBERS[-20:])
    replaced = VECTORS.copy()
    replaced[-20:] = VECTORS[:20]
    index.add(NUMBERS[-20:], replaced[-20:])
    assert_same(index.search(VECTORS[3], 30, None), brute_force(NUMBERS, replaced, VECTORS[3], 30))


def test_numbers_need_not_be_dense(engine: type[DenseIndex], tmp_path: Path) -> None:
    made = engine.create(tmp_path, DIM)
    sparse = NUMBERS * 10**6 + 3
    made.add(sparse, VECTORS)
    assert_same(made.search(QUERIES[0], 9, None), brute_force(sparse, VECTORS, QUERIES[0], 9))


def test_adding_in_parts_is_adding_at_once(engine: type[DenseIndex], tmp_path: Path) -> None:
    made = engine.create(tmp_path, DIM)
    for part in np.array_split(NUMBERS, 9):
        made.add(part, VECTORS[part])
    assert_same(made.search(QUERIES[0], 40, None), brute_force(NUMBERS, VECTORS, QUERIES[0], 40))


def test_chosen_numbers_are_scored_in_the_order_given(
    index: DenseIndex, engine: type[DenseIndex], tmp_path: Path
) -> None:
    chosen = RANDOM.permutation(NUMBERS)[:50]
    index.remove(np.setdiff1d(NUMBERS, chosen)[:100])
    index.save()
    for made in (index, engine.open(tmp_path / "dense")):
        for query in QUERIES:
            scores = made.score(query, chosen)
            np.testing.assert_allclose(scores, VECTORS[chosen] @ query, atol=1e-5)
            assert scores.dtype == np.float32
        assert made.score(QUERIES[0], chosen[:0]).shape == (0,)


def test_a_saved_index_opens_with_the_same_rankings(
    index: DenseIndex, engine: type[DenseIndex], tmp_path: Path
) -> None:
    index.remove(NUMBERS[::4])
    index.save()
    opened = engine.open(tmp_path / "dense")
    chosen = allow(NUMBERS[100:400])
    for query in QUERIES:
        assert_same(opened.search(query, 60, None), index.search(query, 60, None))
        assert_same(opened.search(query, 60, chosen), index.search(query, 60, chosen))


def test_the_same_vectors_are_saved_as_the_same_bytes(
    engine: type[DenseIndex], tmp_path: Path
) -> None:
    if issubclass(engine, MilvusDense):
        pytest.skip("the bytes are the server's; the file names a collection of its own")
    for name in ("a", "b"):
        made = engine.create(tmp_path / name, DIM)
        made.add(NUMBERS, VECTORS)
        made.save()
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}


def test_opening_changes_no_file(
    index: DenseIndex, engine: type[DenseIndex], tmp_path: Path
) -> None:
    index.save()
    before = {path: path.read_bytes() for path in (tmp_path / "dense").iterdir()}
    engine.open(tmp_path / "dense").search(QUERIES[0], 5, None)
    assert before == {path: path.read_bytes() for path in (tmp_path / "dense").iterdir()}


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "nonsense"])
def test_a_damaged_index_is_refused_by_name(
    index: DenseIndex, engine: type[DenseIndex], tmp_path: Path, damage: str
) -> None:
    index.save()
    for path in (tmp_path / "dense").iterdir():
        data = path.read_bytes()
        path.write_bytes({"empty": b"", "cut": data[:-100]}.get(damage, b"nonsense" * 99))
        if damage == "missing":
            path.unlink()
    with pytest.raises(GenerationCorrupt, match=r"dense.*qa build"):
        engine.open(tmp_path / "dense")


def clustered(size: int, seed: int) -> Vectors:
    """Vectors as those of texts are: many near each other, in a few of the directions."""
    random = np.random.default_rng(seed)
    topics = random.standard_normal((40, DIM)) @ np.diag(1 / np.sqrt(np.arange(1, DIM + 1)))
    spread = 0.6 / np.sqrt(np.arange(1, DIM + 1))
    chosen = topics[random.integers(0, len(topics), size)]
    return unit((chosen + random.standard_normal((size, DIM)) * spread).astype(np.float32))


MANY = 6000
APPROXIMATE = sorted(DENSE.keys() - {"faiss-flat", "milvus"})


@pytest.fixture
def inverted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index of 2000 vectors or more has an inverted file."""
    monkeypatch.setattr(dense_faiss, "EXACT", 2000)
    monkeypatch.setattr(dense_faiss, "FEW", 200)


def recall(found: DenseIndex, numbers: Numbers, vectors: Vectors, allowed: Allowed | None) -> float:
    """Of the ten best by brute force, the share that is among the ten best found; scores are exact."""
    queries = unit(vectors[::97] + RANDOM.standard_normal((len(vectors[::97]), DIM)) * 0.05)
    hits = 0
    for query in queries.astype(np.float32):
        best, scores = found.search(query, 100, allowed)
        at = np.searchsorted(numbers, best)
        np.testing.assert_allclose(scores, vectors[at] @ query, atol=1e-5)
        assert (np.diff(scores) <= 0).all()
        keep = numbers if allowed is None else allowed.passages
        expected, _ = brute_force(keep, vectors[np.searchsorted(numbers, keep)], query, 10)
        hits += len(np.intersect1d(best[:10], expected))
    return hits / (10 * len(queries))


@pytest.mark.parametrize("name", APPROXIMATE)
@pytest.mark.usefixtures("inverted")
def test_an_inverted_file_finds_nearly_all_that_brute_force_finds(
    name: str, tmp_path: Path
) -> None:
    vectors, numbers = clustered(MANY, 1), np.arange(MANY, dtype=np.int64) * 10**9
    made = DENSE[name].create(tmp_path, DIM)
    made.add(numbers, vectors)
    made.save()
    opened = DENSE[name].open(tmp_path)
    assert opened.kind.startswith("inverted file of 1")
    assert recall(opened, numbers, vectors, None) >= 0.98
    for step in (2, 7, 60):
        assert recall(opened, numbers, vectors, allow(numbers[::step])) >= 0.98


@pytest.mark.parametrize("name", APPROXIMATE)
@pytest.mark.usefixtures("inverted")
def test_an_inverted_file_takes_changes(name: str, tmp_path: Path) -> None:
    vectors, numbers = clustered(MANY, 2), RANDOM.permutation(10**6)[:MANY].astype(np.int64)
    engine = DENSE[name]
    made = engine.create(tmp_path / "a", DIM)
    made.add(numbers[:5000], vectors[:5000])
    made.save()
    revised = engine.revise(tmp_path / "a", tmp_path / "b")
    revised.remove(numbers[:700])
    revised.add(numbers[5000:], vectors[5000:])
    revised.save()
    order = np.argsort(numbers[700:])
    kept, rows = numbers[700:][order], vectors[700:][order]
    opened = engine.open(tmp_path / "b")
    assert recall(opened, kept, rows, None) >= 0.98
    everything = opened.search(rows[0], 10 * MANY, None)[0]
    assert set(everything.tolist()) <= set(kept.tolist())
    old = np.sort(numbers[:5000])
    assert len(np.setdiff1d(engine.open(tmp_path / "a").search(rows[0], 100, None)[0], old)) == 0


@pytest.mark.parametrize("name", [*APPROXIMATE, "faiss-flat"])
@pytest.mark.parametrize("size", [N, MANY])
@pytest.mark.usefixtures("inverted")
def test_a_small_change_links_to_the_large_files_and_is_found_as_if_all_were_written_at_once(
    name: str, size: int, tmp_path: Path
) -> None:
    engine, vectors = DENSE[name], clustered(size + 40, 4)
    numbers = np.arange(size + 40, dtype=np.int64) * 10
    kept = np.ones(size + 40, np.bool_)
    kept[size:] = False
    made = engine.create(tmp_path / "0", DIM)
    made.add(numbers[kept], vectors[kept])
    made.save()
    for step in range(1, 4):
        revised = engine.revise(tmp_path / str(step - 1), tmp_path / str(step))
        gone, new = np.array([step, size + 2 * step - 3]), size + 2 * step + np.array([-2, -1])
        revised.remove(numbers[gone])
        revised.add(numbers[new], vectors[new])
        revised.save()
        kept[gone], kept[new] = False, True
        opened = engine.open(tmp_path / str(step))
        for chosen in (kept, kept & (np.arange(size + 40) % 3 == 0), ~kept):
            allowed = None if chosen is kept else allow(numbers[chosen])
            there = chosen & kept
            expected = brute_force(numbers[there], vectors[there], vectors[size + 1], 3)
            assert_same(opened.search(vectors[size + 1], 3, allowed), expected)
        scores = opened.score(vectors[0], numbers[kept])
        np.testing.assert_allclose(scores, vectors[kept] @ vectors[0], atol=1e-5)
        large = tmp_path / str(step) / dense_faiss.FILE
        assert large.samefile(tmp_path / "0" / dense_faiss.FILE)
    whole = engine.create(tmp_path / "whole", DIM)
    whole.add(numbers[kept], vectors[kept])
    if whole.kind == "exact":
        for query in vectors[:20]:
            for ours, theirs in zip(
                opened.search(query, 50, None), whole.search(query, 50, None), strict=True
            ):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("inverted")
def test_an_inverted_file_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    for name, size in (("a", 3000), ("b", 3500)):
        made = DENSE["faiss"].create(tmp_path / name, DIM)
        made.add(np.arange(size, dtype=np.int64), clustered(size, 3))
        made.save()
    (tmp_path / "a" / dense_faiss.INVERTED).replace(tmp_path / "b" / dense_faiss.INVERTED)
    with pytest.raises(GenerationCorrupt, match=r"inverted\.faiss does not fit.*qa build"):
        DENSE["faiss"].open(tmp_path / "b")
