"""The source beside the answer: opened, marked, gone through by keyboard, left again."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Builder
from test_server import eventually

pytest.importorskip("playwright", reason="Playwright is not installed: pip install -e '.[test]'")

from playwright.sync_api import expect

from qa_service.index import BuildPlan

from .conftest import Open, Site, opening

QUESTION = "How many turbines stand at Stormvik?"
SEVERAL = "What are the latest news of Nordfjell Energy?"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}


def asked(open_page: Open, question: str = SEVERAL, **options: Any) -> Any:
    page = open_page(f"/?q={quote(question)}", **{"viewport": WIDE, **options})
    expect(page.locator("a.n[data-n]").first).to_be_visible()
    return page


def test_a_citation_opens_its_release_beside_the_answer(open_page: Open) -> None:
    page = asked(open_page, QUESTION)
    said = page.locator(".words").first.inner_text()
    page.locator("a.n[data-n]").first.click()
    source = page.get_by_role("dialog")
    expect(source).to_be_visible()
    expect(source.locator(".title")).to_have_text("Nordfjell Energy opens wind farm at Stormvik")
    expect(source).to_contain_text("Nordfjell Energy · ")
    expect(source).to_contain_text("12 September 2023")
    expect(source.get_by_role("link", name="Original")).to_have_attribute(
        "href", "https://example.com/stormvik"
    )
    expect(source).to_contain_text("It was built in 19 months by 300 workers.")
    expect(source.locator("mark.current")).to_have_text(said)
    expect(source.locator("mark.current")).to_be_in_viewport()
    answer, beside = page.locator(".answer").bounding_box(), source.bounding_box()
    assert answer["x"] + answer["width"] <= beside["x"]
    assert beside["x"] + beside["width"] <= WIDE["width"]


def test_quotes_of_one_release_are_marked_together(open_page: Open) -> None:
    page = asked(open_page)
    citations = page.locator("a.n[data-n]")
    first = citations.first.get_attribute("href").split("?")[0]
    same = [one.get_attribute("href") for one in citations.all()]
    expected = sum(one.split("?")[0] == first for one in same)
    assert expected > 1
    citations.first.click()
    expect(page.locator("#source mark[id]")).to_have_count(expected)
    expect(page.locator("#source mark.current")).to_have_text(
        page.locator(".words").first.inner_text()
    )


def test_arrows_go_from_citation_to_citation_and_escape_goes_back(open_page: Open) -> None:
    page = asked(open_page)
    texts = page.locator(".words").all_inner_texts()
    assert len(texts) > 1
    page.locator("a.n[data-n]").first.focus()
    page.keyboard.press("Enter")
    for text in (texts[0], texts[1]):
        expect(page.locator("#source mark.current").first).to_have_text(text)
        page.keyboard.press("ArrowRight")
    for _ in texts:
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#source mark.current").first).to_have_text(texts[0])
    expect(page.get_by_role("button", name="Previous citation")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("a.n[data-n]").nth(1)).to_be_focused()


def test_an_arrow_pressed_before_the_release_has_arrived_marks_the_next_quote(
    open_page: Open,
) -> None:
    page = asked(open_page)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/releases/*beside=1*", hold)
    page.locator("a.n[data-n]").first.click()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#source-title")).to_contain_text("Source 2 of")
    for route in held:
        route.continue_()
    words = page.locator(".words").nth(1).inner_text()
    expect(page.locator("#source mark.current").first).to_have_text(words)
    expect(page.locator("#source .problem")).to_have_count(0)


def test_arrows_go_along_the_citations_without_a_source_too(open_page: Open) -> None:
    page = asked(open_page)
    page.locator("a.n[data-n]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("a.n[data-n]").nth(1)).to_be_focused()


def test_the_buttons_and_the_close_button_do_the_same(open_page: Open) -> None:
    page = asked(open_page)
    page.locator("a.n[data-n]").first.click()
    page.get_by_role("button", name="Next citation").click()
    expect(page.locator("#source-title")).to_contain_text("Source 2 of")
    page.get_by_role("button", name="Close the source").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_opening_a_source_does_not_move_the_lines_that_are_read(open_page: Open) -> None:
    page = asked(open_page)
    page.locator("a.n[data-n]").last.hover()  # brings it into view
    top = page.locator(".words").last.bounding_box()
    page.locator("a.n[data-n]").last.click()
    expect(page.locator("#source mark.current").first).to_be_visible()
    now = page.locator(".words").last.bounding_box()
    assert (top["y"], top["height"]) == (now["y"], now["height"])


def test_on_a_phone_the_source_is_a_sheet_that_the_way_back_closes(open_page: Open) -> None:
    page = asked(open_page, viewport=PHONE)
    page.locator("a.n[data-n]").first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.locator("mark.current").first).to_be_in_viewport()
    assert page.evaluate("document.getElementById('source').matches(':modal')")
    assert sheet.bounding_box()["width"] == PHONE["width"]
    page.go_back()
    expect(sheet).to_be_hidden()
    expect(page.locator(".words").first).to_be_visible()


def test_pointing_at_a_citation_or_reaching_it_shows_its_passage(open_page: Open) -> None:
    page = asked(open_page, "How many people does the Port Authority employ?")
    citation, passage = page.locator("a.n[data-n]").first, page.get_by_role("tooltip").first
    expect(passage).to_be_hidden()
    citation.hover()
    expect(passage).to_be_visible()
    expect(passage).to_contain_text(page.locator(".words").first.inner_text())
    passage.hover()
    expect(passage).to_be_visible()
    page.mouse.move(0, 0)
    expect(passage).to_be_hidden()
    page.locator("#q").focus()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a.n[data-n]')"):
            break
    expect(page.get_by_role("tooltip")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_have_count(0)


def test_an_address_of_a_span_marks_it_with_and_without_its_query(open_page: Open) -> None:
    for address in ("/releases/wire-1#char=23,42", "/releases/wire-1?char=23,42#char=23,42"):
        page = open_page(address)
        expect(page.locator("mark")).to_have_count(1)
        expect(page.locator("mark")).to_be_in_viewport()
        assert len(page.locator("mark").inner_text()) == 19
    page = open_page("/releases/wire-1#char=9999,99999")
    expect(page.locator("h1")).to_be_visible()
    assert page.locator("mark").count() == 0


@pytest.fixture
def own_site(own_plan: BuildPlan, rebuild: Builder) -> Any:
    """A service over a corpus that a test may change."""
    rebuild(own_plan)
    site = Site(corpus_dir=own_plan.corpus, index_dir=own_plan.index, poll_s=0.05)
    yield site
    site.stop()


def switch(page: Any, rebuild: Builder, plan: BuildPlan) -> str:
    """Publish what the corpus is by now, and wait until it is served."""
    generation_id = rebuild(plan).manifest.generation_id
    serves = "fetch('/readyz').then((r) => r.json()).then((r) => r.generation_id)"
    assert eventually(lambda: bool(page.evaluate(serves) == generation_id), 20)
    return generation_id


def test_a_generation_that_changes_in_a_conversation_is_told(
    chromium: Any, own_site: Site, own_plan: BuildPlan, rebuild: Builder
) -> None:
    with opening(chromium, own_site.address) as open_page:
        page = open_page(f"/?q={quote(QUESTION)}", viewport=WIDE)
        expect(page.locator(".answer[data-address]")).to_have_count(1)
        wire = Path(own_plan.corpus) / "wire.jsonl"
        wire.write_text(wire.read_text().replace("today opened", "has today, at last, opened"))
        changed = switch(page, rebuild, own_plan)
        page.locator("a.n[data-n]").first.click()
        expect(page.get_by_role("alert")).to_contain_text("was changed after the answer was given")
        page.keyboard.press("Escape")
        page.locator("#q").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".answer[data-address]")).to_have_count(2)
        generations = page.locator(".answer[data-address]").evaluate_all(
            "all => all.map((one) => one.dataset.generation)"
        )
        assert generations[0] != generations[1] == changed
        page.locator(".turn").last.locator("a.n[data-n]").first.click()
        expect(page.locator("#source mark.current")).to_contain_text("has today, at last")


def test_a_release_that_is_gone_by_now_is_told_too(
    chromium: Any, own_site: Site, own_plan: BuildPlan, rebuild: Builder
) -> None:
    with opening(chromium, own_site.address) as open_page:
        page = open_page(f"/?q={quote(QUESTION)}", viewport=WIDE)
        expect(page.locator(".answer[data-address]")).to_have_count(1)
        (Path(own_plan.corpus) / "wire.jsonl").unlink()
        switch(page, rebuild, own_plan)
        page.locator("a.n[data-n]").first.click()
        expect(page.get_by_role("alert")).to_contain_text("not in the index any more")


def test_a_server_that_is_gone_is_told_and_the_question_kept(chromium: Any, own_site: Site) -> None:
    expected = ("ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_REFUSED")
    with opening(chromium, own_site.address, expected) as open_page:
        page = open_page()
        own_site.hold()
        page.locator("#q").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".progress")).to_contain_text("passages found in")
        own_site.stop()
        told = page.locator(".turn").last
        expect(told.locator("h3")).to_have_text("The service cannot be reached")
        expect(page.locator("#q")).to_have_value(QUESTION)
        told.get_by_role("button", name="Ask again").click()
        expect(page.locator(".pending")).to_have_count(0)
        expect(page.locator(".turn h3")).to_have_text("The service cannot be reached")
