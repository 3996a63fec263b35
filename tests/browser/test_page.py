"""The page in a real Chromium, with JavaScript and without, by keyboard and on a small screen."""

import re
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed: pip install -e '.[test]'")

from playwright.sync_api import expect

from .conftest import Open

QUESTION = "How many turbines stand at Stormvik?"
FAR_DOWN = "How many people does the Port Authority employ?"
UNANSWERED = "What is the best recipe for banana bread?"
CITATION = 'main a[href^="/releases/"][href*="#"]'
SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["JavaScript", "no JavaScript"])
NARROW = {"width": 360, "height": 640}
LOW = {"width": 800, "height": 260}
PAGES = [
    "/",
    f"/?q={quote(QUESTION)}",
    f"/?q={quote(UNANSWERED)}",
    f"/?q={'x' * 1500}",
    f"/?q={'x' * 2500}",
    "/releases/wire-4",
    "/releases/wire-1?char=0,60#char=0,60",
    f"/releases/{'x' * 300}",
]


def box(page: Any) -> Any:
    return page.locator("form[role=search] [name=q]")


def quoted(page: Any) -> str:
    """The first quote of the answer, without the number of its citation."""
    text = page.locator("blockquote").first.inner_text()
    return re.sub(r"\s*\[\d+\]\s*$", "", text).strip()


@SCRIPTS
def test_a_question_and_enter_give_an_answer(open_page: Open, javascript: bool) -> None:
    page = open_page(java_script_enabled=javascript)
    box(page).fill(QUESTION)
    box(page).press("Enter")
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")
    expect(page.get_by_role("main")).to_contain_text("Nordfjell Energy")


@SCRIPTS
def test_the_button_gives_an_answer_too(open_page: Open, javascript: bool) -> None:
    page = open_page(java_script_enabled=javascript)
    box(page).fill(QUESTION)
    page.locator("form:has([name=q]) [type=submit]").click()
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")


@SCRIPTS
def test_a_citation_leads_to_the_quote_in_its_release(open_page: Open, javascript: bool) -> None:
    page = open_page(f"/?q={quote(FAR_DOWN)}", java_script_enabled=javascript, viewport=LOW)
    quote_shown = quoted(page)
    page.locator(CITATION).first.click()
    mark = page.locator("#source mark" if javascript else "mark").first
    expect(mark).to_be_in_viewport()
    expect(mark).to_have_text(quote_shown)
    page.go_back()
    expect(page.locator("blockquote").first).to_contain_text(quote_shown)


@SCRIPTS
def test_no_evidence_shows_passages_that_can_be_read(open_page: Open, javascript: bool) -> None:
    page = open_page(java_script_enabled=javascript)
    box(page).fill(UNANSWERED)
    box(page).press("Enter")
    passage = page.get_by_role("listitem").filter(has=page.locator('a[href^="/releases/"]')).first
    expect(passage).to_be_visible()
    expect(page.locator("blockquote")).to_have_count(0)
    passage.locator('a[href^="/releases/"]').click()
    expect(page.locator("mark").first).to_be_in_viewport()


@SCRIPTS
def test_a_second_question_is_answered_after_the_first(open_page: Open, javascript: bool) -> None:
    page = open_page(java_script_enabled=javascript)
    for question, said in (
        (QUESTION, "24 turbines"),
        ("What do the harbour lights cost?", "180,000"),
    ):
        box(page).fill(question)
        box(page).press("Enter")
        expect(page.locator("blockquote").filter(has_text=said).first).to_be_visible()


def test_an_overlong_question_is_explained_and_the_page_stays_usable(open_page: Open) -> None:
    page = open_page()
    box(page).fill("why " * 501)
    box(page).press("Enter")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"2,?000"))
    box(page).fill(QUESTION)
    box(page).press("Enter")
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path[:40])
def test_nothing_is_wider_than_a_small_screen(open_page: Open, path: str) -> None:
    page = open_page(path, viewport=NARROW)
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth") <= page.evaluate(f"{root}.clientWidth") == 360


def test_what_was_asked_is_never_run(open_page: Open) -> None:
    page = open_page()
    attack = (
        "<img src=x onerror=document.title='owned'><script>document.title='owned'</script> fish?"
    )
    box(page).fill(attack)
    box(page).press("Enter")
    expect(page.get_by_role("listitem").or_(page.locator("blockquote")).first).to_be_visible()
    assert page.title() != "owned"
    assert page.locator("main img").count() == 0


@SCRIPTS
def test_the_box_has_the_focus_and_tab_leads_on_to_the_button(
    open_page: Open, javascript: bool
) -> None:
    page = open_page(java_script_enabled=javascript)
    expect(box(page)).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Tab")
    expect(page.locator("form:has([name=q]) [type=submit]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")


def test_the_keyboard_alone_asks_and_follows_a_citation(open_page: Open) -> None:
    page = open_page(viewport=LOW)
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "form[role=search] [name=q]")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("blockquote").first).to_contain_text("24 turbines")
    tab_to(page, CITATION)
    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert style != "none"
    page.keyboard.press("Enter")
    expect(page.locator("#source mark").first).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [PAGES[0], PAGES[1], PAGES[6]], ids=["start", "answer", "release"])
def test_every_text_stands_out_from_its_background(open_page: Open, path: str, scheme: str) -> None:
    page = open_page(path, color_scheme=scheme)
    assert page.evaluate(FAINT_TEXTS) == []


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until such an element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


FAINT_TEXTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = rgba(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return getComputedStyle(document.documentElement).colorScheme === "dark" ? "black" : "white";
  };
  const faint = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(`${element.tagName}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""
