"""Every verb of ``qa``, run as a user runs it, without starting a process where none is needed."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Qa, in_process, process
from conftest import CORPUS, DATA
from faults import flip_byte, quick_build, quick_plan

from qa_service.evaluation import MEASURES, STAGES
from qa_service.index import BuildPlan, BuildReport, current_id, generation_ids


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


@pytest.fixture
def generations(own_corpus: Path, tmp_path: Path) -> tuple[Path, str, str]:
    """An index folder and its two generations, the second one served."""
    plan = quick_plan(own_corpus, tmp_path / "index")
    first = quick_build(plan).manifest.generation_id
    (own_corpus / "new.txt").write_text("A new quay was opened.")
    return plan.index, first, quick_build(plan).manifest.generation_id


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """The corpus, its questions and their qrels as BEIR has them."""
    folder = tmp_path / "harbour"
    shutil.copytree(DATA / "qrels", folder / "qrels")
    shutil.copy(DATA / "queries.jsonl", folder)
    lines = (CORPUS / "wire.jsonl").read_text().splitlines()
    for release_id, name in {
        "2024-03-05-lindholm-ferry": "2024-03-05-lindholm-ferry.txt",
        "harbour/lights": "harbour/lights.md",
    }.items():
        lines.append(json.dumps({"_id": release_id, "text": (CORPUS / name).read_text()}))
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    return folder


def test_a_build_counts_and_a_second_finds_nothing_changed(
    qa: Qa, own_plan: BuildPlan, own_corpus: Path
) -> None:
    (own_corpus / "scan.pdf").write_bytes(b"%PDF-1.7")
    options = ("--corpus", own_corpus, "--index", own_plan.index)
    first = qa("build", *options)
    generation_id = current_id(own_plan.index)
    assert first.code == 0
    assert re.fullmatch(
        rf"{generation_id}: 6 releases, (\d+) passages, 1 left out; published, 0 newly embedded\n"
        rf"everything was built: nothing is published in {own_plan.index}\n"
        r"files: 4 added \(.+, …\)\npassages: \1 new, 0 gone, 0 kept\ntook \d+\.\d s.*\n",
        first.out,
    )
    assert "left out: scan.pdf: not a readable PDF" in first.err
    second = qa("build", *options)
    assert (second.code, second.out.count("unchanged")) == (0, 1)
    assert second.out.startswith(f"{generation_id}: 6 releases")
    third = json.loads(qa("build", *options, "--json").out)
    assert (third["generation_id"], third["unchanged"]) == (generation_id, True)
    assert (third["releases"], third["embedded"]) == (6, 0)
    assert [one["source"] for one in third["left_out"]] == ["scan.pdf"]
    assert generation_ids(own_plan.index) == [generation_id]


def test_a_strict_build_of_a_bad_file_publishes_nothing(own_corpus: Path, tmp_path: Path) -> None:
    (own_corpus / "scan.pdf").write_bytes(b"%PDF-1.7")
    index = tmp_path / "index"
    failed = process("build", "--strict", "--corpus", own_corpus, "--index", index)
    assert (failed.code, failed.out) == (3, "")
    assert "scan.pdf" in failed.err
    assert "Traceback" not in failed.err
    assert generation_ids(index) == []


def test_an_answer_from_a_process_of_its_own(plan: BuildPlan, built: BuildReport) -> None:
    question = "How many turbines stand at Stormvik?"
    told = process("ask", question, "--json", QA_INDEX_DIR=str(plan.index))
    assert told.code == 0, told.err
    reply = json.loads(told.out)
    assert (reply["status"], reply["question"]) == ("answered", question)
    assert "24 turbines" in reply["text"]
    assert reply["generation_id"] == built.manifest.generation_id
    assert {one["release_id"] for one in reply["citations"]} <= {
        one["release_id"] for one in reply["passages"]
    }


def test_an_answer_names_the_release_and_the_place_of_each_quote(
    qa: Qa, plan: BuildPlan, built: BuildReport
) -> None:
    told = qa("ask", "How many turbines stand at Stormvik?", "--index", plan.index)
    assert told.code == 0
    assert re.search(r"^“.*24 turbines.*” \[1\]$", told.out, re.MULTILINE)
    assert "[1] Nordfjell Energy opens wind farm at Stormvik, Nordfjell Energy, 2023-" in told.out
    assert re.search(r"^    wire-1, characters \d+-\d+$", told.out, re.MULTILINE)


def test_a_search_explains_what_each_stage_thought(
    qa: Qa, plan: BuildPlan, built: BuildReport
) -> None:
    told = qa("search", "electric ferries", "-k", 3, "--explain", "--index", plan.index)
    assert told.code == 0
    ranks = re.findall(
        r"^(\d)\. [\d.]+ \(lexical [\d.]+, dense -?[\d.]+\) (\S+):\d+-\d+$", told.out, re.MULTILINE
    )
    assert [rank for rank, _ in ranks] == ["1", "2", "3"]
    assert ranks[0][1] == "2024-03-05-lindholm-ferry"


def test_a_search_prints_json_with_stages_only_if_asked_to_explain(
    qa: Qa, plan: BuildPlan, built: BuildReport
) -> None:
    words = ("search", "electric ferries", "--k", 2, "--index", plan.index, "--json")
    plain, explained = (json.loads(qa(*words, *more).out) for more in ([], ["--explain"]))
    assert explained.pop("stages").keys() == {*STAGES, "reranked", "took_ms"}
    assert plain.pop("took_ms") > 0
    assert explained.pop("took_ms") > 0
    assert plain == explained
    assert (plain["query"], plain["generation_id"]) == (*words[1:2], built.manifest.generation_id)
    assert [hit["rank"] for hit in plain["hits"]] == [1, 2]


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        (
            ("--from", "2023-09-01", "--to", "2023-09-30"),
            lambda hit: hit["published"][:7] == "2023-09",
        ),
        (("--issuer", "Nordfjell Energy"), lambda hit: hit["issuer"] == "Nordfjell Energy"),
        (("--metadata", "pr_number=23-118"), lambda hit: hit["release_id"] == "wire-1"),
    ],
)
def test_a_search_and_an_answer_can_be_filtered(
    qa: Qa,
    plan: BuildPlan,
    built: BuildReport,
    options: tuple[str, ...],
    fits: Callable[[Any], bool],
) -> None:
    for words, key in (
        (("search", "the harbour"), "hits"),
        (("ask", "Who opened it?"), "passages"),
    ):
        told = qa(*words, *options, "--index", plan.index, "--json")
        assert told.code == 0, told.err
        found = json.loads(told.out)[key]
        assert found
        assert all(map(fits, found))


def test_dates_in_a_question_can_be_counted_from_a_day_or_left_alone(
    qa: Qa, plan: BuildPlan, built: BuildReport
) -> None:
    words = ("ask", "Who opened a wind farm last year?", "--index", plan.index, "--json")
    read = json.loads(qa(*words, "--as-of", "2024-05-01").out)
    assert (read["interpreted"]["as_of"], read["interpreted"]["date_from"]) == (
        "2024-05-01",
        "2023-01-01",
    )
    assert json.loads(qa(*words, "--as-written").out)["interpreted"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "yesterday"), "date_from"),
        (("--metadata", "topic"), "is not field=value"),
        (("--as-of", "May"), "as_of"),
        (("--from", "2024-01-02", "--to", "2024-01-01"), "is after date_to"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(
    qa: Qa, plan: BuildPlan, built: BuildReport, options: tuple[str, ...], said: str
) -> None:
    told = qa("search", "harbour", *options, "--index", plan.index)
    assert (told.code, told.out) == (5, "")
    assert said in told.err


def test_an_evaluation_measures_every_stage_and_writes_its_runs(
    qa: Qa, own_plan: BuildPlan, beir: Path, tmp_path: Path
) -> None:
    index, run = own_plan.index, tmp_path / "run"
    told = qa("eval", beir, "--index", index, "--run", run)
    assert told.code == 0, told.err
    heading, *rows = told.out.splitlines()
    assert heading.split() == ["5", "queries", *MEASURES]
    assert [row.split()[0] for row in rows] == list(STAGES)
    for stage in STAGES:
        lines = [line.split() for line in Path(f"{run}.{stage}").read_text().splitlines()]
        assert {(line[1], line[5], len(line)) for line in lines} == {("Q0", stage, 6)}
        assert [line[0] for line in lines if line[3] == "1"] == ["q1", "q2", "q3", "q4", "q5"]
    measured = json.loads(qa("eval", beir, "--index", index, "--json").out)
    assert [*measured] == list(STAGES)
    for measures in measured.values():
        assert [*measures] == list(MEASURES)
        assert all(0 <= m["low"] <= m["mean"] <= m["high"] <= 1 for m in measures.values())
    assert measured["fused"]["recall@5"]["mean"] == 1
    assert len(generation_ids(index)) == 1


def test_a_run_that_cannot_be_written_is_an_error_of_one_line(
    qa: Qa, own_plan: BuildPlan, beir: Path, tmp_path: Path
) -> None:
    run = tmp_path / "nowhere" / "run"
    failed = qa("eval", beir, "--index", own_plan.index, "--run", run)
    assert failed.code != 0
    assert f"{run}.lexical" in failed.err.splitlines()[-1]


def test_generations_are_listed_with_a_mark_at_the_one_served(
    qa: Qa, generations: tuple[Path, str, str]
) -> None:
    index, first, second = generations
    told = qa("generations", "--index", index)
    assert [line.split()[0] for line in told.out.splitlines()] == [first, "*"]
    assert f"* {second} " in told.out
    assert "7 releases" in told.out.splitlines()[1]
    rows = json.loads(qa("generations", "--index", index, "--json").out)
    assert [(r["generation_id"], r["current"], r["releases"]) for r in rows] == [
        (first, False, 6),
        (second, True, 7),
    ]
    (index / first / "manifest.json").write_text("{")
    damaged = json.loads(qa("generations", "--index", index, "--json").out)
    assert first in damaged[0]["problem"]
    assert f"{first}/manifest.json" in qa("generations", "--index", index).out


def test_publishing_goes_back_to_an_older_generation_and_refuses_an_unknown_one(
    qa: Qa, generations: tuple[Path, str, str]
) -> None:
    index, first, second = generations
    assert qa("publish", first, "--index", index)[:2] == (0, f"serving {first}\n")
    assert current_id(index) == first
    told = qa("publish", second, "--index", index, "--json")
    assert json.loads(told.out) == {"current": second}
    refused = qa("publish", "g0", "--index", index)
    assert (refused.code, refused.out) == (4, "")
    assert all(one in refused.err for one in ("'g0'", first, second))
    assert current_id(index) == second


def test_verifying_finds_a_byte_that_flipped(qa: Qa, generations: tuple[Path, str, str]) -> None:
    index, first, second = generations
    assert qa("verify", "--index", index).out.startswith(f"{second}: ")
    intact = json.loads(qa("verify", first, "--index", index, "--json").out)
    assert (intact["generation_id"], intact["intact"]) == (first, True)
    flip_byte(index / second / "releases.sqlite")
    corrupt = qa("verify", "--index", index)
    assert (corrupt.code, corrupt.out) == (4, "")
    assert f"{second}/releases.sqlite" in corrupt.err
    assert qa("verify", first, "--index", index).code == 0


def test_a_build_says_what_changed_and_what_it_cost(qa: Qa, own_plan: BuildPlan) -> None:
    options = ("--corpus", own_plan.corpus, "--index", own_plan.index)
    qa("build", *options)
    (own_plan.corpus / "quay.txt").write_text("A new quay was opened.")
    (own_plan.corpus / "harbour" / "lights.md").rename(own_plan.corpus / "lights.md")
    lines = qa("build", *options).out.splitlines()
    assert lines[1] == "files: 1 added (quay.txt), 1 renamed (harbour/lights.md to lights.md)"
    assert re.fullmatch(r"passages: \d new, \d gone, 1\d kept", lines[2])
    assert re.fullmatch(r"took \d+\.\d s.*", lines[3])
    (own_plan.corpus / "quay.txt").unlink()
    told = json.loads(qa("build", *options, "--json").out)
    assert told["files"]["removed"] == ["quay.txt"]
    assert told["changed_passages"] == {"added": 0, "removed": 1}
    assert told["whole"] == ""


def test_pruning_can_empty_the_cache(qa: Qa, own_plan: BuildPlan) -> None:
    options = ("--corpus", own_plan.corpus, "--index", own_plan.index)
    qa("build", *options)
    out = qa("prune", "--cache", "--index", own_plan.index).out
    assert re.fullmatch(r"removed 0: none; and \d+ vectors from the cache\n", out)
    assert json.loads(qa("build", *options, "--full", "--json").out)["embedded"] > 0


def test_pruning_keeps_the_newest_and_the_one_served(
    qa: Qa, generations: tuple[Path, str, str]
) -> None:
    index, first, second = generations
    assert qa("prune", "--index", index).out == "removed 0: none\n"
    assert qa("publish", first, "--index", index).code == 0
    assert json.loads(qa("prune", "--keep", 1, "--index", index, "--json").out) == {
        "removed": [],
        "vectors": 0,
    }
    assert qa("prune", "--keep", 0, "--index", index).out == f"removed 1: {second}\n"
    assert generation_ids(index) == [first]
