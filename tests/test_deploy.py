"""The files of deploy/: each through the linter that its kind has, and nginx for real."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import ROOT
from serving import served
from test_server import eventually, free_port

from qa_service.index import BuildPlan, BuildReport
from qa_service.settings import Settings

DEPLOY = ROOT / "deploy"
QUESTION = "How many turbines does the wind farm at Stormvik have?"


def tool(name: str) -> str:
    """The path of a program, or a skip that names it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or pytest.skip(f"{name} is not installed")


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_dockerfile_has_nothing_that_its_linter_minds() -> None:
    done = run(tool("hadolint"), DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_compose_file_is_one() -> None:
    checker = tool("check-jsonschema")
    done = run(checker, "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stdout


def test_the_unit_is_one_that_systemd_would_start(tmp_path: Path) -> None:
    verifier = tool("systemd-analyze")
    text = (DEPLOY / "press-releases.service").read_text()
    unit = tmp_path / "press-releases.service"
    unit.write_text(text.replace("/srv/press-releases/.venv/bin/qa", "/bin/true"))
    done = run(verifier, "verify", unit)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["Dockerfile", "compose.yaml", "nginx.conf", "press-releases.service"]
)
def test_settings_that_deployments_name_exist(name: str) -> None:
    named = re.findall(r"\bQA_([A-Z_]*[A-Z])\b", (DEPLOY / name).read_text())
    assert {one.lower() for one in named} <= set(Settings.model_fields)


@pytest.fixture
def proxied(plan: BuildPlan, built: BuildReport, tmp_path: Path) -> Iterator[Any]:
    """A client of nginx, by our example, in front of a real server; and nginx's own log."""
    nginx, port = tool("nginx"), free_port()
    own = {
        "trusted_proxies": "127.0.0.1",
        "allowed_hosts": "press.example",
        "rate_limit": "2/minute",
    }
    with served(index_dir=plan.index, **own) as url:
        conf = (DEPLOY / "nginx.conf").read_text()
        conf = conf.split("server {\n    listen 80;")[0]
        conf = re.sub(r"^ *ssl_certificate.*$", "", conf, flags=re.MULTILINE)
        conf = conf.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        conf = conf.replace("127.0.0.1:8000;", url.removeprefix("http://") + ";")
        conf = conf.replace("/var/log/nginx/", f"{tmp_path}/")
        temporary = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
        (tmp_path / "nginx.conf").write_text(
            f"{whole}events {{}}\nhttp {{\n{temporary}{conf}\n}}\n"
        )
        server = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)])
        try:
            with httpx2.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"host": "press.example"}, timeout=60
            ) as client:
                assert eventually(lambda: is_up(client), 30), (tmp_path / "error.log").read_text()
                yield client, tmp_path / "press-releases.log"
        finally:
            server.terminate()
            server.wait(timeout=30)


def is_up(client: httpx2.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def test_behind_nginx_streams_arrive_in_pieces_and_the_log_has_no_question(proxied: Any) -> None:
    client, log = proxied
    arrived = []
    with client.stream("POST", "/api/answer/stream", json={"question": QUESTION}) as reply:
        assert reply.status_code == 200
        for line in reply.iter_lines():
            arrived += [(line, time.monotonic())] if line.startswith("event:") else []
    assert [line.split(":")[1].strip() for line, _ in arrived][:1] == ["status"]
    assert arrived[0][1] < arrived[-1][1]
    asked = client.get("/api/search", params={"q": "secretword"})
    assert asked.status_code == 200
    assert len(asked.headers["x-request-id"]) == 32
    assert client.get("/api/search", params={"q": "x"}).status_code == 429
    assert client.get("/metrics").status_code == 403
    text = log.read_text()
    assert '"GET /api/search" 200' in text
    assert "secretword" not in text
