"""Promises of docs/reliability.md that no other test shows, and that each promise names a test."""

import hashlib
import json
import re
import shutil
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import time_machine
from conftest import ROOT
from faults import quick_build
from serving import served
from test_app import assert_problem
from test_server import eventually, free_port

from qa_service.index import (
    BuildPlan,
    BuildReport,
    current_id,
    generation_ids,
    prune,
    publish,
    verify,
)

TESTS = set(
    re.findall(
        r"^ *(?:async )?def (test_\w+)",
        "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py")),
        re.MULTILINE,
    )
)
COMMANDS = {path.name for path in (ROOT / "benchmarks").glob("*.py")}


@pytest.mark.parametrize("page", ["reliability.md", "security.md"])
def test_every_promise_names_a_test_that_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    named = re.findall(r"`(test_\w+)`", text)
    assert len(named) > 15
    assert sorted(set(named) - TESTS) == []
    assert set(re.findall(r"`benchmarks/(\w+\.py)", text)) <= COMMANDS
    rows = [
        line for line in text.splitlines() if re.match(r"\| (?!what|who|promise|it |they |-)", line)
    ]
    promised = [row for row in rows if not row.startswith("|---")]
    assert [row for row in promised if "`test_" not in row] == []


@pytest.mark.parametrize("day", ["1999-12-31", "2099-01-01"])
def test_a_clock_that_jumps_changes_neither_what_is_served_nor_what_can_be_built(
    own: BuildPlan, own_corpus: Path, day: str
) -> None:
    first = quick_build(own).manifest.generation_id
    (own_corpus / "quay.txt").write_text("A new quay was opened.")
    with time_machine.travel(day):
        second = quick_build(own).manifest.generation_id
        assert current_id(own.index) == second != first
        assert verify(own.index, second).releases == 7
    (own_corpus / "crane.txt").write_text("A new crane was bought.")
    third = quick_build(own).manifest.generation_id
    assert current_id(own.index) == third
    assert len(generation_ids(own.index)) == 3
    prune(own.index, 1)
    assert current_id(own.index) == third
    assert verify(own.index, third).releases == 8


def test_a_copy_made_while_generations_are_published_is_complete(
    own: BuildPlan, own_corpus: Path, tmp_path: Path
) -> None:
    quick_build(own)
    done = threading.Event()

    def keep_publishing() -> None:
        for n in range(3):
            (own_corpus / f"quay-{n}.txt").write_text(f"Quay {n} was opened.")
            quick_build(own)
        for generation_id in generation_ids(own.index):
            publish(own.index, generation_id)
        done.set()

    thread = threading.Thread(target=keep_publishing)
    thread.start()
    copies = 0
    while not done.is_set() or not copies:
        copy = tmp_path / f"copy-{copies}"
        copy.mkdir()
        shutil.copy(own.index / "CURRENT", copy)
        for generation in own.index.glob("g*"):
            shutil.copytree(generation, copy / generation.name)
        verify(copy, current_id(copy))
        copies += 1
    thread.join()


def test_a_client_that_goes_away_costs_no_other(plan: BuildPlan, built: BuildReport) -> None:
    with served(index_dir=plan.index, concurrency=1, queue=100) as url:
        where = urlsplit(url)
        body = b'{"question": "How many turbines stand at Stormvik?"}'
        head = f"POST /api/answer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        whole = head.encode() + b"Content-Type: application/json\r\n\r\n" + body
        for end in (len(whole), len(whole) - 10, 30) * 10:
            with socket.create_connection((where.hostname or "", where.port or 0)) as gone:
                gone.sendall(whole[:end])
        asked = {"question": "How many turbines stand at Stormvik?"}
        reply = httpx2.post(f"{url}/api/answer", json=asked, timeout=60)
        assert reply.json()["status"] == "answered"
        assert "qa_requests_waiting 0.0" in httpx2.get(f"{url}/metrics", timeout=60).text


def on_milvus(index: Path, generation_id: str) -> str:
    """A copy of a generation that has its vectors on a Milvus server, as its files say."""
    made = f"{generation_id}m"
    folder = index / made
    shutil.copytree(index / generation_id, folder)
    shutil.rmtree(folder / "dense")
    (folder / "dense").mkdir()
    named = json.dumps({"collection": "qa_none", "dim": 384, "uri": ""}).encode()
    (folder / "dense" / "collection.json").write_bytes(named)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["generation_id"], manifest["recipe"]["dense"] = made, "milvus"
    files = {name: one for name, one in manifest["files"].items() if name[:6] != "dense/"}
    digest = hashlib.sha256(named).hexdigest()
    files["dense/collection.json"] = {"size_bytes": len(named), "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": files}))
    return made


def test_where_no_milvus_listens_the_service_says_so_and_recovers_without_a_restart(
    plan: BuildPlan, built: BuildReport, tmp_path: Path
) -> None:
    good = built.manifest.generation_id
    shutil.copytree(plan.index / good, tmp_path / good)
    dead = on_milvus(tmp_path, good)
    publish(tmp_path, dead)
    away = {"milvus_uri": f"http://127.0.0.1:{free_port()}", "milvus_timeout_s": 0.5}
    with (
        served(index_dir=tmp_path, **away) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):

        def status(path: str) -> int:
            return int(client.get(path, timeout=60).status_code)

        assert_problem(client.get("/readyz", timeout=60), 502, 504)
        for reply in (
            client.get("/api/search?q=port", timeout=60),
            client.post("/api/answer", json={"question": "Who?"}, timeout=60),
        ):
            assert_problem(reply, 502, 504)
            assert "Milvus at http://127.0.0.1" in reply.json()["detail"]
        assert status("/healthz") == 200
        publish(tmp_path, good)
        assert eventually(lambda: status("/readyz") == 200, 60)
        assert status("/api/search?q=port") == 200
        publish(tmp_path, dead)
        assert eventually(lambda: status("/readyz") in (502, 504), 60)
        assert status("/api/search?q=port") == 200
