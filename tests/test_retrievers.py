"""The retrievers that docs/clients.md shows, run as they stand there."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ROOT
from serving import served

from qa_service.index import BuildPlan, BuildReport

CODE = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/clients.md").read_text(), re.M | re.S)
QUERY = "wind farm turbines"


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    with served(index_dir=plan.index) as url:
        yield url


def shown(name: str) -> Any:
    """The class of that name, defined by the page's own code."""
    [code] = [code for code in CODE if f"class {name}(" in code]
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/clients.md", "exec"), scope)
    return scope[name]


def hits(client: Any, k: int) -> list[dict[str, Any]]:
    return list(client.get("/api/search", params={"q": QUERY, "k": k}).json()["hits"])


def test_the_langchain_retriever_finds_what_a_search_finds(address: str, client: Any) -> None:
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    found = shown("PressReleases")(url=address, k=3).invoke(QUERY)
    assert [one.page_content for one in found] == [hit["text"] for hit in hits(client, 3)]
    assert [one.metadata["rank"] for one in found] == [1, 2, 3]


def test_the_llama_index_retriever_finds_what_a_search_finds(address: str, client: Any) -> None:
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    found = shown("PressReleaseNodes")(address, k=2).retrieve(QUERY)
    assert [one.node.node_id for one in found] == [hit["passage_id"] for hit in hits(client, 2)]
    assert [one.score for one in found] == pytest.approx([hit["score"] for hit in hits(client, 2)])
