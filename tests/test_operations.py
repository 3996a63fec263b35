"""What is needed to leave a service running: pause, metrics, logs, workers."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from command_line import Qa, in_process
from fastapi.testclient import TestClient
from mcp import Client
from test_app import assert_problem
from test_server import eventually, free_port

from qa_service.app import create_app
from qa_service.index import BuildPlan, BuildReport, jobs, pause, resume
from qa_service.logs import note_question, set_up_logs
from qa_service.server import SILENT_S, as_environ
from qa_service.settings import Settings, read_settings

QUESTION = "How many turbines does the wind farm at Stormvik have?"


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


@pytest.fixture
def paused(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    said = "Back at noon."
    pause(plan.index, said)
    yield said
    resume(plan.index)


def samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/answer", {"question": QUESTION}),
        ("/api/answer/stream", {"question": QUESTION}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]}),
    ],
)
def test_while_answers_are_paused_every_way_of_asking_says_so(
    client: Any, paused: str, path: str, body: dict[str, Any]
) -> None:
    reply = client.post(path, json=body)
    assert reply.status_code == 503
    problem = reply.json()
    assert (problem["title"], problem["detail"]) == ("Answers are paused", paused)


def test_while_answers_are_paused_the_page_says_so_and_searches_go_on(
    client: Any, paused: str
) -> None:
    page = client.get("/", params={"q": QUESTION}, headers={"accept": "text/html"})
    assert page.status_code == 503
    assert paused in page.text
    start = client.get("/")
    assert start.status_code == 200
    assert paused in start.text
    assert 'id="examples"' not in start.text
    assert client.get("/api/search", params={"q": "wind farm"}).json()["hits"]
    assert client.get("/api/releases/wire-1").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert samples(client.get("/metrics").text)["qa_answers_paused"] == 1


def test_an_assistant_is_told_that_answers_are_paused(client: Any, paused: str) -> None:
    import asyncio

    from qa_service.tools import make_server

    state = client.app.state

    async def call() -> Any:
        server = make_server(state.serving, state.answerer, state.settings)
        async with Client(server) as opened:
            return await opened.call_tool("answer", {"question": QUESTION})

    reply = asyncio.run(call())
    assert reply.is_error
    assert paused in reply.content[0].text


def test_qa_pause_switches_answers_off_and_on(
    qa: Qa, plan: BuildPlan, built: BuildReport, client: Any
) -> None:
    def status() -> int:
        return int(client.post("/api/answer", json={"question": QUESTION}).status_code)

    try:
        assert qa("pause", "--index", plan.index).out == "answers are paused\n"
        assert status() == 503
        assert qa("pause", "--index", plan.index, "--message", "Soon.", "--json").code == 0
        assert client.post("/api/answer", json={"question": QUESTION}).json()["detail"] == "Soon."
    finally:
        assert qa("pause", "--off", "--index", plan.index).out == "answers are on\n"
    assert status() == 200
    assert qa("pause", "--off", "--index", plan.index).code == 0


def test_metrics_count_requests_stages_and_answers_by_route(client: Any) -> None:
    before = samples(client.get("/metrics").text)
    client.post("/api/answer", json={"question": QUESTION})
    client.get("/api/v1/releases/wire-1")
    client.get("/no-such-page/of-mine")
    reply = client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    after = samples(reply.text)

    def grew(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grew('qa_answers_total{status="answered"}') == 1
    assert grew('qa_stage_seconds_count{stage="dense"}') >= 1
    assert grew('qa_stage_seconds_count{stage="answer"}') == 1
    answered = 'qa_request_seconds_count{method="POST",route="/api/answer",status="200"}'
    assert grew(answered) == 1
    route = "/api/releases/{release_id:path}"
    assert grew(f'qa_request_seconds_count{{method="GET",route="{route}",status="200"}}') == 1
    assert "of-mine" not in reply.text
    assert after["qa_generation_releases"] == client.get("/api/status").json()["releases"]
    assert after["qa_generation_age_seconds"] >= 0
    assert after["qa_generation_problem"] == 0


def test_metrics_are_there_without_an_index(tmp_path: Path) -> None:
    with TestClient(create_app(read_settings(index_dir=tmp_path))) as empty:
        found = samples(empty.get("/metrics").text)
    assert found["qa_generation_problem"] == 1
    assert "qa_generation_age_seconds" not in found
    assert found["qa_last_build_failed"] == found['qa_builds{state="done"}'] == 0


def test_metrics_tell_how_the_builds_ended_that_the_service_was_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / jobs.FOLDER
    folder.mkdir()

    def asked(job_id: str, *events: dict[str, str]) -> None:
        lines = [{"at": "2026-01-01"}, *events]
        (folder / f"{job_id}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))

    def told() -> dict[str, float]:
        with TestClient(create_app(read_settings(index_dir=tmp_path))) as service:
            return samples(service.get("/metrics").text)

    asked("j1", {"state": "done"})
    asked("j2", {"state": "failed"})
    asked("j3")  # killed before it began
    found = told()
    assert found['qa_builds{state="done"}'] == 1
    assert found['qa_builds{state="failed"}'] == 2
    assert found["qa_last_build_failed"] == 1
    asked("j4", {"state": "done"})
    assert told()["qa_last_build_failed"] == 0


def test_metrics_of_a_service_that_others_reach_need_an_admin_key(settings: Settings) -> None:
    reached = settings.model_copy(update={"host": "0.0.0.0", "allow_anonymous": True})
    assert_problem(TestClient(create_app(reached)).get("/metrics"), 401)


@pytest.fixture
def own_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_request_can_forge_neither_a_line_of_the_log_nor_a_metric(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "qa_service")
    client.get("/api/releases/a%0d%0aERROR%20forged")
    [line] = [one.getMessage() for one in caplog.records if "forged" in one.getMessage()]
    assert "\n" not in line
    assert "%0a" in line
    client.request("FORGED", "/healthz")
    assert "FORGED" not in client.get("/metrics").text


@pytest.mark.usefixtures("own_logs")
def test_each_line_of_a_json_log_has_the_id_of_its_request(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own = settings.model_copy(update={"log_format": "json", "log_questions": True})
    set_up_logs(own)
    with TestClient(create_app(own)) as service:
        service.post("/api/answer", json={"question": QUESTION}, headers={"X-Request-ID": "one"})
        service.get("/api/releases/none", headers={"X-Request-ID": "two"})
        logging.getLogger("uvicorn.error").info("x", extra={"color_message": "\x1b[1mx"})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert not any("color_message" in line for line in lines)
    first = [line for line in lines if line["request_id"] == "one"]
    assert {line["logger"].partition(".")[2] for line in first} >= {"logs", "middlewares.observed"}
    [request] = [line for line in first if "status" in line]
    assert (request["method"], request["path"], request["status"]) == ("POST", "/api/answer", 200)
    assert request["took_ms"] > 0
    assert re.fullmatch("[0-9a-f]{32}", request["trace_id"])
    assert any(line.get("question") == QUESTION for line in first)
    assert [line["status"] for line in lines if line["request_id"] == "two"] == [404]


def test_questions_are_logged_only_where_that_is_set(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "qa_service")
    note_question(settings, "private?")
    assert "private" not in caplog.text
    note_question(settings.model_copy(update={"log_questions": True}), "private?")
    assert "private" in caplog.text


def test_workers_are_told_every_setting_that_was_given() -> None:
    given = {
        "port": 81,
        "llm_api_key": "s",
        "poll_s": 0.5,
        "allow_anonymous": True,
        "index_dir": "x",
    }
    settings = read_settings(**given)
    told = as_environ(settings)
    assert told["QA_PORT"] == "81"
    assert told["QA_LLM_API_KEY"] == "s"
    assert set(told) >= {f"QA_{name.upper()}" for name in given}
    assert Settings(**{name: told[f"QA_{name.upper()}"] for name in given}) == settings  # type: ignore[arg-type]


def test_several_workers_answer_count_together_and_a_killed_one_is_replaced(
    plan: BuildPlan, built: BuildReport, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"
    environ = {**os.environ, "QA_INDEX_DIR": str(plan.index), "OMP_NUM_THREADS": "1"}
    environ["QA_RATE_LIMIT"] = "24/hour"
    command = [sys.executable, "-m", "qa_service", "serve", "--workers", "2", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    try:
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            try:
                return httpx2.get(f"{url}/readyz", timeout=60).status_code == 200
            except httpx2.TransportError:
                return False

        assert eventually(ready, 240), log.read_text()
        for _ in range(20):
            asked = httpx2.post(f"{url}/api/answer", json={"question": QUESTION}, timeout=60)
            assert asked.json()["status"] == "answered"
        counted = samples(httpx2.get(f"{url}/metrics", timeout=60).text)
        assert counted['qa_answers_total{status="answered"}'] == 20
        more = [httpx2.get(f"{url}/api/releases", timeout=60).status_code for _ in range(6)]
        assert more == [200, 200, 200, 429, 429, 429]  # whichever worker it was
        workers = [
            int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", log.read_text())
        ]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGSTOP)  # its parent waits for a sign of life
        time.sleep(1)
        os.kill(workers[0], signal.SIGKILL)
        died = f"Child process [{workers[0]}] died"
        assert eventually(lambda: died in log.read_text(), SILENT_S / 2), "noticed too late"
        assert eventually(lambda: log.read_text().count("Started server process") == 3, 120)
        assert eventually(ready, 120)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=60) in (0, -signal.SIGTERM)
