"""What ``qa`` says about itself, and when it cannot do what was asked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import Qa, in_process
from conftest import CORPUS, DATA

from qa_service import __version__
from qa_service.cli import app
from qa_service.index import BuildPlan, BuildReport, generation_ids

COMMAND: Any = typer.main.get_command(app)
VERBS = sorted(
    "ask build embed corpus eval feedback fetch generations keys mcp pause prune publish search serve "
    "verify watch".split()
)


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


def words(text: str) -> str:
    """The words of a page of help, without its frames and line breaks."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def refuses(qa: Qa, code: int, *arguments: object) -> str:
    """The one line on stderr with which a verb ends with this exit code."""
    told = qa(*arguments)
    assert (told.code, told.out) == (code, "")
    lines = told.err.splitlines()
    assert len(lines) == 1, told.err
    assert lines[0].startswith("qa: ")
    return lines[0]


def test_the_version_is_printed(qa: Qa) -> None:
    assert qa("--version") == (0, f"{__version__}\n", "")


def test_help_lists_every_verb_and_every_exit_code(qa: Qa) -> None:
    told = qa("--help")
    assert told.code == 0
    assert sorted(COMMAND.commands) == VERBS
    listed = re.findall(r"^│ ([a-z]+) +[A-Z]", told.out, re.MULTILINE)
    assert sorted(listed) == VERBS
    assert [code for code in "023456" if f" {code} " not in words(told.out)] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_explains_it_and_all_that_it_takes(
    qa: Qa, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    told = qa(verb, "--help")
    command = COMMAND.commands[verb]
    assert told.code == 0
    assert command.help.split()[0] in told.out
    assert len(command.help) > 20
    for parameter in command.params:
        if parameter.hidden:
            continue
        assert parameter.help, f"{verb} does not explain {parameter.opts}"
        assert words(parameter.help) in words(told.out)
        assert all(name in told.out for name in parameter.opts)


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"corpus", "keys", "mcp", "serve", "watch"}))
def test_a_verb_that_prints_can_print_json(verb: str) -> None:
    assert "--json" in {name for one in COMMAND.commands[verb].params for name in one.opts}


def test_no_arguments_show_the_help(qa: Qa) -> None:
    told = qa()
    assert "Usage: " in told.out + told.err
    assert "qa build" in words(told.out + told.err)


@pytest.mark.parametrize(
    "arguments",
    [("dance",), ("ask",), ("search", "x", "-k", 0), ("search", "x", "-k", 101), ("prune", "-x")],
)
def test_a_wrong_command_line_is_explained(qa: Qa, arguments: tuple[object, ...]) -> None:
    told = qa(*arguments)
    assert (told.code, told.out) == (2, "")
    assert "Error" in told.err


@pytest.mark.parametrize("verb", [["build"], ["ask", "Who?"], ["generations"], ["serve"]])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QA_PORT", "many", "QA_PORT='many'"),
        ("QA_INDEX_DIRR", "x", "did you mean QA_INDEX_DIR"),
    ],
)
def test_a_wrong_variable_is_named(
    qa: Qa, monkeypatch: pytest.MonkeyPatch, verb: list[str], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert said in refuses(qa, 2, *verb)


def test_an_unknown_engine_is_named_with_the_known_ones(
    qa: Qa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QA_DENSE", "annoy")
    said = refuses(qa, 2, "build", "--corpus", CORPUS, "--index", tmp_path / "index")
    assert "QA_DENSE=annoy" in said
    assert "faiss" in said
    assert [path.name for path in (tmp_path / "index").glob(".g*")] == []


def test_an_unknown_model_is_named(qa: Qa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QA_EMBEDDER", "no-such-model")
    said = refuses(qa, 6, "build", "--corpus", CORPUS, "--index", tmp_path / "index")
    assert "no-such-model" in said


def test_a_missing_corpus_is_named(qa: Qa, tmp_path: Path) -> None:
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    assert str(corpus) in refuses(qa, 3, "build", "--corpus", corpus, "--index", index)
    assert generation_ids(index) == []


@pytest.mark.parametrize("lacking", ["", "qrels/test.tsv", "queries.jsonl"])
def test_a_question_set_that_lacks_something_is_refused(
    qa: Qa, tmp_path: Path, lacking: str
) -> None:
    (tmp_path / "set/qrels").mkdir(parents=True)
    for name in {"qrels/test.tsv", "queries.jsonl"} - {lacking}:
        (tmp_path / "set" / name).write_bytes((DATA / name).read_bytes())
    folder = tmp_path / ("set" if lacking else "nowhere")
    said = refuses(qa, 3, "eval", folder, "--index", tmp_path / "index")
    assert str(folder / lacking.removesuffix("/test.tsv")) in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "Who?"],
        ["search", "ferry"],
        ["verify"],
        ["verify", "g1"],
        ["publish", "g1"],
        ["publish", ".."],
    ],
)
def test_without_an_index_a_verb_says_so(qa: Qa, tmp_path: Path, arguments: list[str]) -> None:
    index = tmp_path / "index"
    assert str(index) in refuses(qa, 4, *arguments, "--index", index)
    assert not index.exists()


def test_without_an_index_there_is_nothing_to_list_or_prune(qa: Qa, tmp_path: Path) -> None:
    index = ("--index", tmp_path / "index", "--json")
    assert qa("generations", *index) == (0, "[]\n", "")
    assert json.loads(qa("prune", *index).out) == {"removed": [], "vectors": 0}


@pytest.mark.parametrize("verb", ["ask", "search"])
@pytest.mark.parametrize("question", ["", " \n\t", "x" * 2001])
def test_a_question_that_cannot_be_used_is_refused(
    qa: Qa, plan: BuildPlan, built: BuildReport, verb: str, question: str
) -> None:
    said = refuses(qa, 5, verb, question, "--index", plan.index)
    assert "question" in said.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "--corpus", str(CORPUS)],
        ["ask", "Who?"],
        ["publish", "g1"],
        ["verify"],
        ["prune"],
    ],
)
def test_a_file_in_the_place_of_the_index_is_named_without_a_traceback(
    qa: Qa, tmp_path: Path, arguments: list[str]
) -> None:
    index = tmp_path / "index"
    index.write_text("not a folder")
    assert str(index) in refuses(qa, 4, *arguments, "--index", index)
