"""The pages as a reader without JavaScript, or with a screen reader, meets them."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import ROOT
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import BROWSER, RUN, asked, box, marked, quotes, read, words
from streams import events

from qa_service.app import create_app
from qa_service.settings import read_settings

ANSWERED = "How many turbines stand at Stormvik?"
UNANSWERED = "What is the best recipe for banana bread?"
KHMER = "តើរដ្ឋមន្ត្រីបានថ្លែងអ្វីអំពីកំពង់ផែថ្មី?"
TOO_LONG = "why " * 501
ADDRESSES = {
    "/": 200,
    f"/?q={quote(ANSWERED)}": 200,
    f"/?q={quote(UNANSWERED)}": 200,
    f"/?q={quote(KHMER)}": 200,
    f"/?q={quote(TOO_LONG)}": 422,
    "/releases/wire-1": 200,
    "/releases/wire-1?char=12,40&char=30,60": 200,
    "/releases/harbour/lights": 200,
    "/releases/no-such-release": 404,
    "/no-such-page": 404,
    "/?q=a&q=b": 200,
    "/releases/wire-1?char=many": 422,
    "/releases": 200,
    "/releases?q=nordfjell&issuer=Nordfjell+Energy&order=oldest": 200,
    "/releases?date_from=yesterday": 422,
    "/about": 200,
    f"/?q={quote(ANSWERED)}&date_from=soon": 422,
    f"/?q={quote(ANSWERED)}&before=Who%3F&issuer=Nordfjell+Energy&embed=1": 200,
}
IDS = [address[:48] for address in ADDRESSES]


@pytest.fixture(scope="module", params=ADDRESSES, ids=IDS)
def page(request: pytest.FixtureRequest, client: Any) -> BeautifulSoup:
    return read(client, request.param, ADDRESSES[request.param])


def test_a_page_has_a_language_a_title_and_one_first_heading(page: BeautifulSoup) -> None:
    assert page.html is not None
    assert page.html["lang"] == "en"
    assert page.title is not None
    assert page.title.get_text().strip()
    assert len(page.find_all("h1")) == len(page.find_all("main")) == 1
    assert words(page.select("main h1")[0])
    assert page.select("meta[name=viewport]")


def test_a_page_begins_with_a_link_past_its_header_to_its_main_part(page: BeautifulSoup) -> None:
    first = page.select("a[href], button, input")[0]
    assert words(first)
    [target] = page.select(f'[id="{str(first["href"]).removeprefix("#")}"]')
    assert target.name == "main" or target.find_parent("main")


def test_every_field_and_link_of_a_page_has_a_name(page: BeautifulSoup) -> None:
    for field in page.select("input:not([type=hidden]), textarea, select"):
        labels = page.select(f'label[for="{field.get("id")}"]')
        assert field.get("aria-label") or (labels and words(labels[0])), field
    for named in page.select("a, button, summary"):
        assert named.get("aria-label") or words(named), named


def test_ids_of_a_page_are_unique_and_those_referred_to_exist(page: BeautifulSoup) -> None:
    ids = [str(tag["id"]) for tag in page.select("[id]")]
    assert len(set(ids)) == len(ids)
    for attribute in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
        for tag in page.select(f"[{attribute}]"):
            assert set(str(tag[attribute]).split()) <= set(ids), tag
    inside = [str(link["href"])[1:] for link in page.select('a[href^="#"]')]
    assert set(inside) <= set(ids)


def test_a_page_has_nothing_that_its_policy_would_block(page: BeautifulSoup) -> None:
    assert page.select(f"{RUN}, style, [style], iframe, object, base") == []
    for tag in page.find_all(True):
        assert [name for name in tag.attrs if name.startswith("on")] == [], tag


def test_a_page_loads_nothing_from_another_host(page: BeautifulSoup) -> None:
    loads = [*page.select("[src], [srcset], link[href], form[action]"), *page.select("[data-src]")]
    for tag in loads:
        for name in ("src", "srcset", "href", "action", "data-src"):
            assert not urlsplit(str(tag.get(name, ""))).netloc, tag
    links = [str(a["href"]).split("#")[0] for a in page.select("a[href]")]
    outside = {link for link in links if urlsplit(link).netloc}
    assert outside <= {"https://example.com/stormvik", "https://example.org/releases/17"}


def test_every_link_of_a_page_leads_somewhere(client: Any, page: BeautifulSoup) -> None:
    links = {str(tag["href"]).split("#")[0] for tag in page.select("a[href], link[href]")}
    links |= {str(tag["src"]) for tag in page.select("[src]")}
    for link in links:
        if link.startswith("/"):
            assert client.get(link).status_code == 200, link


@pytest.mark.parametrize("address", ADDRESSES, ids=IDS)
def test_a_page_comes_with_security_headers(client: Any, address: str) -> None:
    headers = client.get(address, headers=BROWSER).headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert not re.search(r"unsafe|\*|https?:", headers["content-security-policy"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("same-origin", "no-referrer")


def test_no_static_file_or_template_refers_to_another_host() -> None:
    files = [path for path in (ROOT / "web").rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|[\"'(]//|@import", text), path


def test_the_form_asks_without_javascript(client: Any) -> None:
    field = box(read(client, "/"))
    form = field.find_parent("form")
    assert form is not None
    assert (str(form.get("method", "get")).lower(), form["action"]) == ("get", "/")
    assert form.select("button:not([type]), [type=submit]")
    assert not field.get_text().strip()
    assert not field.get("value")


def test_without_a_question_there_are_the_box_and_the_number_of_releases(client: Any) -> None:
    page = read(client, "/")
    releases = client.get("/api/status").json()["releases"]
    assert box(page)
    assert page.find_all("blockquote") == []
    assert re.search(rf"\b{releases} releases\b", words(page))


def test_a_question_is_shown_with_its_answer(client: Any) -> None:
    page = asked(client, ANSWERED)
    assert ANSWERED in f"{box(page).get('value')} {words(page)}"
    [first, *_] = quotes(page)
    assert "24 turbines" in first[0]


@pytest.mark.parametrize("question", [ANSWERED, "When do the electric ferries start?", KHMER])
def test_a_quote_is_verbatim_and_its_citation_leads_to_it_marked(
    client: Any, question: str
) -> None:
    reply = client.post("/api/answer", json={"question": question}).json()
    shown = quotes(asked(client, question))
    assert [text for text, _ in shown] == [cited["quote"] for cited in reply["citations"]]
    for (text, address), cited in zip(shown, reply["citations"], strict=True):
        assert text in client.get(f"/api/releases/{cited['release_id']}").json()["text"]
        release = read(client, address)
        assert marked(release) == text
        assert release.select("mark")[0]["id"] == urlsplit(address).fragment


def test_a_citation_says_which_release_and_of_which_day(client: Any) -> None:
    page = asked(client, ANSWERED)
    assert page.find("a", string=re.compile("Nordfjell Energy opens wind farm"))
    assert page.select('time[datetime="2023-09-12"]')
    assert "12 September 2023" in words(page)


def test_without_evidence_the_nearest_passages_are_shown(client: Any) -> None:
    reply = client.post("/api/answer", json={"question": UNANSWERED}).json()
    page = asked(client, UNANSWERED)
    assert reply["status"] == "no_evidence"
    assert reply["text"].rstrip(".") in words(page)
    assert page.find_all("blockquote") == []
    nearest = reply["passages"][:3]
    for hit in nearest:
        assert " ".join(hit["text"].split()) in words(page)
    spans = {f"char={hit['start']},{hit['end']}" for hit in nearest}
    links = [str(a["href"]) for a in page.select('main a[href^="/releases/"]')]
    assert {urlsplit(link).query for link in links} >= spans


@pytest.mark.parametrize("question", ["", " \t\u3000"])
def test_an_empty_question_shows_the_form_again(client: Any, question: str) -> None:
    page = asked(client, question)
    assert box(page)
    assert page.find_all("blockquote") == []


def test_an_overlong_question_is_explained_beside_the_box(client: Any) -> None:
    page = asked(client, TOO_LONG, 422)
    assert client.get("/api/search", params={"q": TOO_LONG}).json()["detail"] in words(page)
    assert TOO_LONG.strip() in f"{box(page).get('value')} {words(page)}"


@pytest.mark.parametrize("span", ["char=40,12", "char=12,12", "char=9999999," + "9" * 40])
def test_a_span_that_holds_nothing_marks_nothing(client: Any, span: str) -> None:
    page = read(client, f"/releases/wire-1?{span}")
    assert page.find_all("mark") == []
    assert "24 turbines" in words(page)


def test_a_release_is_shown_whole_with_what_is_known_of_it(client: Any) -> None:
    release = client.get("/api/releases/wire-1").json()
    page = read(client, "/releases/wire-1")
    main = page.find("main")
    assert isinstance(main, Tag)
    assert " ".join(release["text"].split()) in words(main)
    assert release["title"] in words(main.select("h1")[0])
    assert main.select(f'a[href="{release["url"]}"]')
    assert main.select('time[datetime="2023-09-12"]')


def test_a_release_that_is_not_there_is_a_page_that_leads_back(client: Any) -> None:
    page = read(client, "/releases/no-such-release", 404)
    assert "no-such-release" in words(page)
    assert page.select('main a[href="/"]')


@pytest.mark.parametrize("address", ["/api/releases/no-such-release", "/api/no-such-route"])
def test_what_the_api_does_not_have_is_json_even_to_a_browser(client: Any, address: str) -> None:
    reply = client.get(address, headers=BROWSER)
    assert reply.status_code == reply.json()["status"] == 404
    assert reply.headers["content-type"] == "application/problem+json"


@settings(max_examples=40, deadline=None)
@given(question=st.text(max_size=200))
def test_any_text_can_be_asked_and_comes_back_as_text(client: Any, question: str) -> None:
    page = asked(client, question)
    for text, _ in quotes(page):
        assert text
    assert page.select(RUN) == []


def test_without_an_index_a_browser_is_told_how_to_build_one(tmp_path: Path) -> None:
    app = create_app(read_settings(corpus_dir=tmp_path, index_dir=tmp_path / "index"))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert "qa build" in words(read(client, "/", 503))


def test_a_follow_up_is_understood_from_the_questions_before_it(client: Any) -> None:
    first = "Who has been named chief executive of Nordfjell Energy?"
    earlier = [one["value"] for one in asked(client, first).select("form [name=before]")]
    assert earlier == [first]
    address = f"/?q={quote('And when does she start?')}&before={quote(first)}"
    followed = read(client, address)
    assert "Nordfjell Energy" in words(followed.find_all("main")[0])
    earlier = [one["value"] for one in followed.select("form [name=before]")]
    assert earlier == [first, "And when does she start?"]


def test_a_direct_answer_comes_first_and_is_marked_in_its_quote(client: Any) -> None:
    page = asked(client, "How many turbines does the wind farm at Stormvik have?")
    [direct] = page.select("p.direct")
    assert direct.get_text(" ", strip=True) == "24 [1]"
    assert [mark.get_text() for mark in page.select("blockquote mark")] == ["24"]
    assert direct.a is not None
    assert direct.a["href"] == page.select("blockquote a.n")[0]["href"]


def test_how_sure_an_answer_is_stands_in_words(client: Any) -> None:
    for question, words_of in (
        (ANSWERED, "The releases (very )?probably answer this|It is not certain"),
        ("How many releases mention Nordfjell Energy?", "Counted in all releases"),
    ):
        [said] = asked(client, question).select("p.sure")
        assert re.search(words_of, words(said))
    assert asked(client, UNANSWERED).select("p.sure") == []


def test_what_a_person_said_is_counted_as_statements(client: Any) -> None:
    page = asked(client, "What has Mira Okonkwo said?")
    assert "One statement by Mira Okonkwo" in words(page.select("p.direct")[0])


def test_a_script_is_asked_after_each_time_and_sent_only_if_it_changed(client: Any) -> None:
    first = client.get("/static/chat.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/static/chat.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_the_stream_of_the_page_has_the_answer_that_the_page_has(client: Any) -> None:
    address = f"/?q={quote(ANSWERED)}"
    reply = client.get(address, headers={"accept": "text/event-stream"})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-store"
    read_events = events(reply.text)
    assert [name for name, _ in read_events] == ["status", "passages", "answer", "done"]
    shown = BeautifulSoup(dict(read_events)["answer"]["html"], "html.parser")
    assert quotes(shown) == quotes(asked(client, ANSWERED))
    refused = client.get(f"/?q={quote(TOO_LONG)}", headers={"accept": "text/event-stream"})
    name, problem = events(refused.text)[-1]
    assert (name, problem["status"]) == ("error", 422)
