"""The typed client and a real server; what it raises is what the service raised."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from command_line import Qa, in_process
from serving import served
from test_errors import every_error

from qa_service.client import ERRORS, RETRIES, AsyncClient, Client
from qa_service.errors import (
    EngineTimeout,
    GenerationError,
    NotFound,
    QueryError,
    ServiceError,
)
from qa_service.index import BuildPlan, BuildReport

QUESTION = "How many turbines does the wind farm at Stormvik have?"


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    with served(index_dir=plan.index) as url:
        yield url


@pytest.fixture(scope="module")
def service(address: str) -> Iterator[Client]:
    with Client(address) as opened:
        yield opened


def untimed(reply: Any) -> dict[str, Any]:
    return {**reply.model_dump(exclude={"took_ms", "stages"}), "took_ms": 0}


def test_replies_are_typed_and_those_of_the_api(service: Client, client: Any) -> None:
    found = service.search(
        "wind farm", k=2, date_from=date(2023, 1, 1), issuer=["Nordfjell Energy"]
    )
    body = {"q": "wind farm", "k": 2, "date_from": "2023-01-01", "issuer": ["Nordfjell Energy"]}
    theirs = client.post("/api/search", json=body).json()
    assert [hit.model_dump(mode="json") for hit in found.hits] == theirs["hits"]
    answer = service.answer(QUESTION)
    assert answer.status == "answered"
    text = service.release(answer.citations[0].release_id).text
    for cited in answer.citations:
        assert text[cited.start : cited.end] == cited.quote
    passage = service.passage(answer.citations[0].passage_id)
    assert passage.text == text[passage.start : passage.end]
    assert service.status().generation_id == answer.generation_id


def test_a_release_id_with_slashes_is_found(service: Client) -> None:
    release = service.release("harbour/lights")
    assert release.release_id == "harbour/lights"
    assert service.passage(release.passages[0]).release_id == "harbour/lights"


def test_a_follow_up_and_filters_are_sent(service: Client) -> None:
    turns = [("user", "What did Nordfjell Energy open at Stormvik?")]
    assert "Stormvik" in service.answer("What did it cost?", turns).standalone_question
    own = service.answer(QUESTION, k=3, issuer=["Ministry of Education"], dates=False)
    assert {hit.issuer for hit in own.passages} == {"Ministry of Education"}


def test_a_batch_and_all_releases(service: Client) -> None:
    batch = service.search_batch([{"q": "ferry", "k": 1}, {"q": " "}])
    assert [reply.model_dump().get("status") for reply in batch.replies] == [None, 422]
    ids = [one.release_id for one in service.all_releases()]
    assert len(ids) == len(set(ids)) == service.status().releases
    assert service.releases(limit=2, offset=1).releases[0].release_id == ids[1]


def test_the_client_for_asyncio_gives_the_same(service: Client, address: str) -> None:
    async def asked() -> list[Any]:
        async with AsyncClient(address) as opened:
            searches = [opened.search("harbour", k=k) for k in (1, 2, 3)]
            found: list[Any] = list(await asyncio.gather(*searches))
            found += [await opened.answer(QUESTION), await opened.status()]
            found.append([one async for one in opened.all_releases()])
            with pytest.raises(NotFound):
                await opened.release("none")
            return found

    *searches, answer, status, releases = asyncio.run(asked())
    for k, one in enumerate(searches, 1):
        assert untimed(one) == untimed(service.search("harbour", k=k))
    assert untimed(answer) == untimed(service.answer(QUESTION))
    assert status == service.status()
    assert releases == list(service.all_releases())


def test_errors_are_those_of_the_service(service: Client, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="the question is empty"):
        service.search(" ")
    with pytest.raises(NotFound, match="no release has the id 'none'"):
        service.release("none")
    with (
        served(index_dir=tmp_path) as empty,
        Client(empty) as nothing,
        pytest.raises(GenerationError, match="qa build"),
    ):
        nothing.answer(QUESTION)


def test_every_status_that_the_service_gives_is_its_error_again() -> None:
    for error in every_error():
        if error.http_status != 500:
            assert ERRORS[error.http_status].http_status == error.http_status


def test_a_service_that_is_not_there_is_named() -> None:
    with (
        Client("http://127.0.0.1:9") as nowhere,
        pytest.raises(ServiceError, match=r"127\.0\.0\.1:9"),
    ):
        nowhere.status()


class Busy(BaseHTTPRequestHandler):
    """Has no room for the first requests, then answers what it was asked with."""

    replies: list[tuple[int, dict[str, str], bytes]]

    def do_GET(self) -> None:
        status, headers, body = self.replies.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Busy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


FULL = (503, {"Retry-After": "0", "Content-Type": "application/problem+json"}, b'{"title": "a"}')


def test_a_request_that_there_was_no_room_for_is_sent_again(busy: str, service: Client) -> None:
    status = service.status()
    Busy.replies = [FULL, FULL, (200, {}, status.model_dump_json().encode())]
    with Client(busy) as opened:
        assert opened.status() == status
    Busy.replies = [FULL] * (RETRIES + 5)
    with Client(busy) as opened, pytest.raises(GenerationError):
        opened.status()
    assert len(Busy.replies) == 4


def test_what_is_no_such_service_is_said_to_be_none(busy: str) -> None:
    Busy.replies = [(500, {}, b"<html>")]
    with Client(busy) as opened, pytest.raises(ServiceError, match="is it a press release service"):
        opened.status()


def test_a_service_that_takes_too_long_has_timed_out() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, timeout_s=0.2) as opened, pytest.raises(EngineTimeout, match="in time"):
            opened.status()


def test_verbs_ask_a_running_service_and_print_the_same(
    qa: Qa, address: str, plan: BuildPlan
) -> None:
    for words in (("ask", QUESTION), ("search", "wind farm", "--explain", "-k", "2")):
        remote, local = qa(*words, "--url", address), qa(*words, "--index", plan.index)
        assert remote.code == 0, remote.err
        assert remote.out == local.out
    told = json.loads(qa("ask", QUESTION, "--json", "--url", address).out)
    assert told["status"] == "answered"
    filtered = qa("search", "farm", "--issuer", "Ministry of Education", "--json", "--url", address)
    assert {hit["issuer"] for hit in json.loads(filtered.out)["hits"]} == {"Ministry of Education"}


def test_verbs_end_with_the_exit_code_that_they_have_here(qa: Qa, address: str) -> None:
    assert qa("ask", " ", "--url", address).code == 5
    assert qa("ask", "Who?", "--from", "soon", "--url", address).code == 5
    nowhere = qa("ask", "Who?", "--url", "http://127.0.0.1:9")
    assert nowhere.code == 8
    assert "127.0.0.1:9" in nowhere.err
