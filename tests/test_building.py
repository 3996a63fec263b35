"""Builds that nobody types: by a server that is asked to, and by a process that watches the corpus."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qa_service.app import create_app
from qa_service.errors import NotFound
from qa_service.index import BuildPlan, current_id, jobs, manifest_of
from qa_service.index.watching import settled
from qa_service.keys import Keys
from qa_service.settings import as_environ, read_settings

PATIENCE_S = 120


def eventually(true: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def processes_named(part: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if part.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def environ(plan: BuildPlan) -> dict[str, str]:
    settings = read_settings(corpus_dir=plan.corpus, index_dir=plan.index, settle_s=0.2)
    return {**as_environ(settings), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def admin(own_plan: BuildPlan, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a server over an index of its own, with a key that may build."""
    keys = tmp_path / "keys.json"
    secret = Keys(keys).add("scheduler", ("admin",))[1]
    settings = read_settings(
        corpus_dir=own_plan.corpus, index_dir=own_plan.index, keys_file=keys, poll_s=0.05
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        yield client


@pytest.mark.parametrize("body", [{"ful": True}, {"full": 0}, []])
def test_a_build_that_is_asked_for_in_words_that_nobody_knows_is_refused(
    admin: TestClient, body: Any
) -> None:
    assert admin.post("/api/index", json=body).status_code == 422


def events(client: TestClient, address: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in client.get(address).text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_a_server_builds_when_it_is_asked_and_says_how_far_it_is(
    admin: TestClient, own_plan: BuildPlan
) -> None:
    assert admin.get("/readyz").status_code == 503
    asked = admin.post("/api/index")
    assert asked.status_code == 202
    job = asked.json()
    assert asked.headers["Location"] == f"/api/index/jobs/{job['job_id']}"
    told = events(admin, asked.headers["Location"] + "/events")
    assert [name for name, _ in told][-1] == "done"
    assert {name for name, _ in told[:-1]} == {"progress"}
    assert "reading releases" in {one["step"] for _, one in told}
    done = admin.get(asked.headers["Location"]).json()
    assert (done["state"], done["error"]) == ("done", "")
    assert done["report"]["generation_id"] == current_id(own_plan.index)
    assert eventually(lambda: admin.get("/readyz").status_code == 200)


def test_only_a_key_that_may_build_builds(admin: TestClient, own_plan: BuildPlan) -> None:
    del admin.headers["Authorization"]
    for reply in (admin.post("/api/index"), admin.get("/api/index/jobs/j1")):
        assert (reply.status_code, reply.json()["title"]) == (401, "A key is needed")
    assert not (own_plan.index / jobs.FOLDER).exists()


@pytest.mark.parametrize("job_id", ["j1", "j..", "j1%2F..%2FCURRENT", "x"])
def test_a_job_that_nobody_knows_is_not_found(admin: TestClient, job_id: str) -> None:
    for address in (f"/api/index/jobs/{job_id}", f"/api/index/jobs/{job_id}/events"):
        assert admin.get(address).status_code == 404


def test_a_build_that_fails_says_why(own_plan: BuildPlan) -> None:
    for path in sorted(own_plan.corpus.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    job = jobs.start(own_plan.index, environ(own_plan))
    *_, last = jobs.follow(own_plan.index, job.job_id)
    assert last.state == "failed"
    assert "no release could be read from" in last.error


def test_a_build_that_was_killed_is_said_to_have_been(own_plan: BuildPlan) -> None:
    job = jobs.start(own_plan.index, environ(own_plan))
    path = str(own_plan.index / jobs.FOLDER / f"{job.job_id}.jsonl")
    assert eventually(lambda: processes_named(path) != [])  # a new process is nameless at first
    [builder] = processes_named(path)
    os.kill(builder, signal.SIGKILL)
    assert eventually(lambda: jobs.read(own_plan.index, job.job_id).ended)
    assert "was killed" in jobs.read(own_plan.index, job.job_id).error


def test_a_job_that_waits_is_given_to_all_who_ask(own_plan: BuildPlan) -> None:
    from qa_service.index.publishing import building

    with building(own_plan.index):
        first = jobs.start(own_plan.index, environ(own_plan))
        assert jobs.start(own_plan.index, environ(own_plan)) == first
        assert jobs.read(own_plan.index, first.job_id).state == "waiting"
    *_, last = jobs.follow(own_plan.index, first.job_id)
    assert last.state == "done"
    with pytest.raises(NotFound):
        jobs.read(own_plan.index, "j0")


def test_a_watched_corpus_is_built_when_it_has_settled(own_plan: BuildPlan, tmp_path: Path) -> None:
    def served() -> int:
        return manifest_of(own_plan.index, current_id(own_plan.index)).releases

    with (tmp_path / "log").open("w") as log:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "qa_service", "watch", "--with-parent"],
            env={**os.environ, **environ(own_plan)},
            stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=tmp_path,
        )  # fmt: skip
    try:
        assert eventually((own_plan.index / "CURRENT").exists), (tmp_path / "log").read_text()
        (own_plan.corpus / "quay.txt").write_text("A new quay was opened.")
        assert eventually(lambda: served() == 7), (tmp_path / "log").read_text()
        (own_plan.corpus / "pier.txt").write_bytes(b"\x00")
        (own_plan.corpus / "quay.txt").unlink()
        assert eventually(lambda: served() == 6), (tmp_path / "log").read_text()
        assert "1 added (quay.txt)" in (tmp_path / "log").read_text()
        assert watcher.stdin is not None
        watcher.stdin.close()  # as when the process that started it is killed
        assert watcher.wait(PATIENCE_S) != 0
    finally:
        watcher.kill()


def test_changes_that_follow_each_other_are_one(tmp_path: Path) -> None:
    waiting = settled(tmp_path, 0.3)
    next(waiting)
    next(waiting)
    started = time.monotonic()
    for n in range(5):
        (tmp_path / f"{n}.txt").write_text("x")
        (tmp_path / f".{n}.part").write_text("x")
        time.sleep(0.1)
    next(waiting)
    assert time.monotonic() - started > 0.5
