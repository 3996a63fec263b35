"""Reads pages as a browser without JavaScript gets them, by what things are and not by their looks."""

import re
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup, Tag

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

RUN = 'script:not([src], [type="application/ld+json"])'
"""Scripts that stand in a page itself; linked data is none."""


def read(client: Any, address: str, status: int = 200) -> BeautifulSoup:
    reply = client.get(address, headers=BROWSER)
    assert reply.status_code == status, reply.text[:500]
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return BeautifulSoup(reply.text, "html.parser")


def asked(client: Any, question: str, status: int = 200) -> BeautifulSoup:
    return read(client, f"/?q={quote(question)}", status)


def box(page: BeautifulSoup) -> Tag:
    """Where the question is typed."""
    found = page.select("form[role=search] [name=q]")
    assert len(found) == 1
    return found[0]


def quotes(page: BeautifulSoup) -> list[tuple[str, str]]:
    """Every quote of an answer, and the address that its citation leads to."""
    pairs = []
    for block in page.find_all("blockquote"):
        link = block.find_next("a", href=re.compile("^/releases/"))
        assert link is not None
        address = str(link["href"])
        for extra in block.select("a, cite, sup"):
            extra.decompose()
        pairs.append((block.get_text().strip(), address))
    return pairs


def marked(page: BeautifulSoup) -> str:
    return "".join(mark.get_text() for mark in page.find_all("mark"))


def words(tag: BeautifulSoup | Tag) -> str:
    return " ".join(tag.get_text(" ").split())
