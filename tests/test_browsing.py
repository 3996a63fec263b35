"""All releases page by page, one release with what is like it, and what is in the corpus."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from faults import quick_build, quick_plan
from pages import marked, read, words

from qa_service.index import Generation
from qa_service.index.catalogue import Catalogue
from qa_service.types import Filters, Passage, Release
from qa_service.web import browsing
from qa_service.web.addresses import text_fragment
from qa_service.web.marking import cut, paragraphs_of

MANY = [
    Release(
        f"r-{n:03}",
        ("ÉCOLE", "École neuve", "Straße frei", "100 % done", "Harbour_lights")[n % 5] + f" {n}",
        f"Text {n}.",
        None if n % 7 == 0 else date(2020 + n % 3, 1 + n % 12, 1 + n % 28),
        ("", "zoo", "Ministry", "Authority")[n % 4],
    )
    for n in range(60)
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("many")
    lines = [
        {
            "id": one.release_id,
            "title": one.title,
            "text": one.text,
            "issuer": one.issuer,
            "published": one.published.isoformat() if one.published else "",
        }
        for one in MANY
    ]
    (folder / "many.jsonl").write_text("\n".join(map(json.dumps, lines)))
    plan = quick_plan(folder, folder / "index")
    opened = Catalogue(plan.index / quick_build(plan).manifest.generation_id)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "titled", ["", "école", "STRASSE", "neuve 1", "%", "_lights", "e", "zebra"]
)
@pytest.mark.parametrize(
    "filters", [Filters(), Filters(issuers=("zoo",), date_from=date(2021, 1, 1))]
)
def test_a_list_has_what_counting_by_hand_finds(
    catalogue: Catalogue, titled: str, filters: Filters
) -> None:
    wanted = [
        one
        for one in MANY
        if all(word in one.title.casefold() for word in titled.casefold().split())
        and (not filters.issuers or one.issuer in filters.issuers)
        and (not filters.date_from or (one.published and one.published >= filters.date_from))
    ]
    listed = catalogue.releases(filters, 100, 0, titled)
    assert {one.release_id for one in listed} == {one.release_id for one in wanted}
    assert catalogue.count_releases(filters, titled) == len(wanted)
    months = Counter(f"{one.published:%Y-%m}" for one in wanted if one.published)
    assert catalogue.counts_by_month(filters, titled) == dict(sorted(months.items()))


@pytest.mark.parametrize("order", ["newest", "oldest", "issuer"])
def test_pages_in_every_order_follow_each_other_without_a_gap(
    catalogue: Catalogue, order: str
) -> None:
    pages = [catalogue.releases(Filters(), 7, at, order=order) for at in range(0, 63, 7)]
    listed = [one for page in pages for one in page]
    assert len({one.release_id for one in listed}) == len(listed) == len(MANY)
    days = [one.published for one in listed]
    if order == "issuer":
        issuers = [one.issuer.casefold() for one in listed]
        assert issuers == sorted(issuers, key=lambda name: (not name, name))
    else:
        dated = [day for day in days if day]
        assert days[len(dated) :] == [None] * (len(days) - len(dated))
        assert dated == sorted(dated, reverse=order == "newest")


def test_the_chart_has_every_month_between_and_years_if_those_are_too_many() -> None:
    bars = browsing.bars({"2023-11": 2, "2024-02": 4})
    assert [(bar.name, bar.count, bar.height) for bar in bars] == [
        ("2023-11", 2, 50.0), ("2023-12", 0, 0.0), ("2024-01", 0, 0.0), ("2024-02", 4, 100.0),
    ]  # fmt: skip
    assert (bars[-1].first, bars[-1].last) == ("2024-02-01", "2024-02-29")
    years = browsing.bars({"2003-05": 1, "2003-06": 1, "2020-01": 1})
    assert [bar.name for bar in years] == [str(year) for year in range(2003, 2021)]
    assert (years[0].count, years[0].first, years[0].last) == (2, "2003-01-01", "2003-12-31")
    assert browsing.bars({}) == []


def test_all_releases_are_listed_the_newest_first(client: Any) -> None:
    page = read(client, "/releases")
    titles = [link.get_text() for link in page.select("ol.listed a")]
    api = client.get("/api/releases").json()["releases"]
    assert titles == [one["title"] or one["release_id"] for one in api]
    assert re.search(rf"\b{len(titles)} releases\b", words(page))
    chart = page.select("figure.chart svg")[0]
    assert len(chart.select("rect")) == 15  # September 2023 to November 2024


def test_releases_are_found_by_title_issuer_and_date(client: Any) -> None:
    for query, ids in (
        ("q=NORDFJELL", ["wire-2", "wire-1"]),
        ("q=nordfjell&order=oldest", ["wire-1", "wire-2"]),
        ("issuer=Ministry+of+Education", ["wire-3"]),
        ("date_from=2024-02-01&date_to=2024-02-28", ["wire-3"]),
        ("q=zebra", []),
    ):
        page = read(client, f"/releases?{query}")
        links = [str(link["href"]) for link in page.select("ol.listed a")]
        assert links == [f"/releases/{one}" for one in ids], query
    assert "No release is like that" in words(page)


@pytest.mark.parametrize("query", ["date_from=soon", "order=size"])
def test_a_filter_that_cannot_be_used_is_explained_on_the_page(client: Any, query: str) -> None:
    page = read(client, f"/releases?{query}", 422)
    assert page.select("p.problem")
    assert page.select("form.browse")


def test_pages_lead_to_each_other_and_keep_what_was_asked(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "ON_A_PAGE", 2)
    address, seen = "/releases?order=oldest", []
    while address:
        page = read(client, address)
        seen += [str(link["href"]) for link in page.select("ol.listed a")]
        [forth] = page.select("a[rel=next]") or [None]
        address = str(forth["href"]) if forth else ""
    assert len(seen) == len(set(seen)) == client.get("/api/status").json()["releases"]
    assert words(read(client, "/releases?page=999")).count("Page 3 of 3") == 1


def test_a_release_has_its_passages_similar_releases_and_linked_data(client: Any) -> None:
    release = client.get("/api/releases/wire-1").json()
    page = read(client, "/releases/wire-1")
    passages = [str(link["href"]).split("#")[0] for link in page.select("details.passages a")]
    assert passages == [
        f"/releases/wire-1?char={one.rpartition(':')[2].replace('-', ',')}"
        for one in release["passages"]
    ]
    similar = [str(link["href"]) for link in page.select("ul.listed a")]
    assert "/releases/wire-2" in similar
    assert "/releases/wire-1" not in similar
    [data] = page.select('script[type="application/ld+json"]')
    known = json.loads(data.get_text())
    assert known["@type"] == "NewsArticle"
    assert known["headline"] == release["title"]
    assert known["datePublished"] == "2023-09-12"
    assert known["publisher"]["name"] == "Nordfjell Energy"
    assert known["url"] == "https://example.com/stormvik"
    assert "23-118" in words(page)


def test_several_spans_are_marked_and_each_has_its_place(client: Any) -> None:
    text = client.get("/api/releases/wire-1").json()["text"]
    page = read(client, "/releases/wire-1?char=0,20&char=10,30&char=200,220")
    assert marked(page) == text[0:30] + text[200:220]
    assert [mark.get("id") for mark in page.find_all("mark")] == [
        "char=0,20", "char=10,30", None, "char=200,220",
    ]  # fmt: skip


def test_beside_an_answer_a_release_comes_without_the_rest_of_its_page(client: Any) -> None:
    page = read(client, "/releases/wire-1?char=0,20&beside=1")
    assert page.select("article.release mark")
    assert not page.select("header.site, footer, script, link")


def test_parts_of_a_text_add_up_to_it_and_are_covered_by_their_spans(
    generation: Generation,
) -> None:
    text = generation.release("wire-1").text
    spans = [(5, 40), (30, 35), (30, 60), (90, 300), (0, 2)]
    parts = list(cut(text, 3, 120, spans))
    assert "".join(part.text for part in parts) == text[3:120]
    at = 3
    for part in parts:
        covering = {s for s in spans if s[0] <= at and at + len(part.text) <= s[1]}
        assert set(part.spans) == covering
        at += len(part.text)
    opened = [span for part in parts for span in part.opens]
    assert opened == [(5, 40), (30, 35), (30, 60), (90, 300)]


def test_a_page_is_named_where_it_begins() -> None:
    text = "One.\n\nTwo.\n\nThree.\n\nFour."
    edges = [(0, 4), (6, 10), (12, 18), (20, 25)]
    passages = [Passage(f"r:{a}-{b}", "r", a, b, text[a:b]) for a, b in edges]
    release = Release("r", "R", text, body_end=len(text), pages=(0, 11, 19))
    assert [one.page for one in paragraphs_of(release, passages, ())] == [1, None, 2, 3]
    whole = paragraphs_of(replace(release, pages=()), passages, ())
    assert [one.page for one in whole] == [None] * 4


def test_the_original_is_opened_at_the_words_of_a_quote() -> None:
    short = text_fragment("https://a.example/1#top", "It is well-known, and so on")
    assert short == "https://a.example/1#:~:text=It%20is%20well%2Dknown%2C%20and%20so%20on"
    long = text_fragment("https://a.example/1", " ".join(map(str, range(20))))
    assert long == "https://a.example/1#:~:text=0%201%202%203%204,15%2016%2017%2018%2019"
    assert text_fragment("javascript:alert(1)", "words") == ""


def test_about_says_what_is_in_the_corpus_and_what_answers_cannot_do(client: Any) -> None:
    status = client.get("/api/status").json()
    page = words(read(client, "/about"))
    assert f"{status['releases']} releases in {status['passages']} passages" in page
    assert "12 September 2023 to 20 November 2024" in page
    assert "Nordfjell Energy 2 releases" in page
    assert "not whether it is true" in page
    assert status["generation_id"] in page


def test_an_example_question_is_of_names_in_the_releases(client: Any, tmp_path: Path) -> None:
    page = read(client, "/")
    examples = [link.get_text() for link in page.select("#examples a")]
    assert len(examples) == 3
    texts = " ".join(client.get(f"/api/releases/{one['release_id']}").json()["text"]
                     for one in client.get("/api/releases").json()["releases"])  # fmt: skip
    for example in examples:
        name = re.search(r"about (.*)\?|When was (.*) first|mention (.*)\?", example)
        assert name is not None
        assert next(filter(None, name.groups())) in texts
        reply = client.post("/api/answer", json={"question": example}).json()
        assert reply["status"] == "answered", example
