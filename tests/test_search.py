from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from faults import hash_engines

from qa_service.engines import silent
from qa_service.errors import QueryError
from qa_service.index import Generation, build, open_current
from qa_service.passages import in_context
from qa_service.search import Stages, look_up, search
from qa_service.settings import read_settings
from qa_service.types import Filters, Query
from qa_service.understanding import make_query
from qa_service.wiring import make_plan

EVERYTHING = Filters()
FERRY = "2024-03-05-lindholm-ferry"
LIGHTS = "harbour/lights"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    """400 releases of one passage each, with many ties between them."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "corpus").mkdir()
    for n in range(400):
        words = f"north{n % 7} south{n % 11} east{n % 13}"
        (folder / "corpus" / f"r{n:03}.txt").write_text(f"{words} is what release {n} says.")
    plan = make_plan(read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index"))
    engines = hash_engines()
    build(plan, engines, silent)
    opened = open_current(plan.index, engines)
    yield opened
    opened.close()


def stages_of(
    generation: Generation, text: str, filters: Filters = EVERYTHING, k: int = 20
) -> Stages:
    return search(generation, make_query(text, filters, 2000), k)


@pytest.mark.parametrize("text", ["harbour lights", "who pays for the ferries?", "កំពង់ផែ", "?!"])
def test_every_stage_descends_with_ties_by_passage_id(generation: Generation, text: str) -> None:
    stages = stages_of(generation, text)
    for one in (stages.lexical, stages.dense, stages.fused):
        pairs = [(-hit.score, hit.passage_id) for hit in one.hits]
        assert pairs == sorted(pairs)
        assert len(set(pairs)) == len(pairs)


def test_ties_among_many_passages_are_broken_by_passage_id(many: Generation) -> None:
    hits = stages_of(many, "north3", k=100).lexical.hits
    assert [hit.passage_id[:4] for hit in hits] == [f"r{n:03}" for n in range(3, 400, 7)]


def test_the_dense_stage_is_the_cosine_with_every_passage(generation: Generation) -> None:
    stages = stages_of(generation, "night ferry ban")
    found = look_up(generation, stages, 0, 20)
    texts = [in_context(one.passage, one.release, with_title=True) for one in found]
    query = generation.embedder.embed_queries(["night ferry ban"])[0]
    np.testing.assert_allclose(
        [one.dense for one in found], generation.embedder.embed_passages(texts) @ query, atol=5e-3
    )


def test_what_is_looked_up_carries_the_scores_of_its_stages(generation: Generation) -> None:
    stages = stages_of(generation, "harbour lights")
    dense = {hit.passage_id: hit.score for hit in stages.dense.hits}
    lexical = {hit.passage_id: hit.score for hit in stages.lexical.hits}
    for rank, one in enumerate(look_up(generation, stages, 0, 20), 1):
        passage = one.passage
        assert one.rank == rank
        assert one.dense == dense[passage.passage_id]
        assert one.lexical == lexical.get(passage.passage_id, 0.0)
        assert one.release.text[passage.start : passage.end] == passage.text


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(date_from=date(2024, 3, 5), date_to=date(2024, 6, 18)), {FERRY, LIGHTS, "wire-4"}),
        (Filters(date_from=date(2024, 3, 6), date_to=date(2024, 6, 17)), {"wire-4"}),
        (Filters(date_to=date(2023, 9, 12)), {"wire-1"}),
        (Filters(date_from=date(2024, 11, 20)), {"wire-2"}),
        (Filters(issuers=("Nordfjell Energy",)), {"wire-1", "wire-2"}),
        (Filters(issuers=("Nordfjell Energy", "Port Authority of Lindholm")),
         {"wire-1", "wire-2", LIGHTS}),
        (Filters(issuers=("Nordfjell Energy",), date_from=date(2024, 1, 1)), {"wire-2"}),
        (Filters(release_ids=(FERRY, "wire-3")), {FERRY, "wire-3"}),
        (Filters(release_ids=(FERRY,), issuers=("Nordfjell Energy",)), set()),
        (Filters(release_ids=("no such release",)), set()),
        (Filters(issuers=("nordfjell energy",)), set()),
        (Filters(issuers=("' OR 1=1 --",)), set()),
    ],
)  # fmt: skip
def test_a_filter_keeps_exactly_the_allowed_releases(
    generation: Generation, filters: Filters, expected: set[str]
) -> None:
    stages = stages_of(
        generation, "the harbour, the ferry and the crowns of Nordfjell", filters, 100
    )
    releases = {hit.passage_id.rpartition(":")[0] for hit in stages.fused.hits}
    assert releases == expected
    whole = sum(len(generation.catalogue.passages_of(release_id)) for release_id in expected)
    assert len(stages.dense.hits) == whole


def test_a_release_without_a_date_passes_no_filter_by_date(many: Generation) -> None:
    assert stages_of(many, "north3", Filters(date_from=date(1, 1, 1))).fused.hits == ()


@pytest.mark.parametrize("k", [1, 7, 40])
def test_pages_put_together_are_the_whole_ranking(many: Generation, k: int) -> None:
    """As the API pages: each page is a search of its own, deep enough for its last hit."""
    whole = stages_of(many, "north3 south5", k=400)
    expected = [one.passage.passage_id for one in look_up(many, whole, 0, 400)]
    for offset in (0, 10, 90, 110, 300):
        page = look_up(many, stages_of(many, "north3 south5", k=offset + k), offset, k)
        assert [one.passage.passage_id for one in page] == expected[offset : offset + k]
        assert [one.rank for one in page] == list(range(offset + 1, offset + len(page) + 1))


def test_a_page_behind_the_last_hit_is_empty(generation: Generation) -> None:
    assert look_up(generation, stages_of(generation, "harbour"), 1000, 10) == []


def test_a_search_says_what_each_step_took(generation: Generation) -> None:
    took_ms = stages_of(generation, "harbour").took_ms
    assert list(took_ms) == ["lexical", "embed", "dense", "fuse", "rerank"]
    assert all(value >= 0 for value in took_ms.values())


@pytest.mark.parametrize(
    ("text", "filters", "message"),
    [
        ("", Filters(), "the question is empty"),
        (" \n\t\u00a0", Filters(), "the question is empty"),
        ("x" * 2001, Filters(), "2,001 characters, the limit is 2,000"),
        (
            "x",
            Filters(date(2024, 2, 1), date(2024, 1, 31)),
            "2024-02-01 is after date_to 2024-01-31",
        ),
        ("caf\udce9", Filters(), "character"),
    ],
)
def test_an_unusable_query_is_refused_with_its_reason(
    text: str, filters: Filters, message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        make_query(text, filters, 2000)


def test_a_usable_query_is_taken_as_it_is() -> None:
    same_day = Filters(date(2024, 2, 1), date(2024, 2, 1))
    assert make_query(" x" * 1000, same_day, 2000) == Query(" x" * 1000, same_day)
