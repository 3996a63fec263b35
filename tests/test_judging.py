"""Answers judged on a set: what counts as correct, cited and declined."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qa_service.answer import Asked, ask
from qa_service.cli import app
from qa_service.errors import CorpusError
from qa_service.index import Generation
from qa_service.judging import (
    Judged,
    Verdict,
    auroc,
    is_correct,
    judge,
    plain,
    read_judged,
    risk,
    table,
    verdict,
)
from qa_service.settings import read_settings
from qa_service.types import Filters, Turn
from qa_service.understanding import Reading
from qa_service.wiring import make_answerer


def question(gold: tuple[str, ...], every: bool = False, kind: str = "fact") -> Judged:
    return Judged("Who?", kind, (), True, gold, every, ())


@pytest.mark.parametrize(
    ("gold", "every", "text", "expected"),
    [
        (("May 13, 2022",), False, "They met on “13–14 may 13 2022”.", True),
        (("three",), False, "All 3 of them", True),
        (("3",), False, "All 33 of them", False),
        (("Oslo", "Bonn"), False, "in Bonn", True),
        (("Oslo", "Bonn"), True, "in Bonn", False),
        (("Oslo", "Bonn"), True, "in Bonn, then Oslo", True),
        (("Sept. 5",), False, "on September 5", True),
    ],
)
def test_an_answer_is_correct_if_the_gold_stands_in_it_as_whole_words(
    gold: tuple[str, ...], every: bool, text: str, expected: bool
) -> None:
    assert is_correct(question(gold, every), text) is expected


def test_a_gold_answer_beyond_the_words_that_are_read_does_not_count() -> None:
    text = "word " * 80 + "Oslo"
    assert not is_correct(question(("Oslo",)), text)
    assert is_correct(question(("Oslo",), kind="list"), text)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    def one(answerable: bool, confidence: float, correct: bool = False) -> Verdict:
        return Verdict("", answerable, True, correct, 0, 0, 0, 0, confidence)

    rows = [one(True, 0.9, True), one(True, 0.4), one(False, 0.5), one(False, 0.4)]
    pairs = [(y > n) + (y == n) / 2 for y in (0.9, 0.4) for n in (0.5, 0.4)]
    assert auroc(rows) == sum(pairs) / 4
    assert dict(risk(rows))[0.5] == 0.5
    assert dict(risk(rows))[1.0] == 0.75


def test_both_forms_of_sets_are_read(tmp_path: Path) -> None:
    row = {
        "question": "Where?", "type": "fact", "answerable": True, "answers": ["Oslo", "Bonn"],
        "answers_mode": "all", "history": [{"role": "user", "text": "Hm"}],
        "evidence": [{"release_id": "a", "quote": "in Oslo"}],
        "also_evidence": [{"release_id": "b", "quote": "Oslo", "for": 0}],
    }  # fmt: skip
    (tmp_path / "questions.jsonl").write_text(json.dumps(row) + "\n\n")
    [one] = read_judged(tmp_path)
    assert one == Judged("Where?", "fact", (Turn("user", "Hm"),), True, ("Oslo", "Bonn"), True,
                         ((("a", "in Oslo"), ("b", "Oslo")),))  # fmt: skip
    (tmp_path / "questions.jsonl").unlink()
    meta = {"answerable": True, "gold_answers": ["Oslo"], "context_id": "a", "answer_starts": [3],
            "history": [{"speaker": "agent", "text": "Hm"}]}  # fmt: skip
    rows = [{"_id": "1", "text": "Where?", "metadata": meta},
            {"_id": "2", "text": "Who?", "metadata": {"answerable": False}}]  # fmt: skip
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    yes, no = read_judged(tmp_path)
    assert yes == Judged("Where?", "answerable", (Turn("assistant", "Hm"),), True, ("Oslo",), False,
                         ((("a", "Oslo"),),))  # fmt: skip
    assert (no.answerable, no.gold, no.evidence) == (False, (), ())


@pytest.mark.parametrize("text", [None, "{}", '{"question": "Who?"}', "nonsense"])
def test_a_set_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "questions.jsonl").write_text(text)
    with pytest.raises(CorpusError, match=str(tmp_path)):
        read_judged(tmp_path)


def test_citations_are_compared_with_the_evidence(generation: Generation) -> None:
    settings = read_settings()
    answerer = make_answerer(settings)

    def asked(text: str, history: object) -> Asked:
        assert history == ()
        return ask(generation, answerer, text, [], Filters(), 10, Reading(1000), 0.0)

    answer = asked("Where does the Lindholm ferry sail?", ()).answer
    assert answer.citations
    cited = answer.citations[0]
    evidence = (((cited.release_id, cited.quote),), (("no-release", "not quoted at all"),))
    text = "Where does the Lindholm ferry sail?"
    right = Judged(text, "x", (), True, (cited.quote,), False, evidence)
    [one] = judge([right], asked, lambda _n: None)
    assert one.correct
    assert one.recall == 0.5
    assert one.exact == one.citations == len(answer.citations)
    assert one == verdict(right, asked(right.text, ()))
    assert plain("The “Ferry”") == "the ferry"


def test_the_verb_prints_what_was_answered(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"_id": "a", "title": "Ferry", "text":
        "The Lindholm ferry sails from Oslo at noon. It carries forty cars."}))  # fmt: skip
    rows = [
        {"question": "Where does the Lindholm ferry sail from?", "type": "fact", "answerable": True,
         "answers": ["Oslo"], "evidence": [{"release_id": "a", "quote": "sails from Oslo"}]},
        {"question": "Who won the chess match in Lima?", "type": "other", "answerable": False,
         "answers": [], "evidence": []},
    ]  # fmt: skip
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = ["eval", str(tmp_path), "--answers", "--index", str(tmp_path / "index")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "declined of 1 unanswerable: 100.0 %" in done.output
    assert "correct of 1 answerable that were answered: 100.0 %" in done.output
    assert "exactly: 1 of 1" in done.output
    done = CliRunner().invoke(app, [*arguments, "--json"])
    verdicts = [Verdict(**row) for row in json.loads(done.stdout)]
    assert next(iter(table(verdicts))).split() == [
        "questions",
        "correct",
        "cited",
        "precise",
        "declined",
    ]
