"""Filters against a reading of the whole corpus in plain Python, and dates in questions as asked."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from fastapi.testclient import TestClient
from faults import hash_engines, quick_build, quick_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import read, words

from qa_service.app import create_app
from qa_service.engines import silent
from qa_service.errors import QueryError
from qa_service.index import Engines, Generation, build, open_current
from qa_service.search import search
from qa_service.settings import read_settings
from qa_service.temporal import days_mentioned
from qa_service.types import Filters, Period, Query
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_plan

Record = dict[str, Any]

DRAW = random.Random(11)
ISSUERS = ("Harbour Board", "Ferry Line", "City Hall", "")
LANGUAGES = ("en", "de", "km", "")
TOPICS = ("ferries", "bridges", "lights", "night trains")
DAYS = (
    "on Friday", "yesterday", "on 13 May 2022", "on May 13", "last month", "in June 2021", "in 2019",
    "on 29 February 2020", "in the third quarter of 2021", "in the 2010s", "one day",
)  # fmt: skip


def record(n: int) -> Record:
    """An invented release; of some the date, the issuer, the language or a field is not known."""
    issued = date(2019, 1, 1) + timedelta(DRAW.randrange(1500))
    metadata: Record = {
        "published": str(issued) if n % 6 else None,
        "issuer": DRAW.choice(ISSUERS),
        "language": DRAW.choice(LANGUAGES),
        "pages": DRAW.choice([1, 2, 2.5, 10]),
        "final": DRAW.choice([True, False]),
        "topics": DRAW.sample(TOPICS, DRAW.randrange(4)),
        "nested": {"topic": "ferries"},
        "editor": DRAW.choice(["Ilse=Ann", "ilse", None]),
    }
    text = (
        f"North{n % 7} south{n % 11} was opened {DRAW.choice(DAYS)} and counted as number {n}.\n\n"
        f"East{n % 13} has been planned since the quay was built, {DRAW.choice(DAYS)}, says report {n}."
    )
    return {"_id": f"r{n:03}", "title": f"Harbour news {n}", "text": text, "metadata": metadata}


RECORDS = [record(n) for n in range(300)]


def issued(one: Record) -> date | None:
    given_ = one["metadata"]["published"]
    return date.fromisoformat(given_) if given_ else None


def printed(value: object) -> set[str]:
    """Every value that a field has, as JSON prints it, strings without their quotes."""
    values = value if isinstance(value, list) else [value]
    known = [v for v in values if v is not None and not isinstance(v, dict | list)]
    return {v if isinstance(v, str) else json.dumps(v) for v in known}


def is_within(one: Record, period: Period) -> bool:
    """Undated, issued in the period, or with a mention of days that lie in it."""
    day = issued(one)
    first, last = period.first or date.min, period.last or date.max
    if day is None or first <= day <= last:
        return True
    closed = period.first is not None and period.last is not None
    return closed and any(first <= a and b <= last for a, b in days_mentioned(one["text"], day))


def passes(one: Record, filters: Filters) -> bool:
    metadata, day = one["metadata"], issued(one)
    wanted: dict[str, set[str]] = {}
    for name, value in filters.metadata:
        wanted.setdefault(name, set()).add(value)
    return (
        (filters.date_from is None or (day is not None and day >= filters.date_from))
        and (filters.date_to is None or (day is not None and day <= filters.date_to))
        and (not filters.issuers or metadata["issuer"] in filters.issuers)
        and (not filters.release_ids or one["_id"] in filters.release_ids)
        and (not filters.languages or metadata["language"] in filters.languages)
        and all(printed(metadata.get(name)) & values for name, values in wanted.items())
        and (not filters.periods or any(is_within(one, period) for period in filters.periods))
    )


def write(folder: Path, records: list[Record]) -> None:
    folder.mkdir()
    lines = [json.dumps(one) + "\n" for one in records]
    (folder / "wire.jsonl").write_text("".join(lines), encoding="utf-8")


Opener = Callable[[list[Record]], Generation]


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    """Builds and opens a generation of these releases."""
    opened: list[Generation] = []

    def open_one(records: list[Record]) -> Generation:
        write(tmp_path / "corpus", records)
        plan = quick_plan(tmp_path / "corpus", tmp_path / "index")
        quick_build(plan)
        opened.append(open_current(plan.index, hash_engines()))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    folder = tmp_path_factory.mktemp("many")
    write(folder / "corpus", RECORDS)
    plan = quick_plan(folder / "corpus", folder / "index")
    quick_build(plan)
    opened = open_current(plan.index, hash_engines())
    yield opened
    opened.close()


def kept(generation: Generation, filters: Filters) -> set[str]:
    """The ids of the releases that a filter lets through."""
    allowed = generation.allowed(filters)
    if allowed is None:
        return {one["_id"] for one in RECORDS}
    rows = [generation.passage_ids(allowed.passages)] if len(allowed.passages) else []
    return {passage_id.partition(":")[0] for row in rows for passage_id in row}


def releases_found(generation: Generation, query: Query, k: int = 1000) -> set[str]:
    return {hit.passage_id.partition(":")[0] for hit in search(generation, query, k).fused.hits}


def period(first: str = "", last: str = "") -> Period:
    parse = date.fromisoformat
    return Period(parse(first) if first else None, parse(last) if last else None, 0, 1)


ALONE: dict[str, Filters] = {
    "nothing": Filters(),
    "from a day": Filters(date_from=date(2022, 1, 1)),
    "to a day": Filters(date_to=date(2020, 2, 29)),
    "between days": Filters(date(2020, 2, 29), date(2021, 2, 28)),
    "one issuer": Filters(issuers=("Ferry Line",)),
    "two issuers": Filters(issuers=("Ferry Line", "City Hall")),
    "an issuer that is not known": Filters(issuers=("",)),
    "an issuer that there is not": Filters(issuers=("ferry line",)),
    "one release": Filters(release_ids=("r123",)),
    "one language": Filters(languages=("km",)),
    "two languages": Filters(languages=("km", "de")),
    "a language that is not known": Filters(languages=("",)),
    "a language that there is not": Filters(languages=("xx",)),
    "an element of a list": Filters(metadata=(("topics", "night trains"),)),
    "either of two elements": Filters(metadata=(("topics", "lights"), ("topics", "bridges"))),
    "a number": Filters(metadata=(("pages", "2"),)),
    "a fraction": Filters(metadata=(("pages", "2.5"),)),
    "a boolean": Filters(metadata=(("final", "true"),)),
    "a boolean as Python prints it": Filters(metadata=(("final", "True"),)),
    "a string with an equals sign": Filters(metadata=(("editor", "Ilse=Ann"),)),
    "the absence of a string": Filters(metadata=(("editor", ""),)),
    "an object": Filters(metadata=(("nested", "ferries"),)),
    "a field that there is not": Filters(metadata=(("no such", "2"),)),
    "two fields": Filters(metadata=(("pages", "10"), ("final", "false"))),
    "a field of another": Filters(metadata=(("pages", "true"),)),
    "a quote": Filters(metadata=(("pages' OR '1'='1", "2' OR '1'='1"),)),
    "a day": Filters(periods=(period("2022-05-13", "2022-05-13"),)),
    "a leap day": Filters(periods=(period("2020-02-29", "2020-02-29"),)),
    "a month": Filters(periods=(period("2021-06-01", "2021-06-30"),)),
    "a quarter": Filters(periods=(period("2021-07-01", "2021-09-30"),)),
    "a year": Filters(periods=(period("2019-01-01", "2019-12-31"),)),
    "a decade": Filters(periods=(period("2010-01-01", "2019-12-31"),)),
    "since a day": Filters(periods=(period("2022-05-13", ""),)),
    "until a day": Filters(periods=(period("", "2019-12-31"),)),
    "two periods": Filters(periods=(period("2019-03-01", "2019-03-31"), period("2022-06-01"))),
}


@pytest.mark.parametrize("filters", ALONE.values(), ids=ALONE)
def test_a_filter_keeps_what_a_reading_of_every_release_keeps(
    many: Generation, filters: Filters
) -> None:
    assert kept(many, filters) == {one["_id"] for one in RECORDS if passes(one, filters)}


def test_the_filters_compared_keep_some_and_leave_some_out() -> None:
    keeps_nothing = {name for name in ALONE if not any(passes(o, ALONE[name]) for o in RECORDS)}
    assert keeps_nothing == {
        "an issuer that there is not", "a language that there is not", "an object", "a quote",
        "a boolean as Python prints it", "a field that there is not", "a field of another",
        "the absence of a string",
    }  # fmt: skip
    keeps_all = {name for name in ALONE if all(passes(one, ALONE[name]) for one in RECORDS)}
    assert keeps_all == {"nothing"}


SOME_DAYS = st.dates(date(2018, 12, 1), date(2023, 3, 1))
PERIODS = st.one_of(
    st.tuples(SOME_DAYS, st.integers(0, 400)).map(
        lambda pair: Period(pair[0], pair[0] + timedelta(pair[1]), 0, 1)
    ),
    SOME_DAYS.map(lambda day: Period(day, None, 0, 1)),
    SOME_DAYS.map(lambda day: Period(None, day, 0, 1)),
)
FIELDS = st.sampled_from(
    [*(("topics", topic) for topic in TOPICS), *(("pages", n) for n in ("1", "2", "2.5", "10")),
     ("final", "true"), ("final", "false"), ("editor", "Ilse=Ann"), ("no such", "")]
)  # fmt: skip
COMBINED = st.builds(
    Filters,
    st.one_of(st.none(), SOME_DAYS),
    st.one_of(st.none(), SOME_DAYS),
    st.lists(st.sampled_from(ISSUERS), max_size=3).map(tuple),
    st.lists(st.sampled_from([one["_id"] for one in RECORDS]), max_size=20).map(tuple),
    st.lists(st.sampled_from(LANGUAGES), max_size=3).map(tuple),
    st.lists(FIELDS, max_size=3).map(tuple),
    st.lists(PERIODS, max_size=3).map(tuple),
)


@settings(max_examples=200)
@given(filters=COMBINED)
def test_filters_together_keep_what_each_of_them_keeps(many: Generation, filters: Filters) -> None:
    assert kept(many, filters) == {one["_id"] for one in RECORDS if passes(one, filters)}


@pytest.mark.parametrize("name", ALONE)
def test_a_search_finds_no_release_that_its_filters_leave_out(many: Generation, name: str) -> None:
    found = releases_found(many, Query("north3 harbour news", ALONE[name]))
    within = {one["_id"] for one in RECORDS if passes(one, ALONE[name])}
    assert found <= within
    assert bool(found) == bool(within)


@pytest.mark.parametrize("n", [0, 1, 150, 299])
def test_a_filter_that_keeps_one_release_of_hundreds_finds_its_passages(
    many: Generation, n: int
) -> None:
    one = RECORDS[n]["_id"]
    stages = search(many, Query("zinc tariff of the moon", Filters(release_ids=(one,))), 10)
    expected = {passage.passage_id for passage in many.passages_of(one)}
    assert expected
    assert {hit.passage_id for hit in stages.fused.hits} == expected
    assert {hit.passage_id for hit in stages.dense.hits} == expected


def test_a_rare_field_is_filtered_inside_the_search_and_not_after_it(opener: Opener) -> None:
    records = [
        {"_id": f"p{n:03}", "text": f"The quay was painted, coat {n}.", "metadata": {"rare": "no"}}
        for n in range(300)
    ]
    records[217] |= {"text": "Another matter altogether.", "metadata": {"rare": ["no", "yes"]}}
    rare = Filters(metadata=(("rare", "yes"),))
    generation = opener(records)
    assert releases_found(generation, Query("the quay was painted", rare)) == {"p217"}
    stages = search(generation, Query("the quay was painted"), 10)
    assert all(hit.passage_id[:4] != "p217" for hit in stages.lexical.hits)


VALUES: list[tuple[Any, list[str], list[str]]] = [
    ("text", ["text"], ["Text", "tex", "", '"text"']),
    ("", [""], [" ", "null"]),
    ("  spaced ", ["  spaced "], ["spaced"]),
    ("Straße", ["Straße"], ["Strasse", "straße"]),
    (7, ["7"], ["7.0", "07"]),
    (-0.5, ["-0.5"], ["-.5", "0.5"]),
    (1e22, ["1e+22"], ["10000000000000000000000"]),
    (True, ["true"], ["True", "1"]),
    (False, ["false"], ["False", "0", ""]),
    (None, [], ["null", "None", ""]),
    ([], [], ["", "[]"]),
    (["a", 2, True, None, "b"], ["a", "2", "true", "b"], ["null", "['a']", ""]),
    ([["a"], ["b"]], ["a", "b"], []),
    ({"a": "b"}, [], ["a", "b", "{}"]),
]


def test_values_are_filtered_by_as_json_prints_them(opener: Opener) -> None:
    records: list[Record] = [
        {"_id": f"v{n}", "text": f"Value number {n}.", "metadata": {"field": value}}
        for n, (value, _, _) in enumerate(VALUES)
    ]
    generation = opener([*records, {"_id": "bare", "text": "No metadata at all."}])
    for n, (value, same, others) in enumerate(VALUES):
        for text in same:
            assert f"v{n}" in kept(generation, Filters(metadata=(("field", text),))), (value, text)
        for text in others:
            found = kept(generation, Filters(metadata=(("field", text),)))
            assert f"v{n}" not in found, (value, text)
    assert kept(generation, Filters(metadata=(("field", "true"),))) == {"v7", "v11"}
    assert "bare" not in kept(generation, Filters(metadata=(("field", ""),)))


def test_undated_releases_are_left_out_by_bounds_and_kept_by_periods(many: Generation) -> None:
    undated = {one["_id"] for one in RECORDS if issued(one) is None}
    assert len(undated) == 50
    assert not kept(many, Filters(date_from=date(1, 1, 1))) & undated
    assert not kept(many, Filters(date_to=date(9999, 12, 31))) & undated
    for one in (period("1950-01-01", "1950-12-31"), period("2050-01-01"), period("", "1950-01-01")):
        assert kept(many, Filters(periods=(one,))) == undated


@pytest.mark.parametrize("day", ["0001-01-01", "0001-12-31", "9999-01-01", "9999-12-31"])
def test_a_release_of_the_first_or_last_day_there_is_can_be_built(opener: Opener, day: str) -> None:
    text = "Opened yesterday, today and tomorrow, last year and next week, in May, 999 decades ago."
    generation = opener([{"_id": "edge", "text": text, "metadata": {"published": day}}])
    one = date.fromisoformat(day)
    assert kept(generation, Filters(one, one)) == {"edge"}
    assert kept(generation, Filters(periods=(Period(one, one, 0, 1),))) == {"edge"}


def test_a_release_in_old_type_can_be_built(opener: Opener) -> None:
    text = "Laſt year it rained, and on 4 ſept. 1971 it did not."
    generation = opener([{"_id": "old", "text": text, "metadata": {"published": "1977-01-01"}}])
    for one in (period("1976-01-01", "1976-12-31"), period("1971-09-04", "1971-09-04")):
        assert kept(generation, Filters(periods=(one,))) == {"old"}


@pytest.mark.parametrize(
    "metadata",
    [r'{"topic": "\ud800"}', r'{"\ud800": 1}', r'{"a": ["\udfff"]}', '{"n": ' + "9" * 5000 + "}"],
    ids=["value", "name", "element", "number"],
)
def test_a_line_with_metadata_that_cannot_be_kept_is_left_out(
    tmp_path: Path, metadata: str
) -> None:
    write(tmp_path / "corpus", [{"_id": "good", "text": "A quay was opened."}])
    with (tmp_path / "corpus" / "wire.jsonl").open("a", encoding="utf-8") as file:
        file.write(f'{{"_id": "bad", "text": "Another was closed.", "metadata": {metadata}}}\n')
    report = quick_build(quick_plan(tmp_path / "corpus", tmp_path / "index"))
    assert report.manifest.releases == 1
    assert [one.source for one in report.manifest.left_out] == ["wire.jsonl:2"]


@pytest.mark.parametrize("field", ["languages", "metadata", "issuers", "release_ids"])
def test_a_filter_that_is_not_text_is_refused(many: Generation, field: str) -> None:
    value: Mapping[str, Any] = {field: (("a", "\ud800"),) if field == "metadata" else ("\ud800",)}
    with pytest.raises(QueryError, match="not text"):
        understand(many, "Why?", Filters(**value), Reading(100))


def test_what_a_question_says_of_dates_becomes_its_periods(many: Generation) -> None:
    filters = Filters(languages=("en",), metadata=(("final", "true"),))
    reading = Reading(2000, date(2022, 8, 17), spelling=False)
    query = understand(many, "What was opened in May 2022?", filters, reading)
    assert query.text == "What was opened in May 2022?"
    assert query.when is not None
    assert query.filters.periods == query.when.periods
    assert (query.filters.languages, query.filters.metadata) == (("en",), (("final", "true"),))
    plain = Reading(2000, date(2022, 8, 17), dates=False, spelling=False)
    query = understand(many, "What was opened in May 2022?", filters, plain)
    assert (query.when, query.filters) == (None, filters)


def test_without_a_day_to_count_from_it_is_today(many: Generation) -> None:
    query = understand(many, "What was opened yesterday?", Filters(), Reading(2000))
    assert query.when is not None
    assert query.when.as_of in (date.today(), date.today() - timedelta(1))
    assert query.when.periods[0].last == query.when.as_of - timedelta(1)


BRIDGES: list[Record] = [
    {"_id": "may", "title": "Bridge A", "metadata": {"published": "2022-05-16"}, "text":
     "The Ormsund bridge was opened to traffic by the mayor, who praised its builders."},
    {"_id": "july", "title": "Bridge B", "metadata": {"published": "2022-07-04", "lang": "de"},
     "text": "The Ormsund bridge, opened to traffic on 13 May 2022, was closed for repairs."},
    {"_id": "june", "title": "Bridge C", "metadata": {"published": "2022-06-01", "tags": ["toll", 5]},
     "text": "The Ormsund bridge, opened yesterday as a toll road, carried many lorries. A barge "
     "passed below it on May 30."},
    {"_id": "old", "title": "Bridge D", "metadata": {"published": "2021-03-02"}, "text":
     "The Ormsund bridge will be opened to traffic when its cables have been strung."},
    {"_id": "older", "title": "Bridge E", "metadata": {"published": "2016-11-04"}, "text":
     "The Ormsund bridge was proposed by the county council and is to be paid for by tolls."},
    {"_id": "undated", "title": "Bridge F", "metadata": {"final": True}, "text":
     "The Ormsund bridge is painted in red lead, and has been opened to walkers."},
]  # fmt: skip
ORMSUND = "What was said of the Ormsund bridge"


@pytest.fixture(scope="module")
def bridges(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Any]:
    """A client of a service over :data:`BRIDGES`, with the real model."""
    folder = tmp_path_factory.mktemp("bridges")
    write(folder / "corpus", BRIDGES)
    chosen = read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index")
    build(make_plan(chosen), engines, silent)
    with TestClient(create_app(chosen), raise_server_exceptions=False) as opened:
        yield opened


def sought(client: Any, question: str, **given_: Any) -> tuple[list[str], Any]:
    """The releases of a search, best first, and what was read into the question."""
    reply = client.post("/api/search", json={"q": question, "k": 50, **given_})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return list(dict.fromkeys(hit["release_id"] for hit in body["hits"])), body["interpreted"]


def answered(client: Any, question: str, **given_: Any) -> tuple[list[str], Any]:
    reply = client.post("/api/answer", json={"question": question, "k": 50, **given_})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return list(dict.fromkeys(hit["release_id"] for hit in body["passages"])), body["interpreted"]


Asker = Callable[..., tuple[list[str], Any]]
BOTH = pytest.mark.parametrize("ask", [sought, answered])


@BOTH
def test_a_question_in_a_month_is_searched_in_what_is_of_it_or_mentions_it(
    bridges: Any, ask: Asker
) -> None:
    found, read_ = ask(bridges, f"{ORMSUND} in May 2022?", as_of="2023-01-15")
    assert set(found) == {"may", "july", "june", "undated"}
    assert read_ == {
        "as_of": "2023-01-15",
        "date_from": "2022-05-01",
        "date_to": "2022-05-31",
        "periods": [{"date_from": "2022-05-01", "date_to": "2022-05-31"}],
        "order": None,
        "words": ["May 2022"],
        "event": None,
    }


@BOTH
def test_since_an_event_is_since_the_day_of_the_release_that_names_it(
    tmp_path: Path, engines: Engines, ask: Asker
) -> None:
    summit = {"_id": "summit", "title": "Mayors at the Harbour Summit", "text": "They met there.",
              "metadata": {"published": "2022-06-01"}}  # fmt: skip
    write(tmp_path / "corpus", [*BRIDGES, summit])
    chosen = read_settings(corpus_dir=tmp_path / "corpus", index_dir=tmp_path / "index")
    build(make_plan(chosen), engines, silent)
    with TestClient(create_app(chosen), raise_server_exceptions=False) as client:
        found, read_ = ask(client, f"{ORMSUND} since the summit?", as_of="2023-01-15")
        assert set(found) == {"summit", "june", "july", "undated"}
        assert read_["event"] == {
            "words": "the summit",
            "release_id": "summit",
            "title": "Mayors at the Harbour Summit",
            "published": "2022-06-01",
        }
        assert (read_["date_from"], read_["date_to"]) == ("2022-06-01", None)
        assert read_["words"] == ["since the summit"]
        found, read_ = ask(client, f"{ORMSUND} since the summit?", dates=False)
        assert read_ is None
        assert set(found) == {one["_id"] for one in [*BRIDGES, summit]}
        found, read_ = ask(client, f"{ORMSUND} since the election?")
        assert read_ is None


@BOTH
def test_dates_are_not_read_when_that_is_switched_off(bridges: Any, ask: Asker) -> None:
    found, read_ = ask(bridges, f"{ORMSUND} in May 2022?", dates=False)
    assert set(found) == {one["_id"] for one in BRIDGES}
    assert read_ is None


@BOTH
@pytest.mark.parametrize(
    ("as_of", "year", "expected"),
    [
        ("2023-06-01", 2022, {"may", "june", "july", "undated"}),
        ("2022-01-01", 2021, {"old", "undated"}),
        ("2017-12-31", 2016, {"older", "undated"}),
        ("1999-05-05", 1998, {"undated"}),
    ],
)
def test_last_year_is_counted_from_the_day_that_is_given(
    bridges: Any, ask: Asker, as_of: str, year: int, expected: set[str]
) -> None:
    found, read_ = ask(bridges, f"{ORMSUND} last year?", as_of=as_of)
    assert set(found) == expected
    assert (read_["as_of"], read_["words"]) == (as_of, ["last year"])
    assert (read_["date_from"], read_["date_to"]) == (f"{year}-01-01", f"{year}-12-31")


@BOTH
def test_open_and_several_periods_are_told_as_they_were_read(bridges: Any, ask: Asker) -> None:
    found, read_ = ask(bridges, f"{ORMSUND} before 2017 and since 2 June 2022?")
    assert set(found) == {"older", "july", "undated"}
    assert read_["periods"] == [
        {"date_from": None, "date_to": "2016-12-31"},
        {"date_from": "2022-06-02", "date_to": None},
    ]
    assert (read_["date_from"], read_["date_to"]) == (None, None)
    assert read_["words"] == ["before 2017", "since 2 June 2022"]


@BOTH
def test_a_question_without_dates_is_not_interpreted(bridges: Any, ask: Asker) -> None:
    found, read_ = ask(bridges, f"{ORMSUND}?")
    assert set(found) == {one["_id"] for one in BRIDGES}
    assert read_ is None


@BOTH
def test_newest_or_oldest_releases_come_first_when_asked_for(bridges: Any, ask: Asker) -> None:
    found, read_ = ask(bridges, "What is the latest on the Ormsund bridge?")
    assert (found[0], read_["order"], read_["periods"]) == ("july", "newest", [])
    assert (read_["date_from"], read_["date_to"]) == (None, None)
    found, read_ = ask(bridges, "What is the earliest word on the Ormsund bridge?")
    assert (found[0], read_["order"], read_["words"]) == ("older", "oldest", ["earliest"])


@BOTH
@pytest.mark.parametrize("question", [
    f"{ORMSUND} 300 decades ago?", f"{ORMSUND} after 31 December 9999?",
    f"{ORMSUND} from 2018 to 2016?", f"{ORMSUND} laſt year?", f"{ORMSUND} before 1 January 0001?",
])  # fmt: skip
@pytest.mark.parametrize("as_of", ["0001-01-01", "2022-08-17", "9999-12-31"])
def test_no_date_is_too_far_to_be_asked_about(
    bridges: Any, ask: Asker, question: str, as_of: str
) -> None:
    found, _ = ask(bridges, question, as_of=as_of)
    assert "undated" in found


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"language": "de"}, {"july"}),
        ({"language": ["de", "km"]}, {"july"}),
        ({"metadata": "tags=toll"}, {"june"}),
        ({"metadata": ["tags=5"]}, {"june"}),
        ({"metadata": ["final=true", "final=no"]}, {"undated"}),
        ({"metadata": ["final=true", "tags=5"]}, set()),
        ({"metadata": "tags=toll", "language": "de"}, set()),
    ],
)
def test_languages_and_fields_filter_searches_and_answers_alike(
    bridges: Any, given_: dict[str, Any], expected: set[str]
) -> None:
    assert set(sought(bridges, ORMSUND, **given_)[0]) == expected
    assert set(answered(bridges, ORMSUND, filters=given_)[0]) == expected
    address = "/api/search?" + urlencode({"q": ORMSUND, **given_}, doseq=True)
    assert {hit["release_id"] for hit in bridges.get(address).json()["hits"]} == expected


def test_filters_given_and_periods_read_must_both_agree(bridges: Any) -> None:
    question = f"{ORMSUND} in May 2022?"
    assert set(sought(bridges, question, language="de")[0]) == {"july"}
    assert set(sought(bridges, question, date_to="2022-05-31")[0]) == {"may"}
    assert sought(bridges, question, date_to="2021-12-31")[0] == []


def test_an_address_can_say_how_a_question_is_read(bridges: Any) -> None:
    query = {"q": f"{ORMSUND} last year?", "as_of": "2017-12-31"}
    reply = bridges.get("/api/search", params=query).json()
    assert reply["interpreted"]["date_from"] == "2016-01-01"
    reply = bridges.get("/api/search", params={**query, "dates": "false"}).json()
    assert reply["interpreted"] is None


@pytest.mark.parametrize(
    "wrong", [{"as_of": "last year"}, {"as_of": "2022-02-30"}, {"dates": "some"}, {"as-of": "2022"}]
)
def test_an_unreadable_way_of_reading_is_refused(bridges: Any, wrong: dict[str, str]) -> None:
    assert bridges.post("/api/search", json={"q": ORMSUND, **wrong}).status_code == 422
    assert bridges.post("/api/answer", json={"question": ORMSUND, **wrong}).status_code == 422


def test_the_page_says_how_dates_were_read_and_leads_to_a_search_without(bridges: Any) -> None:
    question, before = f"{ORMSUND} in May 2022?", "Which bridges & quays are there?"
    page = read(bridges, "/?" + urlencode({"q": question, "before": before}))
    assert "1 May 2022 to 31 May 2022" in words(page)
    [link] = [str(a["href"]) for a in page.select("main a") if "dates=" in str(a["href"])]
    said = parse_qs(urlsplit(link).query)
    assert (said["q"], said["before"], said["dates"]) == ([question], [before], ["0"])
    without = read(bridges, link)
    assert "1 May 2022" not in words(without)
    assert "without regard to dates" not in words(without)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (f"{ORMSUND} on 13 May 2022?", "13 May 2022."),
        (f"{ORMSUND} since 13 May 2022?", "since 13 May 2022"),
        (f"{ORMSUND} before 2017?", "until 31 December 2016"),
        (f"{ORMSUND} in 2016 or in 2021?", "1 January 2016 to 31 December 2016, or 1 January 2021"),
        ("What is the latest on the Ormsund bridge?", "The newest releases were put first"),
        ("What is the latest on the Ormsund bridge in 2022?", ", the newest first"),
    ],
)
def test_the_page_words_every_kind_of_period(bridges: Any, question: str, told: str) -> None:
    assert told in words(read(bridges, "/?" + urlencode({"q": question})))


def test_the_page_says_nothing_of_dates_where_none_were_read(bridges: Any) -> None:
    page = read(bridges, "/?" + urlencode({"q": f"{ORMSUND}?"}))
    assert "dates=" not in " ".join(str(a["href"]) for a in page.select("main a"))


@pytest.mark.parametrize("pair", ["topic", "=toll", ""])
def test_metadata_that_is_not_field_and_value_is_refused(bridges: Any, pair: str) -> None:
    for reply in (
        bridges.get("/api/search", params={"q": "bridge", "metadata": pair}),
        bridges.post("/api/search", json={"q": "bridge", "metadata": [pair]}),
        bridges.post("/api/answer", json={"question": "bridge?", "filters": {"metadata": pair}}),
    ):
        assert reply.status_code == 422
        assert "is not field=value" in reply.json()["detail"]
