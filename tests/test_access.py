"""Who may do what: keys, rates, names, the queue; over a real app, and over a real server's log."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import time_machine
from command_line import process
from fastapi.testclient import TestClient
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from serving import served
from starlette.concurrency import run_in_threadpool
from test_app import assert_problem
from test_server import eventually, free_port

from qa_service.api.answering import answer_body
from qa_service.app import BODY_MAX_BYTES, create_app
from qa_service.bodies import AnswerBody
from qa_service.deadline import allowed
from qa_service.errors import SettingsError, TookTooLong
from qa_service.index import BuildPlan, BuildReport
from qa_service.keys import Keys
from qa_service.middlewares.access import parse_limits
from qa_service.middlewares.limits import Queue
from qa_service.middlewares.windows import Windows
from qa_service.settings import Settings

QUESTION = "How many turbines does the wind farm at Stormvik have?"
ASKING = [
    ("GET", "/api/search?q=port"),
    ("POST", "/api/answer"),
    ("POST", "/api/answer/stream"),
    ("GET", "/api/v1/releases"),
    ("GET", "/api/passages/x:0-1"),
    ("GET", "/api/status"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/mcp"),
    ("GET", "/"),
    ("GET", "/releases/wire-1"),
    ("GET", "/api/no-such-route"),
]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


def opened(settings: Settings, keys: Keys, **more: Any) -> TestClient:
    file = keys._path
    app = create_app(settings.model_copy(update={"keys_file": file, **more}))
    return TestClient(app, raise_server_exceptions=False)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "press.example"])
def test_a_service_that_others_reach_needs_a_key_or_a_word(
    settings: Settings, keys: Keys, host: str
) -> None:
    with pytest.raises(SettingsError, match=r"qa keys add NAME.*--allow-anonymous"):
        opened(settings, keys, host=host)
    assert (
        opened(settings, keys, host=host, allow_anonymous=True).get("/healthz").status_code == 200
    )
    keys.add("Page", ("ask",))
    assert opened(settings, keys, host=host).get("/healthz").status_code == 200


def test_serve_refuses_to_be_open_by_accident(tmp_path: Path) -> None:
    told = process("serve", "--host", "0.0.0.0", QA_INDEX_DIR=str(tmp_path))
    assert told.code == 2
    assert "--allow-anonymous" in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(("method", "path"), ASKING)
def test_once_there_is_a_key_nothing_is_told_without_one(
    settings: Settings, keys: Keys, method: str, path: str
) -> None:
    keys.add("Page", ("ask",))
    service = opened(settings, keys)
    refused = service.request(method, path)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.json()["title"] == "A key is needed"
    wrong = service.request(method, path, headers=bearer("qa_00000000_" + "x" * 43))
    assert wrong.status_code == 401


def test_health_and_the_reference_need_no_key(settings: Settings, keys: Keys) -> None:
    keys.add("Page", ("ask",))
    service = opened(settings, keys)
    for path in ("/healthz", "/docs", "/openapi.json", "/api/v1/openapi.json", "/static/icon.svg"):
        assert service.get(path).status_code == 200, path


def test_a_key_is_taken_in_each_of_its_ways(settings: Settings, keys: Keys) -> None:
    _, secret = keys.add("Page", ("ask",))
    basic = base64.b64encode(f"anyone:{secret}".encode()).decode()
    ways = [bearer(secret), {"X-API-Key": secret}, {"Authorization": f"Basic {basic}"}]
    with opened(settings, keys) as service:
        for headers in ways:
            assert service.get("/api/status", headers=headers).status_code == 200
        for rubbish in ("Basic", "Basic %%%", "Basic /w==", "Bearer", "Negotiate x", ""):
            refused = service.get("/api/status", headers={"Authorization": rubbish})
            assert_problem(refused, 401)


def test_a_browser_is_asked_for_the_key(settings: Settings, keys: Keys) -> None:
    keys.add("Page", ("ask",))
    page = opened(settings, keys).get("/", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert page.headers["www-authenticate"].startswith("Basic")


def test_a_revoked_key_ends_at_the_next_request(settings: Settings, keys: Keys) -> None:
    _, secret = keys.add("Page", ("ask",))
    with opened(settings, keys) as service:
        assert service.get("/api/status", headers=bearer(secret)).status_code == 200
        keys.revoke("Page")
        assert service.get("/api/status", headers=bearer(secret)).status_code == 401
        assert service.get("/api/status").status_code == 401


@pytest.mark.parametrize("path", ["/api/index", "/api/index/jobs/1", "/api/v1/index"])
def test_what_changes_something_needs_an_admin_key_even_on_this_machine(
    settings: Settings, keys: Keys, path: str
) -> None:
    _, asking = keys.add("Page", ("ask",))
    _, admin = keys.add("Builder", ("admin",))
    basic = base64.b64encode(f"x:{admin}".encode()).decode()
    service = opened(settings, keys, allow_anonymous=True)
    assert service.get(path).status_code == 401
    assert service.get(path, headers=bearer(asking)).status_code == 403
    forged = service.get(path, headers={"Authorization": f"Basic {basic}"})
    assert forged.status_code == 403
    assert service.get(path, headers=bearer(admin)).status_code not in (401, 403)


def test_any_word_is_as_good_as_no_key_where_none_is_needed(settings: Settings, keys: Keys) -> None:
    with opened(settings, keys) as service:
        assert service.get("/api/status", headers=bearer("sk-anything")).status_code == 200
        assert service.get("/api/status", headers=bearer("qa_mistyped")).status_code == 401


def test_a_damaged_file_of_keys_closes_the_service(settings: Settings, keys: Keys) -> None:
    keys.add("Page", ("ask",))
    service = opened(settings, keys)
    keys._path.write_text("rubbish")
    assert_problem(service.get("/api/status"), 500)


def test_openais_client_sends_the_key_that_it_has(
    plan: BuildPlan, built: BuildReport, keys: Keys
) -> None:
    _, secret = keys.add("Chat", ("ask",))
    with served(index_dir=plan.index, keys_file=keys._path) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as model:
            assert [one.id for one in model.models.list().data] == ["press-releases"]
        with (
            openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as model,
            pytest.raises(openai.AuthenticationError, match="a key"),
        ):
            model.models.list()


def test_who_asks_too_often_is_told_when_to_come_back(settings: Settings, keys: Keys) -> None:
    _, secret = keys.add("Page", ("ask",))
    more = {"rate_limit": "3/hour; 2/minute", "allow_anonymous": True}
    with opened(settings, keys, **more) as service:
        statuses = [service.get("/api/status").status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = service.get("/api/search?q=x")
        assert_problem(refused, 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert service.get("/api/status", headers=bearer(secret)).status_code == 200
        assert service.get("/healthz").status_code == 200


def test_workers_that_count_in_one_file_hold_a_limit_together(
    settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"rate_limit": "5/hour; 3/minute"})
    shared = tmp_path / "hits"
    one, other = (TestClient(create_app(own, shared)) for _ in range(2))
    with one, other:
        asked = [service.get("/api/status") for service in (one, other, other, one, other)]
    assert [reply.status_code for reply in asked] == [200, 200, 200, 429, 429]
    assert all(1 <= int(reply.headers["retry-after"]) <= 60 for reply in asked[3:])


@pytest.mark.parametrize("limit", ["2/second", "3/minute", "1/hour"])
def test_a_window_is_as_that_of_the_library_for_one_process(limit: str, tmp_path: Path) -> None:
    [item] = parse_limits(limit)
    with time_machine.travel(0, tick=False) as clock:
        own, alone = Windows(tmp_path / "hits"), Windows()
        library = MovingWindowRateLimiter(MemoryStorage())
        for step in (0.0, 0.4, 0.4, 0.3, 20.0, 45.0, 3000.0, 700.0):
            clock.shift(step)
            for who in ("a", "a", "b"):
                full = own.take([item], who)
                assert full == alone.take([item], who)
                assert library.hit(item, who) == (not full)
                if full:
                    reset = library.get_window_stats(item, who).reset_time
                    assert full == [(item, pytest.approx(reset))]


def test_a_request_takes_a_place_of_every_limit_or_of_none_whoever_asks_beside_it(
    tmp_path: Path,
) -> None:
    few, more = parse_limits("10/hour; 15/hour")

    def worker(_: int) -> int:
        windows = Windows(tmp_path / "hits")
        return sum(not windows.take([few, more], "a") for _ in range(20))

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(worker, range(4))) == few.amount
    left = Windows(tmp_path / "hits")
    assert sum(not left.take([more], "a") for _ in range(20)) == more.amount - few.amount


def test_a_limit_that_is_none_is_a_wrong_setting(settings: Settings, keys: Keys) -> None:
    with pytest.raises(SettingsError, match="60/minute"):
        opened(settings, keys, rate_limit="many").get("/healthz")


def test_only_a_trusted_proxy_says_who_asks(plan: BuildPlan, built: BuildReport) -> None:
    client = httpx2.Client(timeout=60)

    def statuses(url: str) -> list[int]:
        return [
            client.get(f"{url}/api/status", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code
            for n in range(3)
        ]

    with served(index_dir=plan.index, rate_limit="1/minute") as url:
        assert statuses(url) == [200, 429, 429]
    with served(index_dir=plan.index, rate_limit="1/minute", trusted_proxies="127.0.0.1") as url:
        assert statuses(url) == [200, 200, 200]


def test_a_name_that_is_not_the_services_own_is_refused(settings: Settings, keys: Keys) -> None:
    service = opened(settings, keys, allowed_hosts="press.example *.press.example [::1]")
    for host in ("press.example", "PRESS.example:8000", "a.press.example", "[::1]:8000"):
        assert service.get("/docs", headers={"host": host}).status_code == 200, host
    for host in ("evil.example", "press.example.evil.example", "", "[::2]"):
        assert_problem(service.get("/docs", headers={"host": host}), 400)
        assert service.get("/healthz", headers={"host": host}).status_code == 200


def test_a_full_queue_refuses_at_once_and_what_was_accepted_is_answered(
    plan: BuildPlan, built: BuildReport
) -> None:
    own = {"concurrency": 1, "queue": 2, "queue_timeout_s": 60}
    with (
        served(index_dir=plan.index, **own) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):

        def ask(_n: int) -> Any:
            return client.post("/api/answer", json={"question": QUESTION}, timeout=60)

        with ThreadPoolExecutor(40) as pool:
            replies = list(pool.map(ask, range(200)))
        statuses = {reply.status_code for reply in replies}
        assert statuses == {200, 503}
        for reply in replies:
            if reply.status_code == 503:
                assert_problem(reply, 503)
                assert int(reply.headers["retry-after"]) >= 1
            else:
                assert reply.json()["status"] == "answered"
        assert ask(0).status_code == 200
        assert client.get("/metrics").text.count("qa_requests_shed_total") >= 1


def test_an_assistant_that_only_listens_keeps_nobody_out(
    plan: BuildPlan, built: BuildReport
) -> None:
    events = {"accept": "text/event-stream"}
    with (
        served(index_dir=plan.index, concurrency=1, queue=0, shutdown_s=1) as url,
        httpx2.stream("GET", f"{url}/mcp", headers=events, timeout=60) as listening,
    ):
        assert listening.status_code == 200
        reply = httpx2.post(f"{url}/api/answer", json={"question": QUESTION}, timeout=60)
        assert reply.status_code == 200


def test_who_does_not_read_a_stream_loses_it_and_keeps_nobody_out() -> None:
    scope = {"type": "http", "path": "/api/answer/stream", "method": "POST", "query_string": b""}
    head = {"type": "http.response.start", "status": 200, "headers": []}
    piece = {"type": "http.response.body", "body": b"data: {}", "more_body": True}

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        for message in (head, piece, piece | {"more_body": False}):
            await send(message)

    async def talk() -> list[Any]:
        queue, got = Queue(stream, 1, 0, 0.05, 60), []

        async def unread(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        async def read(message: Any) -> None:
            got.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        await queue(scope, receive, unread)
        await queue(scope, receive, read)
        return got

    assert [one.get("status") for one in asyncio.run(talk())] == [200, None, None]


def test_what_hangs_is_answered_and_gives_its_place_back_though_it_never_ends() -> None:
    scope = {"type": "http", "path": "/api/search", "method": "GET", "query_string": b""}
    stuck = threading.Event()

    async def hang(_scope: Any, _receive: Any, send: Any) -> None:
        await run_in_threadpool(stuck.wait)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def talk() -> list[Any]:
        queue, got = Queue(hang, 1, 0, 60, 0.1), []

        async def read(message: Any) -> None:
            got.append(message)

        async def statuses() -> list[int]:
            got.clear()
            await queue(scope, receive, read)
            return [one["status"] for one in got if "status" in one]

        seen = [await statuses(), await statuses()]  # the place is not free yet
        while seen[-1] == [503]:
            await asyncio.sleep(0.01)
            seen[-1:] = [await statuses()]
        last = list(got)
        stuck.set()
        return [*seen, last]

    first, second, last = asyncio.run(talk())
    assert (first, second) == ([504], [504])
    headers = dict(last[0]["headers"])
    assert headers[b"content-type"] == b"application/problem+json"
    assert int(headers[b"retry-after"]) >= 1
    assert len(last) == 2  # what the thread says afterwards is heard by nobody


def test_a_request_that_takes_longer_than_it_may_is_given_up_between_two_stages(
    plan: BuildPlan, built: BuildReport
) -> None:
    many = {"searches": [{"q": f"wind farm {n}", "k": 100, "explain": True} for n in range(100)]}
    own = {"concurrency": 1, "queue": 0, "request_timeout_s": 0.1}
    with (
        served(index_dir=plan.index, **own) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        reply = client.post("/api/search:batch", json=many, timeout=60)
        assert_problem(reply, 504)
        assert int(reply.headers["retry-after"]) >= 1

        def has_a_place() -> bool:
            return client.get("/api/search", params={"q": "port"}).status_code != 503

        assert eventually(has_a_place, 60)


def test_an_answer_is_given_up_too(client: Any) -> None:
    state = client.app.state
    body = AnswerBody(question=QUESTION)
    with allowed(0), state.serving.generation() as generation, pytest.raises(TookTooLong):
        answer_body(body, generation, state.answerer, state.settings)


DEAREST: list[dict[str, Any]] = [
    {"searches": [{"q": f"the minister said {n}", "k": 100, "explain": True} for n in range(100)]},
    {f"a{n}": 0 for n in range(75_000)},
    {"searches": [[]] * 240_000},
]


@pytest.mark.parametrize("body", DEAREST, ids=["much is asked", "much is wrong", "much is nothing"])
def test_the_dearest_request_that_the_limits_let_through_holds_no_more_than_is_said(
    client: Any, body: dict[str, Any]
) -> None:
    sent = json.dumps(body)
    assert len(sent) < BODY_MAX_BYTES
    tracemalloc.start()
    try:
        assert client.post(
            "/api/search:batch", content=sent, headers={"Content-Type": "application/json"}
        ).status_code in (200, 422)
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()


def test_who_waits_too_long_is_let_go(plan: BuildPlan, built: BuildReport) -> None:
    own = {"concurrency": 1, "queue": 100, "queue_timeout_s": 0.001}
    with (
        served(index_dir=plan.index, **own) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        with ThreadPoolExecutor(20) as pool:
            posts = [
                pool.submit(client.post, "/api/answer", json={"question": QUESTION}, timeout=60)
                for _ in range(60)
            ]
        assert {post.result().status_code for post in posts} == {200, 503}
        assert client.get("/api/status").status_code == 200


def test_the_log_has_neither_questions_nor_keys(
    plan: BuildPlan, built: BuildReport, keys: Keys, tmp_path: Path
) -> None:
    _, secret = keys.add("Newsroom", ("ask",))
    port, log = free_port(), tmp_path / "log"
    environ = {
        **os.environ,
        "QA_INDEX_DIR": str(plan.index),
        "QA_KEYS_FILE": str(keys._path),
        "QA_PORT": str(port),
        "QA_LOG_FORMAT": "json",
    }
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "qa_service", "serve"], env=environ, stdout=out, stderr=out
        )
    try:
        client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        assert eventually(lambda: _is_up(client), 60), log.read_text()
        headers = bearer(secret) | {"X-Request-ID": "find-me"}
        asked = {"question": "Where is the secretword harbour?"}
        assert client.post("/api/answer", json=asked, headers=headers).status_code == 200
        assert client.get("/?q=secretword", headers=headers).status_code == 200
        assert client.get("/api/search?q=secretword", headers=headers).status_code == 200
        assert client.get(f"/api/status?key={secret}").status_code == 401
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    text = log.read_text()
    assert "find-me" in text
    assert "Newsroom" in text
    assert "secretword" not in text
    assert secret not in text


def _is_up(client: httpx2.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def test_a_request_at_work_is_finished_before_the_server_ends(
    plan: BuildPlan, built: BuildReport
) -> None:
    done: list[int] = []

    def ask(url: str) -> None:
        body = {"searches": [{"q": f"turbines {n}"} for n in range(100)]}
        done.append(httpx2.post(f"{url}/api/search:batch", json=body, timeout=60).status_code)

    with served(index_dir=plan.index) as url:
        thread = threading.Thread(target=ask, args=(url,))
        thread.start()
        time.sleep(0.2)
        assert not done
    thread.join(timeout=60)
    assert done == [200]
