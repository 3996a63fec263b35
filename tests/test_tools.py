"""The official SDK's client over stdio, over HTTP, and in this process."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from command_line import process
from mcp import Client, StdioServerParameters
from serving import served

from qa_service.index import BuildPlan, BuildReport
from qa_service.replies import AnswerReply, ReleaseReply, SearchReply

TOOLS = {"search_releases", "get_release", "answer", "list_releases"}
QUESTION = "How many turbines does the wind farm at Stormvik have?"


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    with served(index_dir=plan.index) as url:
        yield url


def talk(server: Any, said: Callable[[Client], Awaitable[Any]]) -> Any:
    async def talked() -> Any:
        async with Client(server) as opened:
            return await said(opened)

    return asyncio.run(talked())


def call(server: Any, name: str, **arguments: Any) -> Any:
    return talk(server, lambda opened: opened.call_tool(name, arguments))


def over_stdio(index: Any) -> StdioServerParameters:
    environ = {**os.environ, "QA_POLL_S": "0.1"}
    arguments = ["-m", "qa_service", "mcp", "--index", str(index)]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environ)


def test_an_assistant_finds_the_tools_and_what_they_take(address: str) -> None:
    listed = talk(f"{address}/mcp", lambda opened: opened.list_tools()).tools
    assert {tool.name for tool in listed} == TOOLS
    for tool in listed:
        assert tool.description
        assert tool.annotations.read_only_hint
        assert tool.output_schema
        for name, taken in tool.input_schema["properties"].items():
            assert taken["description"], f"{tool.name}: {name}"


def test_the_tools_give_what_the_api_gives(address: str, client: Any) -> None:
    endpoint = f"{address}/mcp"
    own = client.post("/api/answer", json={"question": QUESTION}).json()
    answer = AnswerReply.model_validate(
        call(endpoint, "answer", question=QUESTION).structured_content
    )
    assert (answer.status, answer.text) == ("answered", own["text"])
    found = call(endpoint, "search_releases", query="wind farm", k=2, issuer=["Nordfjell Energy"])
    hits = SearchReply.model_validate(found.structured_content).hits
    assert {hit.issuer for hit in hits} == {"Nordfjell Energy"}
    release = call(endpoint, "get_release", release_id=hits[0].release_id).structured_content
    text = ReleaseReply.model_validate(release).text
    for cited in answer.citations:
        assert text[cited.start : cited.end] == cited.quote
    listed = call(endpoint, "list_releases", limit=2, offset=1).structured_content
    theirs = client.get("/api/releases", params={"limit": 2, "offset": 1}).json()
    assert listed == theirs


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("answer", {"question": " "}, "the question is empty"),
        ("get_release", {"release_id": "none"}, "no release has the id 'none'"),
        ("search_releases", {"query": "x", "k": 1000}, "less than or equal to 100"),
        ("list_releases", {"date_from": "yesterday"}, "date"),
        ("search_releases", {}, "query"),
    ],
)
def test_what_a_tool_cannot_use_is_told_to_the_assistant(
    address: str, tool: str, arguments: dict[str, Any], reason: str
) -> None:
    reply = call(f"{address}/mcp", tool, **arguments)
    assert reply.is_error
    assert reason in reply.content[0].text


def test_qa_mcp_speaks_over_stdin_and_stdout(plan: BuildPlan, built: BuildReport) -> None:
    reply = call(over_stdio(plan.index), "answer", question=QUESTION)
    assert not reply.is_error
    assert "24 turbines" in reply.structured_content["text"]


def test_qa_mcp_says_so_if_the_tools_have_no_index_yet(tmp_path: Any) -> None:
    reply = call(over_stdio(tmp_path), "answer", question=QUESTION)
    assert reply.is_error
    assert "qa build" in reply.content[0].text


def test_pages_of_other_sites_cannot_use_the_tools(client: Any) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream"}
    evil = client.post("/mcp", json=body, headers=headers | {"origin": "https://evil.example"})
    assert evil.status_code == 403
    assert evil.headers["content-type"] == "application/problem+json"
    own = client.post("/mcp", json=body, headers=headers | {"origin": "http://testserver"})
    assert own.status_code == 200, own.text


def test_without_the_library_the_extra_is_named() -> None:
    hidden = "import sys; sys.modules['mcp'] = None; from qa_service.cli import main; main()"
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", hidden, "mcp"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'qa-service[mcp]'" in done.stderr
    assert process("mcp", "--help").code == 0
