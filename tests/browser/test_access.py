"""axe-core on every page in every state; zoom, motion, and a browser without a script."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed: pip install -e '.[test]'")
pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from .conftest import Open, Site

QUESTION = "How many turbines stand at Stormvik?"
SEVERAL = "What are the latest news of Nordfjell Energy?"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
ZOOMED = {"width": 320, "height": 256}
"""A window of 1280 by 1024 pixels at 400 %."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

State = Callable[[Any, Site], None]


def at(address: str) -> State:
    def show(page: Any, _site: Site) -> None:
        page.goto(address)

    return show


def asked(question: str) -> State:
    def show(page: Any, _site: Site) -> None:
        page.locator("#q").fill(question)
        page.keyboard.press("Enter")
        expect(page.locator("#conversation .answer:not(.pending)")).to_be_visible()

    return show


def opened(page: Any, site: Site) -> None:
    asked(SEVERAL)(page, site)
    page.locator("a.n[data-n]").first.click()
    expect(page.locator("#source mark.current").first).to_be_visible()


def pointed_at(page: Any, site: Site) -> None:
    asked(SEVERAL)(page, site)
    page.locator("a.n[data-n]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tooltip")).to_be_visible()


def unfolded(page: Any, site: Site) -> None:
    asked(SEVERAL)(page, site)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")


def waiting(page: Any, site: Site) -> None:
    site.hold()
    page.locator("#q").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".progress.late")).to_be_visible()


def stopped(page: Any, site: Site) -> None:
    waiting(page, site)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".turn h3")).to_have_text("Stopped")


def going_on(page: Any, site: Site) -> None:
    asked("Who has been named chief executive of Nordfjell Energy?")(page, site)
    page.locator("#q").fill("And when does she start?")
    page.keyboard.press("Enter")
    expect(page.locator(".answer[data-address]")).to_have_count(2)


def remembered(page: Any, site: Site) -> None:
    asked(QUESTION)(page, site)
    page.goto("/")
    expect(page.locator("#history")).to_be_visible()


STATES: dict[str, State] = {
    "the start": at("/"),
    "the start with a history": remembered,
    "an answer": asked(QUESTION),
    "an answer unfolded": unfolded,
    "an answer from an address": at(f"/?q={quote(QUESTION)}&before=Who%3F&date_from=2020-01-01"),
    "mentions": asked("How many releases mention Nordfjell Energy?"),
    "no evidence": asked("What is the best recipe for banana bread?"),
    "an unusable question": asked("why " * 501),
    "a follow-up": going_on,
    "waiting": waiting,
    "stopped": stopped,
    "a source": opened,
    "a passage pointed at": pointed_at,
    "all releases": at("/releases"),
    "no release": at("/releases?q=zebra"),
    "a release": at("/releases/wire-1?char=23,42&char=30,60#char=23,42"),
    "a release in Khmer": at("/releases/wire-4"),
    "about": at("/about"),
    "an error": at("/releases/no-such-release"),
    "embedded": at(f"/?q={quote(QUESTION)}&embed=1"),
}


ON_A_PHONE = ["the start", "an answer unfolded", "a source", "all releases"]
"""What is laid out in another way there."""


@pytest.mark.parametrize(
    ("state", "size"),
    [*((state, WIDE) for state in STATES), *((state, PHONE) for state in ON_A_PHONE)],
    ids=[*STATES, *(f"{state} on a phone" for state in ON_A_PHONE)],
)
def test_axe_finds_nothing(site: Site, open_page: Open, state: str, size: dict[str, int]) -> None:
    page = open_page(viewport=size, reduced_motion="reduce")
    STATES[state](page, site)
    axe = Axe()
    options: dict[str, Any] = {"runOnly": RULES, "resultTypes": ["violations"]}
    assert violations(axe.run(page, options=options)) == []
    page.emulate_media(color_scheme="dark")
    assert violations(axe.run(page, options={**options, "runOnly": ["color-contrast"]})) == []


def violations(results: Any) -> list[tuple[str, list[str]]]:
    found = results.response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("state", ["the start", "an answer unfolded", "all releases", "a source"])
def test_at_400_percent_nothing_is_wider_than_the_window(
    site: Site, open_page: Open, state: str
) -> None:
    page = open_page(viewport=ZOOMED)
    STATES[state](page, site)
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth") <= ZOOMED["width"]
    if state == "an answer unfolded":
        position = "getComputedStyle(document.getElementById('ask')).position"
        assert page.evaluate(position) == "static"


def test_what_has_the_focus_is_never_hidden_by_the_box(site: Site, open_page: Open) -> None:
    page = open_page(viewport=WIDE)
    unfolded(page, site)
    page.evaluate("document.querySelector('.filters').open = false")
    assert page.evaluate("getComputedStyle(document.getElementById('ask')).position") == "sticky"
    page.locator("#main").focus()
    hidden = []
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#ask') !== null"):
            break
        if page.evaluate(COVERED):
            hidden.append(page.evaluate("document.activeElement.outerHTML")[:100])
    assert hidden == []


def test_nothing_moves_for_who_does_not_want_motion(site: Site, open_page: Open) -> None:
    page = open_page(viewport=WIDE, reduced_motion="reduce")
    opened(page, site)
    moving = "getComputedStyle(document.getElementById('source')).animationName"
    assert page.evaluate(moving) == "none"


def test_without_a_script_everything_can_be_reached(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_text("Dates and issuer").click()
    page.get_by_label("Issuer").fill("Nordfjell Energy")
    page.locator("#q").fill(QUESTION)
    page.locator("#q").press("Enter")
    expect(page.locator(".turn")).to_contain_text("Only releases of Nordfjell Energy")
    expect(page.get_by_role("button", name="Copy the answer")).to_be_hidden()
    page.get_by_text("Passages found").click()
    expect(page.locator(".passage").first).to_be_visible()
    page.locator("#q").fill("And how many workers built it?")
    page.locator("#q").press("Enter")
    expect(page.get_by_role("navigation", name="Earlier")).to_contain_text(QUESTION)
    expect(page.locator(".turn")).to_contain_text("300 workers")
    page.get_by_text("Copy or cite").first.click()
    with page.expect_download() as citation:
        page.get_by_role("link", name="BibTeX").first.click()
    assert citation.value.suggested_filename == "release.bib"
    page.get_by_role("link", name="All releases").click()
    page.get_by_label("Words of the title").fill("wind")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Nordfjell Energy opens").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("wind farm")


COVERED = """() => {
  const one = document.activeElement.getBoundingClientRect();
  const box = document.getElementById("ask").getBoundingClientRect();
  return one.bottom > box.top && one.top < box.bottom && one.top >= box.top;
}"""
