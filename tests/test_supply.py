"""What `make serve` and `make test` install is locked, with hashes."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_deploy import tool

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LEFT_OUT = set((ROOT / "requirements" / "left-out.txt").read_text().split())
LOCKS = {name: (ROOT / "requirements" / f"{name}.txt").read_text() for name in ("serve", "test")}


def pins(lock: str) -> dict[str, set[str]]:
    """The versions of each package: several where platforms differ."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCKS[lock], re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def direct(*extras: str) -> Iterator[Requirement]:
    lines = [*PROJECT["dependencies"]]
    lines += [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    own = canonicalize_name(PROJECT["name"])
    for one in map(Requirement, lines):
        if canonicalize_name(one.name) not in LEFT_OUT | {own}:
            yield one


@pytest.mark.parametrize(
    ("lock", "extras"), [("serve", ()), ("test", ("llm", "mcp", "otel", "milvus", "test", "check"))]
)
def test_every_dependency_is_locked_at_a_version_that_it_admits(
    lock: str, extras: tuple[str, ...]
) -> None:
    locked = pins(lock)
    for one in direct(*extras):
        versions = locked.get(canonicalize_name(one.name), set())
        assert versions, f"{one.name} is not in requirements/{lock}.txt: run `make lock`"
        assert all(v in one.specifier for v in versions), f"{one}: {versions}: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes(lock: str) -> None:
    entries = re.split(r"^(?=[\w.-]+==)", LOCKS[lock], flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_tests_run_on_the_versions_that_are_served() -> None:
    served, tested = pins("serve"), pins("test")
    assert {name: tested.get(name) for name in served} == served


def test_an_audit_that_can_ask_nobody_says_so() -> None:
    tool("pip-audit")
    nowhere = {
        **os.environ,
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [ROOT / "requirements" / "audit.sh"],
        env=nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "no advisories could be had" in done.stderr


def test_the_bill_of_materials_has_every_locked_package(tmp_path: Path) -> None:
    written = tmp_path / "sbom.json"
    lock = ROOT / "requirements" / "serve.txt"
    subprocess.run([tool("cyclonedx-py"), "requirements", lock, "-o", written], check=True)
    listed = {one["name"] for one in json.loads(written.read_text())["components"]}
    assert {canonicalize_name(name) for name in listed} == set(pins("serve"))
