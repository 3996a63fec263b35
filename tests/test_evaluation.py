import math
from pathlib import Path

import pytest
from conftest import DATA

from qa_service.errors import CorpusError
from qa_service.evaluation import (
    MEASURES,
    STAGES,
    Judged,
    evaluate,
    find_qrels,
    measure,
    read_qrels,
    read_queries,
    release_ranking,
    summarise,
    table,
    trec_lines,
    write_runs,
)
from qa_service.index import Generation
from qa_service.types import Hit, Ranking


def write_qrels(folder: Path, text: str, name: str = "test") -> Path:
    path = folder / "qrels" / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_measures_of_a_ranking_are_those_computed_by_hand() -> None:
    found = measure(["x", "b", "y", "a", "z"], {"a": 3, "b": 1, "c": 2})
    gained = 1 / math.log2(3) + 3 / math.log2(5)  # b at rank 2, a at rank 4
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)  # a, c, b
    assert found["nDCG@10"] == pytest.approx(gained / ideal)
    assert found["nDCG@10"] == pytest.approx(0.403825, abs=1e-6)
    assert found["MRR@10"] == 1 / 2
    assert found["recall@1"] == 0
    assert found["recall@5"] == found["recall@10"] == found["recall@100"] == pytest.approx(2 / 3)


def test_only_the_first_ten_count_for_ndcg_and_mrr() -> None:
    ranked = [f"x{n}" for n in range(10)] + ["a"]
    found = measure(ranked, {"a": 1})
    assert (found["nDCG@10"], found["MRR@10"]) == (0, 0)
    assert (found["recall@10"], found["recall@100"]) == (0, 1)
    tenth = measure([*ranked[:9], "a"], {"a": 1})
    assert tenth["nDCG@10"] == pytest.approx(1 / math.log2(11))
    assert tenth["MRR@10"] == pytest.approx(0.1)


def test_more_relevant_releases_than_ten_can_still_be_ranked_perfectly() -> None:
    ranked = [f"r{n}" for n in range(15)]
    found = measure(ranked, dict.fromkeys(ranked, 1))
    assert found["nDCG@10"] == 1
    assert found["recall@10"] == pytest.approx(10 / 15)


def test_an_empty_ranking_measures_zero() -> None:
    assert set(measure([], {"a": 1}).values()) == {0.0}


def test_a_release_ranks_where_its_best_passage_does() -> None:
    hits = [Hit("b:5-9", 3.0), Hit("a:x:0-4", 2.0), Hit("b:0-4", 1.0), Hit("c:0-1", 0.5)]
    assert release_ranking(Ranking(tuple(hits))) == [("b", 3.0), ("a:x", 2.0), ("c", 0.5)]


def rows(values: list[float]) -> list[dict[str, float]]:
    return [dict.fromkeys(MEASURES, value) for value in values]


def test_an_interval_contains_its_mean_and_is_the_same_every_time() -> None:
    values = [0.0, 1.0, 1.0, 0.5, 0.25] * 8
    first, second = summarise(rows(values)), summarise(rows(values))
    assert first == second
    for estimate in first.values():
        assert estimate.mean == pytest.approx(0.55)
        assert 0 < estimate.low < estimate.mean < estimate.high < 1


def test_an_interval_has_the_width_that_statistics_expects() -> None:
    values = [0.0, 1.0] * 200
    estimate = summarise(rows(values))["nDCG@10"]
    half = 1.96 * 0.5 / math.sqrt(len(values))
    assert estimate.low == pytest.approx(0.5 - half, abs=0.01)
    assert estimate.high == pytest.approx(0.5 + half, abs=0.01)


def test_one_query_has_an_interval_of_no_width_and_none_is_zero() -> None:
    [one] = {(e.mean, e.low, e.high) for e in summarise(rows([0.7])).values()}
    assert one == pytest.approx((0.7, 0.7, 0.7))
    assert {(e.mean, e.low, e.high) for e in summarise([]).values()} == {(0.0, 0.0, 0.0)}


def test_the_table_has_a_row_a_stage_in_percent() -> None:
    header, row = table({"dense": summarise(rows([0.5, 0.5]))}, 1234)
    assert header.startswith("1,234 queries")
    assert all(name in header for name in MEASURES)
    assert row.split()[:4] == ["dense", "50.0", "[50.0–50.0]", "50.0"]


def test_qrels_are_read_without_what_is_irrelevant() -> None:
    assert read_qrels(DATA / "qrels" / "test.tsv")["q5"] == {"harbour/lights": 1}


def test_a_judgement_of_zero_is_no_judgement(tmp_path: Path) -> None:
    path = write_qrels(tmp_path, "query-id\tcorpus-id\tscore\nq1\ta\t0\nq1\tb\t2\nq2\tc\t0\n")
    assert read_qrels(path) == {"q1": {"b": 2}}


@pytest.mark.parametrize(
    "text",
    [
        "q1\ta\t1\nq2\tb\t1\n",
        "query-id\tcorpus-id\tscore\nq1\ta\thigh\n",
        "query-id\tcorpus-id\tscore\nq1\ta\n",
        "query-id corpus-id score\nq1 a 1\n",
    ],
)
def test_what_is_not_a_qrels_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorpusError, match=r"test\.tsv is not a qrels file"):
        read_qrels(write_qrels(tmp_path, text))


def test_bytes_that_are_no_text_are_refused_by_name(tmp_path: Path) -> None:
    path = write_qrels(tmp_path, "")
    path.write_bytes(b"query-id\tcorpus-id\tscore\n\xff\ta\t1\n")
    with pytest.raises(CorpusError, match=r"test\.tsv"):
        read_qrels(path)


def test_missing_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.tsv cannot be read: No such file"):
        read_qrels(tmp_path / "none.tsv")
    with pytest.raises(CorpusError, match=r"queries\.jsonl cannot be read"):
        read_queries(tmp_path)
    with pytest.raises(CorpusError, match="has: none; choose one with --qrels"):
        find_qrels(tmp_path, None)


def test_one_of_several_qrels_must_be_chosen(tmp_path: Path) -> None:
    test, train = (write_qrels(tmp_path, "", name) for name in ("test", "train"))
    with pytest.raises(CorpusError, match="has: test, train; choose one"):
        find_qrels(tmp_path, None)
    assert find_qrels(tmp_path, "train") == find_qrels(tmp_path, "train.tsv") == train
    test.unlink()
    assert find_qrels(tmp_path, None) == train


@pytest.mark.parametrize("line", ["{broken", '"text"', '{"text": "no id"}', '{"_id": "q"}'])
def test_a_broken_line_of_queries_is_refused_by_name(tmp_path: Path, line: str) -> None:
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "?"}\n' + line + "\n")
    with pytest.raises(CorpusError, match=r"queries\.jsonl"):
        read_queries(tmp_path)


def test_a_judged_query_that_nobody_wrote_down_is_named(generation: Generation) -> None:
    with pytest.raises(CorpusError, match="q9"):
        evaluate(generation, {"q1": "?"}, {"q9": {"wire-1": 1}}, lambda _n: None)


@pytest.fixture(scope="module")
def stages(generation: Generation) -> dict[str, list[Judged]]:
    done: list[int] = []
    qrels = read_qrels(find_qrels(DATA, None))
    found = evaluate(generation, read_queries(DATA), qrels, done.append)
    assert sum(done) == len(qrels) == 5
    return found


def test_every_judged_query_goes_through_every_stage(stages: dict[str, list[Judged]]) -> None:
    qrels = read_qrels(find_qrels(DATA, None))
    assert tuple(stages) == STAGES
    for judged in stages.values():
        assert [one.query_id for one in judged] == list(qrels)
        for one in judged:
            ranked = [release for release, _ in one.ranked]
            assert one.measures == measure(ranked, qrels[one.query_id])
    assert summarise([one.measures for one in stages["fused"]])["recall@5"].mean == 1


def test_a_run_file_has_the_six_columns_of_trec(tmp_path: Path) -> None:
    lines = list(trec_lines("q1", [("harbour/lights", 0.25), ("wire-1", 1 / 60)], "fused"))
    assert lines == [
        "q1 Q0 harbour/lights 1 0.250000 fused\n",
        "q1 Q0 wire-1 2 0.016667 fused\n",
    ]
    judged = {"fused": [Judged("q1", [("a", 1.0)], {}), Judged("q2", [], {})], "dense": []}
    write_runs(tmp_path / "run", judged)
    assert (tmp_path / "run.fused").read_text() == "q1 Q0 a 1 1.000000 fused\n"
    assert (tmp_path / "run.dense").read_text() == ""


def test_the_scores_of_a_run_file_order_it_as_its_ranks_do(stages: dict[str, list[Judged]]) -> None:
    for one in (one for judged in stages.values() for one in judged):
        scores = [float(line.split()[4]) for line in trec_lines("q", one.ranked, "t")]
        assert scores == sorted(scores, reverse=True)
        assert len({release for release, _ in one.ranked}) == len(one.ranked)
