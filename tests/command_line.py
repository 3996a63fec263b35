"""The ``qa`` command in this process, and in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from qa_service.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


Qa = Callable[..., Result]


def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    """Runs a verb in this process."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code is None or isinstance(ended.value.code, int)
        return Result(ended.value.code or 0, *capsys.readouterr())

    return run


def process(*arguments: object, **environ: str) -> Result:
    """Run a verb in a process of its own."""
    command = [sys.executable, "-m", "qa_service", *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)
