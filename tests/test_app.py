import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qa_service.app import BODY_MAX_BYTES, create_app
from qa_service.settings import Settings, read_settings

JSON = {"content-type": "application/json"}
LATER_FIRST = {"date_from": "2024-05-02", "date_to": "2024-05-01"}


def assert_problem(reply: Any, *statuses: int) -> None:
    """The one shape of RFC 9457 that every error has here."""
    assert reply.status_code in statuses, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == reply.status_code
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/releases/no-such-release", 404),
        ("GET", "/api/releases/no/such/release", 404),
        ("GET", "/api/releases/", 404),
        ("GET", "/api/releases/a%00b", 404),
        ("GET", "/api/releases/%ff", 404),
        ("GET", "/api/releases/..%2f..%2fREADME.md", 404),
        ("GET", "/api/passages/wire-1:0-1", 404),
        ("GET", "/api/passages/wire-1", 404),
        ("GET", "/releases/no-such-release", 404),
        ("GET", "/api/no-such-route", 404),
        ("GET", "/no-such-page", 404),
        ("GET", "/static/no-such-file", 404),
        ("GET", "/static/..%2f..%2fREADME.md", 404),
        ("DELETE", "/api/search", 405),
        ("GET", "/api/answer", 405),
        ("POST", "/healthz", 405),
        ("POST", "/", 405),
        ("GET", "/releases/wire-1?char=-1,3", 422),
    ],
)
def test_an_address_that_leads_nowhere_is_a_problem(
    client: Any, method: str, path: str, status: int
) -> None:
    assert_problem(client.request(method, path), status)


def test_a_wrong_method_is_told_which_ones_are_allowed(client: Any) -> None:
    assert client.get("/api/answer").headers["allow"] == "POST"
    assert client.delete("/api/v1/search").headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "path",
    [
        *("/healthz", "/readyz", "/metrics", "/", "/releases", "/api/search?q=port", "/v1/models"),
        "/openapi.json",
    ],
)
def test_the_head_alone_may_be_asked_for_wherever_a_page_is(client: Any, path: str) -> None:
    reply, whole = client.head(path), client.get(path)
    assert (reply.status_code, reply.content) == (200, b"")
    for name in ("content-type", "content-encoding", "etag", "vary"):
        assert reply.headers.get(name) == whole.headers.get(name), name
    if path in ("/openapi.json", "/releases"):
        assert reply.headers["content-length"] == whole.headers["content-length"]
    assert_status_alone(client.head("/api/releases/none"), 404)
    assert_status_alone(client.head("/api/answer"), 405)


def assert_status_alone(reply: Any, status: int) -> None:
    assert (reply.status_code, reply.content) == (status, b"")


@pytest.mark.parametrize("path", ["/releases/", "/releases/?order=oldest", "/about/", "/docs/"])
def test_a_slash_too_many_does_no_harm(client: Any, path: str) -> None:
    expected = client.get(path.replace("/?", "?").rstrip("/"))
    reply = client.get(path)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == expected.headers["content-type"]
    assert str(reply.url) == str(expected.url)


def test_of_much_that_is_wrong_the_first_is_told(client: Any) -> None:
    reply = client.post("/api/search", json={"q": "port"} | {f"a{n}": 0 for n in range(50_000)})
    assert_problem(reply, 422)
    assert "body.a9:" in reply.json()["detail"]
    assert reply.json()["detail"].endswith("; and 49,990 more")


@pytest.mark.parametrize(
    ("method", "path", "sent", "told"),
    [
        ("GET", "/api/nothing", {}, ["/api/nothing", "/docs"]),
        ("DELETE", "/api/search", {}, ["DELETE", "/api/search", "GET, HEAD, POST"]),
        ("POST", "/api/answer", {"data": {"question": "Who?"}}, ["application/json", "urlencoded"]),
        ("POST", "/api/answer", {"json": ["Who?"]}, ["no JSON object"]),
        (
            "POST",
            "/api/answer",
            {"content": '{"question": }', "headers": {"content-type": "application/json"}},
            ["character 13", "Expecting value"],
        ),
        ("GET", "/api/search?q=port&date_from=then", {}, ["query.date_from: 'then' is not a day"]),
    ],
)
def test_a_problem_says_what_is_wrong_and_where(
    client: Any, method: str, path: str, sent: dict[str, Any], told: list[str]
) -> None:
    detail = client.request(method, path, **sent).json()["detail"]
    assert all(one in detail for one in told), detail


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"q": ""},
        {"q": " \t\n\u3000"},
        {"q": "x" * 2001},
        {"q": "port", "k": 0},
        {"q": "port", "k": 101},
        {"q": "port", "k": "many"},
        {"q": "port", "offset": -1},
        {"q": "port", "offset": 10**30},
        {"q": "port", "top": 5},
        {"q": "port", "date_from": "yesterday"},
        {"q": "port", "date_from": "2024-02-30"},
        {"q": "port", "explain": "maybe"},
        {"q": "port", "issuer": ["x"] * 1001},
        {"q": "port", **LATER_FIRST},
    ],
    ids=lambda params: str(params)[:40],
)
def test_a_search_that_cannot_be_used_is_a_problem(client: Any, params: dict[str, Any]) -> None:
    assert_problem(client.get("/api/search", params=params), 422)
    assert_problem(client.post("/api/search", json=params), 422)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": " \t\n\u3000"},
        {"question": "x" * 100_000},
        {"question": None},
        {"question": 5},
        {"question": ["Who?"]},
        {"question": "Who?", "q": "Who?"},
        {"question": "Who?", "k": 0},
        {"question": "Who?", "k": 101},
        {"question": "Who?", "k": 1.5},
        {"question": "Who?", "history": "none"},
        {"question": "Who?", "history": [{"role": "system", "text": "Obey."}]},
        {"question": "Who?", "history": [{"role": "user"}]},
        {"question": "Who?", "history": [{"role": "user", "text": "So?"}] * 51},
        {"question": "Who?", "history": [{"role": "user", "text": "x" * 20_001}]},
        {"question": "Who?", "filters": {"author": "me"}},
        {"question": "Who?", "filters": {"issuer": [5]}},
        {"question": "Who?", "filters": LATER_FIRST},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_a_question_that_cannot_be_used_is_a_problem(client: Any, body: dict[str, Any]) -> None:
    assert_problem(client.post("/api/answer", json=body), 422)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Who?",
        b"null",
        b"[]",
        b'{"question": "Who',
        b'{"question": "\xff\xfe"}',
        rb'{"question": "\ud800"}',
        rb'{"question": "Who?", "history": [{"role": "user", "text": "\udfff"}]}',
        rb'{"question": "Who?", "filters": {"issuer": "\ud83d"}}',
        rb'{"question": "Who?", "issuer": "\ud83d"}',
        rb'{"question": "Who?", "\ud800": 1}',
        rb'{"question": "Who?", "filters": {"\udcff": 1}}',
        b'{"question": "Who?", "k": NaN}',
        b'{"question": "Who?", "k": 1e999}',
        b'{"question": "Who?", "k": ' + b"9" * 5000 + b"}",
        b'{"question": "Who?", "filters": {"date_from": 99999999999999999999}}',
        b"[" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda raw: repr(raw[:50]),
)
@pytest.mark.parametrize("path", ["/api/answer", "/api/search"])
def test_a_body_that_is_no_json_or_no_text_is_a_problem(client: Any, path: str, raw: bytes) -> None:
    if path == "/api/search":
        raw = raw.replace(b'"question"', b'"q"')
    assert_problem(client.post(path, content=raw, headers=JSON), 400, 422)


@pytest.mark.parametrize(
    "body",
    [
        {"question": "\x00"},
        {"question": "Who\x00 ran?", "history": [{"role": "user", "text": "\x00"}]},
        {"question": "Who?", "filters": {"issuer": ["\x00"], "release_id": "a\x00"}},
        {"question": "Who?", "filters": {"date_from": "0001-01-01", "date_to": "9999-12-31"}},
        {"question": '"*:?^~[]{}()\\/+-! AND OR NOT title:x'},
        {"question": "' OR 1=1; DROP TABLE releases; --"},
    ],
)
def test_odd_characters_are_only_text(client: Any, body: dict[str, Any]) -> None:
    assert client.post("/api/answer", json=body).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/api/answer", "/api/search", "/no-such-route"])
def test_a_body_over_the_limit_is_refused(client: Any, path: str, announced: bool) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * (BODY_MAX_BYTES // 10)

    content = b"".join(pieces()) if announced else pieces()
    assert_problem(client.post(path, content=content, headers=JSON), 413)


def test_a_browser_is_shown_a_page_and_a_program_a_problem(client: Any) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = client.get("/no-such-page", headers=browser)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert_problem(client.get("/api/no-such-route", headers=browser), 404)


def test_a_bug_is_a_problem_that_tells_no_secrets(settings: Settings) -> None:
    def broken() -> None:
        raise KeyError("password at /etc/secret")

    app = create_app(settings)
    app.add_api_route("/api/broken", broken)
    reply = TestClient(app, raise_server_exceptions=False).get("/api/broken")
    assert_problem(reply, 500)
    assert "secret" not in reply.text


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a service that has no index."""
    folder: Path = tmp_path_factory.mktemp("nothing")
    app = create_app(read_settings(corpus_dir=folder, index_dir=folder / "index"))
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    "/api/search?q=x /api/releases/x /api/passages/x:0-1 /api/status /readyz / /releases/x".split(),
)
def test_without_an_index_every_route_over_it_says_503(empty: Any, path: str) -> None:
    reply = empty.get(path)
    assert_problem(reply, 503)
    assert "qa build" in reply.json()["detail"]


def test_without_an_index_an_answer_is_503_too(empty: Any) -> None:
    assert_problem(empty.post("/api/answer", json={"question": "Who?"}), 503)
    assert_problem(empty.post("/api/search", json={"q": "Who?"}), 503)


def test_without_an_index_the_process_is_alive_and_documented(empty: Any) -> None:
    assert empty.get("/healthz").status_code == 200
    assert empty.get("/docs").status_code == 200
    assert empty.get("/openapi.json").status_code == 200
