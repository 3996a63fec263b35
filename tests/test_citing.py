"""References to a release or a quote of it, as people and programs want them."""

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.types import Release
from qa_service.web.citing import STYLES, apa, bibtex, csl_json, plain, refer, ris

TEXT = "The parrot house holds 77 parrots. It was\nopened by the Queen."
KNOWN = Release(
    "zoo/2024-1", "Parrots & Co_ arrive", TEXT, date(2024, 5, 6), "City Zoo {North}",
    "https://zoo.example/1", "en", "Lindholm",
)  # fmt: skip
UNKNOWN = Release("zoo/2", "", TEXT)
BASE = "http://127.0.0.1:8000/"
QUOTE = (35, 63)


def test_a_quote_is_cited_in_plain_words() -> None:
    assert plain(refer(KNOWN, QUOTE, BASE)) == (
        "“It was opened by the Queen.” (City Zoo {North}, “Parrots & Co_ arrive”, Lindholm, "
        "6 May 2024, https://zoo.example/1)"
    )


def test_a_release_is_cited_as_apa_has_a_press_release() -> None:
    assert apa(refer(KNOWN, None, BASE)) == (
        "City Zoo {North}. (2024, May 6). Parrots & Co_ arrive [Press release]. https://zoo.example/1"
    )
    quoted = apa(refer(KNOWN, QUOTE, BASE))
    assert quoted.startswith("“It was opened by the Queen.” (City Zoo {North}, 2024)\n\n")


def test_bibtex_has_every_field_with_its_characters_escaped() -> None:
    assert bibtex(refer(KNOWN, QUOTE, BASE)) == (
        "@misc{CityZooNorth-zoo-2024-1,\n"
        "  author = {{City Zoo \\{North\\}}},\n"
        "  title = {{Parrots \\& Co\\_ arrive}},\n"
        "  year = {2024},\n  month = {5},\n  day = {6},\n"
        "  howpublished = {Press release},\n  address = {Lindholm},\n"
        "  url = {https://zoo.example/1},\n  note = {“It was opened by the Queen.”}\n}\n"
    )


def test_ris_has_a_tag_a_line_and_an_end() -> None:
    assert ris(refer(KNOWN, QUOTE, BASE)).split("\r\n") == [
        "TY  - GEN", "AU  - City Zoo {North}", "TI  - Parrots & Co_ arrive", "PY  - 2024",
        "DA  - 2024/05/06", "PB  - City Zoo {North}", "CY  - Lindholm", "LA  - en",
        "M3  - Press release", "UR  - https://zoo.example/1",
        "N1  - “It was opened by the Queen.”", "ER  - ", "",
    ]  # fmt: skip


def test_csl_json_is_one_item_with_its_date_in_parts() -> None:
    [item] = json.loads(csl_json(refer(KNOWN, QUOTE, BASE)))
    assert item["author"] == [{"literal": "City Zoo {North}"}]
    assert item["issued"] == {"date-parts": [[2024, 5, 6]]}
    assert (item["type"], item["genre"]) == ("document", "Press release")
    assert item["note"] == "“It was opened by the Queen.”"


def test_what_is_not_known_is_left_out_and_the_page_here_is_the_address() -> None:
    own = "http://127.0.0.1:8000/releases/zoo/2?char=35,63#char=35,63"
    cited = refer(UNKNOWN, QUOTE, BASE)
    assert plain(cited) == f"“It was opened by the Queen.” (“zoo/2”, {own})"
    assert apa(refer(UNKNOWN, None, BASE)).startswith("zoo/2 [Press release]. (n.d.).")
    assert "author" not in bibtex(cited)
    assert "AU  -" not in ris(cited)
    assert "issued" not in csl_json(cited)


def test_an_address_that_is_none_is_not_cited() -> None:
    evil = Release("a", "A", TEXT, url="javascript:alert(1)")
    for form, _, _ in STYLES.values():
        assert "javascript" not in form(refer(evil, None, BASE))


@given(title=st.text(max_size=60), issuer=st.text(max_size=40))
def test_any_title_and_issuer_make_a_whole_reference(title: str, issuer: str) -> None:
    cited = refer(Release("a", title, TEXT, date(2024, 5, 6), issuer), None, BASE)
    entry = re.sub(r"\\[{}]", "", bibtex(cited))
    assert entry.count("{") == entry.count("}")
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in ris(cited).split("\r\n")[:-1])
    assert json.loads(csl_json(cited))[0]["id"] == "a"


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_an_address(client: Any, style: str) -> None:
    address = f"/cite/{style}?release_id=wire-1&char=23,42"
    reply = client.get(address)
    assert reply.status_code == 200
    assert "Nordfjell Energy" in reply.text
    release = client.get("/api/releases/wire-1").json()
    assert " ".join(release["text"][23:42].split()) in reply.text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/cite/mla?release_id=wire-1", 404),
        ("/cite/apa?release_id=none", 404),
        ("/cite/apa?release_id=wire-1&char=a,b", 422),
        ("/cite/apa", 422),
    ],
)
def test_what_cannot_be_cited_is_a_problem(client: Any, address: str, status: int) -> None:
    assert client.get(address).status_code == status


def test_a_quote_on_a_page_is_cited_with_its_page() -> None:
    cited = refer(replace(KNOWN, pages=(0, 30)), QUOTE, BASE)
    assert "6 May 2024, page 2, https" in plain(cited)
    assert "(City Zoo {North}, 2024, p. 2)" in apa(cited)
    assert "  pages = {2},\n" in bibtex(cited)
    assert "SP  - 2\r\n" in ris(cited)
    assert json.loads(csl_json(cited))[0]["page"] == "2"
