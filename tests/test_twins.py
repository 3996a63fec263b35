"""The same release on two wires, or issued again with a correction."""

import contextlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from faults import hash_engines, quick_build, quick_plan

from qa_service.index import Generation, open_current
from qa_service.search import look_up, search
from qa_service.types import Filters, Found, Query

WORDS = "quay crane ferry pier mooring ballast hawser rudder capstan gangway".split()
LONG = " ".join(
    f"The {word} number {n} was examined by its crew." for n in range(4) for word in WORDS
)
CHANGED = "The harbour will be closed for {days} days in spring, and all berths with it."


def text(days: int) -> str:
    thanks = "The board thanks the crews of all ferries and of both night trains."
    return f"{LONG}\n\n{CHANGED.format(days=days)}\n\n{thanks}"


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    folder = tmp_path_factory.mktemp("twins")
    (folder / "corpus").mkdir()
    rows = [
        ("first", "2024-05-01", "North Wire", text(12)),
        ("second", "2024-05-02", "South Wire", text(12)),
        ("corrected", "2024-05-03", "South Wire", text(21)),
        ("other", "2024-05-04", "South Wire", "The lighthouse keeper has a new crane and a cat."),
    ]
    lines = (
        json.dumps({"_id": i, "title": "", "text": t, "metadata": {"date": d, "issuer": s}})
        for i, d, s, t in rows
    )
    (folder / "corpus" / "wires.jsonl").write_text("\n".join(lines))
    plan = quick_plan(folder / "corpus", folder / "index")
    quick_build(plan)
    with contextlib.closing(open_current(Path(plan.index), hash_engines())) as opened:
        yield opened


def hits(generation: Generation, words: str, filters: Filters | None = None) -> list[Found]:
    stages = search(generation, Query(words, filters or Filters()), 20)
    return look_up(generation, stages, 0, 20)


def test_what_several_say_is_one_hit_that_shows_the_newest_and_lists_the_others(
    twins: Generation,
) -> None:
    [board] = [one for one in hits(twins, "The board thanks") if "board" in one.passage.text]
    assert board.release.release_id == "corrected"
    assert [release.release_id for _, release in board.twins] == ["first", "second"]
    assert all(passage.text == board.passage.text for passage, _ in board.twins)


def test_what_a_correction_changed_is_found_in_both_versions(twins: Generation) -> None:
    found = [
        one for one in hits(twins, "harbour closed days in spring") if "spring" in one.passage.text
    ]
    said = {one.passage.text.split(" for ")[1].split()[0]: one for one in found}
    assert said.keys() == {"12", "21"}
    assert said["21"].twins == ()
    assert said["12"].release.release_id == "second"
    assert [release.release_id for _, release in said["12"].twins] == ["first"]


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (Filters(issuers=("North Wire",)), "first"),
        (Filters(date_to=date(2024, 5, 2)), "second"),
        (Filters(release_ids=("first",)), "first"),
    ],
)
def test_a_filter_shows_the_newest_that_it_allows(
    twins: Generation, filters: Filters, shown: str
) -> None:
    boards = [
        one for one in hits(twins, "The board thanks", filters) if "board" in one.passage.text
    ]
    assert [one.release.release_id for one in boards] == [shown]


def test_every_passage_is_shown_or_listed(twins: Generation) -> None:
    found = hits(twins, "the harbour board and the quay crane of the lighthouse keeper in spring")
    listed = {one.passage.passage_id for one in found}
    listed |= {passage.passage_id for one in found for passage, _ in one.twins}
    every = {
        p.passage_id
        for r in ("first", "second", "corrected", "other")
        for p in twins.passages_of(r)
    }
    assert listed == every
    assert len({one.passage.text for one in found}) == len(found)
