"""Asking with the page's script: streaming, stopping, going on, what is kept."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed: pip install -e '.[test]'")

from playwright.sync_api import expect

from .conftest import Open, Site

QUESTION = "How many turbines stand at Stormvik?"
OTHER = "What do the harbour lights cost?"
FIRST = "Who has been named chief executive of Nordfjell Energy?"
FOLLOW_UP = "And when does she start?"


def ask(page: Any, question: str) -> None:
    page.locator("#q").fill(question)
    page.locator("#q").press("Enter")


def answers(page: Any) -> Any:
    return page.locator(".answer[data-address]")


def place(page: Any, selector: str) -> float:
    """How far an element stands from the top of the page, whatever is scrolled."""
    box = page.evaluate(
        "s => document.querySelector(s).getBoundingClientRect().top + scrollY", selector
    )
    return float(box)


def test_what_was_found_is_said_before_the_answer_is_there(site: Site, open_page: Open) -> None:
    page = open_page()
    site.hold()
    ask(page, QUESTION)
    expect(page.locator(".progress")).to_contain_text("passages found in")
    expect(page.get_by_role("status")).to_contain_text("passages found in")
    expect(page.locator(".pending")).to_have_attribute("aria-busy", "true")
    assert answers(page).count() == 0
    site.go_on()
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")
    expect(page.get_by_role("status")).to_contain_text("The releases say: 24")
    expect(page.locator(".pending")).to_have_count(0)
    expect(page.locator("#q")).to_be_focused()


@pytest.mark.parametrize("by", ["button", "Escape"])
def test_a_question_can_be_stopped_and_asked_again(site: Site, open_page: Open, by: str) -> None:
    page = open_page()
    site.hold()
    ask(page, QUESTION)
    expect(page.locator(".progress")).to_contain_text("passages found in")
    if by == "button":
        page.get_by_role("button", name="Stop").click()
    else:
        page.locator("#q").press("Escape")
    expect(page.locator(".turn h3")).to_have_text("Stopped")
    expect(page.locator("#q")).to_have_value(QUESTION)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    site.go_on()
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")
    expect(page.locator(".turn")).to_have_count(1)


def test_the_next_question_stops_the_one_before_it(site: Site, open_page: Open) -> None:
    page = open_page()
    site.hold()
    ask(page, QUESTION)
    expect(page.locator(".progress")).to_contain_text("passages found in")
    ask(page, OTHER)
    expect(page.locator(".turn").first.locator("h3")).to_have_text("Stopped")
    expect(page.locator("#q")).to_have_value("")
    site.go_on()
    expect(page.locator(".turn").last.locator("blockquote").first).to_contain_text("180,000")
    expect(answers(page)).to_have_count(1)


def test_nothing_that_is_read_moves_while_an_answer_comes(site: Site, open_page: Open) -> None:
    page = open_page(f"/?q={quote(QUESTION)}")
    before = place(page, "blockquote")
    site.hold()
    ask(page, OTHER)
    expect(page.locator(".progress")).to_contain_text("passages found in")
    waiting = place(page, ".turn:last-child .question"), page.evaluate("scrollY")
    height = page.evaluate("document.documentElement.scrollHeight")
    site.go_on()
    expect(answers(page)).to_have_count(2)
    assert place(page, "blockquote") == before
    assert (place(page, ".turn:last-child .question"), page.evaluate("scrollY")) == waiting
    assert page.evaluate("document.documentElement.scrollHeight") >= height
    expect(page.locator(".turn").last.locator(".question")).to_be_in_viewport()


def test_a_follow_up_is_understood_and_can_be_asked_by_itself(open_page: Open) -> None:
    page = open_page()
    ask(page, FIRST)
    expect(answers(page)).to_have_count(1)
    ask(page, FOLLOW_UP)
    expect(answers(page)).to_have_count(2)
    expect(page.locator(".turn").last).to_contain_text("Understood as")
    assert parse_qs(urlsplit(page.url).query) == {"q": [FOLLOW_UP], "before": [FIRST]}
    page.get_by_role("link", name="Ask it by itself").click()
    expect(answers(page)).to_have_count(3)
    assert parse_qs(urlsplit(page.url).query) == {"q": [FOLLOW_UP]}
    expect(page.locator(".turn").last).not_to_contain_text("Understood as")


def test_the_way_back_leads_to_the_question_before(open_page: Open) -> None:
    page = open_page()
    for question in (QUESTION, OTHER):
        ask(page, question)
        expect(page.locator(".turn").last.locator(".question")).to_have_text(question)
        expect(page.locator(".pending")).to_have_count(0)
    page.go_back()
    expect(page.locator(".question").first).to_be_in_viewport()
    assert parse_qs(urlsplit(page.url).query)["q"] == [QUESTION]
    page.go_back()
    expect(page.locator("#examples")).to_be_visible()


def test_an_address_shows_its_answer_and_what_was_asked_before_it(open_page: Open) -> None:
    page = open_page(f"/?q={quote(FOLLOW_UP)}&before={quote(FIRST)}")
    expect(answers(page)).to_have_count(1)
    page.get_by_role("link", name=FIRST).click()
    expect(page.locator(".question")).to_have_text(FIRST)


def test_filters_are_in_the_address_and_come_back_from_it(open_page: Open) -> None:
    page = open_page()
    page.get_by_text("Dates and issuer").click()
    page.get_by_label("From").fill("2024-01-01")
    page.get_by_label("Issuer").fill("Ministry of Education")
    page.get_by_label("Issuer").blur()
    kept = {"date_from": ["2024-01-01"], "issuer": ["Ministry of Education"]}
    assert parse_qs(urlsplit(page.url).query) == kept
    ask(page, "How many pupils are fed?")
    expect(answers(page)).to_have_count(1)
    expect(page.locator(".turn")).to_contain_text("Only releases of Ministry of Education")
    assert parse_qs(urlsplit(page.url).query) == {"q": ["How many pupils are fed?"], **kept}
    page.reload()
    expect(page.get_by_label("Issuer")).to_have_value("Ministry of Education")
    page.get_by_role("link", name="Search all").click()
    expect(answers(page)).to_have_count(2)
    expect(page.locator(".turn").last).not_to_contain_text("Only releases")


def test_an_example_is_asked_by_a_press(open_page: Open) -> None:
    page = open_page()
    example = page.locator("#examples a").first
    question = example.inner_text()
    example.click()
    expect(page.locator(".question")).to_have_text(question)
    expect(answers(page)).to_have_count(1)


def test_no_evidence_is_told_kindly_with_the_nearest_passages(open_page: Open) -> None:
    page = open_page()
    ask(page, "What is the best recipe for banana bread?")
    expect(page.locator(".turn h3")).to_have_text("The releases do not say.")
    expect(page.locator(".turn .passage").first).to_be_visible()


def test_a_question_that_cannot_be_used_stays_to_be_mended(open_page: Open) -> None:
    page = open_page()
    ask(page, "why " * 501)
    expect(page.locator(".turn h3")).to_have_text("The question cannot be used")
    expect(page.locator(".turn")).to_contain_text("2,004")
    assert page.locator("#q").input_value().startswith("why why")


def test_earlier_questions_are_kept_on_this_device_until_they_are_cleared(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("#history")).to_be_hidden()
    for question in (FIRST, FOLLOW_UP):
        ask(page, question)
        expect(page.locator(".turn").last.locator(".answer[data-address]")).to_be_visible()
    page.get_by_role("link", name="New conversation").click()
    expect(page.locator("#history li")).to_have_text([f"{FIRST} and 1 more"])
    page.get_by_role("link", name=FIRST).click()
    expect(page.locator(".question")).to_have_text(FOLLOW_UP)
    page.goto("/")
    page.get_by_role("button", name="Clear the list").click()
    expect(page.locator("#history")).to_be_hidden()
    page.reload()
    expect(page.locator("#history")).to_be_hidden()
    assert page.context.cookies() == []


def test_a_conversation_is_saved_as_markdown(open_page: Open) -> None:
    page = open_page()
    for question in (QUESTION, OTHER):
        ask(page, question)
        expect(page.locator(".turn").last.locator(".answer[data-address]")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the conversation as Markdown").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert waiting.value.suggested_filename == "conversation.md"
    assert text.index(f"## {QUESTION}") < text.index("24 turbines") < text.index(f"## {OTHER}")
    assert "— Nordfjell Energy opens wind farm at Stormvik, Nordfjell Energy, 12 September" in text


def test_an_answer_and_a_quote_are_copied(open_page: Open) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    page.get_by_role("button", name="Copy the answer").click()
    assert QUESTION in copied(page)
    page.get_by_text("Copy or cite").first.click()
    for name, said in (
        ("Quote with citation", "Nordfjell Energy, “Nordfjell Energy opens wind farm"),
        ("APA", "Nordfjell Energy. (2023, September 12)."),
        ("BibTeX", "@misc{"),
        ("RIS", "TY  - GEN"),
        ("CSL-JSON", '"URL": "https://example.com/stormvik"'),
        ("Link to this quote", "/releases/wire-1?char="),
    ):
        page.get_by_role("link", name=name).first.click()
        assert said in copied(page), name


def copied(page: Any) -> str:
    """What is on the clipboard once the page says so."""
    expect(page.get_by_role("status")).to_have_text("Copied")
    page.evaluate("document.getElementById('status').textContent = ''")
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("javascript", [True, False], ids=["JavaScript", "no JavaScript"])
def test_a_verdict_on_an_answer_is_kept(site: Site, open_page: Open, javascript: bool) -> None:
    page = open_page(f"/?q={quote(QUESTION)}", java_script_enabled=javascript)
    comment = f"Well found, {javascript}"
    page.get_by_label("Was this right?").fill(comment)
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("main")).to_contain_text("Thank you")
    last = json.loads(site.app.state.settings.feedback_file.read_text().splitlines()[-1])
    assert (last["verdict"], last["comment"]) == ("up", comment)
    assert last["answer"]["question"] == QUESTION
    assert "24 turbines" in last["answer"]["citations"][0]["quote"]


def test_everything_for_the_first_sight_is_small(open_page: Open) -> None:
    page = open_page()
    page.wait_for_load_state("networkidle")
    size = page.evaluate(
        "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
        ".reduce((sum, one) => sum + one.transferSize, 0)"
    )
    assert 0 < size < 100_000


def test_the_address_of_a_question_opens_where_its_answer_begins(open_page: Open) -> None:
    page = open_page(f"/?q={quote(QUESTION)}", viewport={"width": 390, "height": 780})
    expect(page.locator(".question")).to_be_in_viewport()
    assert page.evaluate("scrollY") == 0
