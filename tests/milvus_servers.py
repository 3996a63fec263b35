"""Milvus servers that start here, each in a process of its own, over a folder that outlives it.

Two of them: milvus-lite, in Python, which starts in a second and has BM25; and Milvus 2.3.5 itself, from
the package ``milvus`` that carries it, which has none. Their clocks are set to tick faster than usual.
"""

import contextlib
import importlib.util
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TypeVar

import pytest

from qa_service.engines.lexical_tantivy.words import words_of
from qa_service.engines.milvus import MilvusCollection, Server

M = TypeVar("M", bound=MilvusCollection)
OWNER = secrets.token_hex(4)
"""Who the tests of this run are to a server that others may use, too."""

LITE = "no milvus-lite here: pip install 'qa-service[test]'"
REAL = "no Milvus server here: pip install milvus==2.3.5 (Linux on x86-64, glibc)"
UNPACKED = Path(sys.prefix, "milvus-server")
"""Where the program is unpacked once: 250 MB, five seconds."""

SERVE = """
import contextlib, signal, socket, sys, time, urllib.request
from milvus import MilvusServer
for one in (signal.SIGTERM, signal.SIGINT):  # what it started would outlive it
    signal.signal(one, signal.SIG_IGN)
server = MilvusServer()
server.set_base_dir(sys.argv[1])
server.listen_port = int(sys.argv[2])
for name, value in {
    "proxy.timeTickInterval": 20, "dataCoord.segment.assignmentExpiration": 200,
    "queryCoord.checkInterval": 50, "queryCoord.distPullInterval": 50, "common.session.ttl": 3,
    "rootCoord.dmlChannelNum": 2, "grpc.client.initialBackOff": 0.1, "grpc.client.maxBackoff": 0.2,
}.items():
    server.config.set(name, value)
often = ("checkSegmentInterval: 50", "checkChannelInterval: 50", "leaderViewUpdateInterval: 0.1",
         "UpdateNextTargetInterval: 1")
more = "".join(f"  {line}\\n" for line in often)
config = server.config
config.template_text = config.template_text.replace("\\nqueryCoord:\\n", f"\\nqueryCoord:\\n{more}")
server.wait_for_started = False

def bound(port):
    "The package's own takes the next port where connections of a server that was killed are fading."
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.suppress(OSError):
        one.bind(("127.0.0.1", port))
        one.listen()
        return one
    one.close()

config.try_bind_port = bound
server.start()
if server.listen_port != int(sys.argv[2]):
    server.server_proc.kill()
    sys.exit("its port is taken")
address = f"http://127.0.0.1:{server.webservice_port}/healthz"
until = time.monotonic() + 120
while server.server_proc.poll() is None and time.monotonic() < until:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as reply:
        if b"OK" in reply.read():
            break
    time.sleep(0.1)
else:
    server.server_proc.kill()
    sys.exit("it does not start")
print(server.server_proc.pid, flush=True)
sys.stdin.read()  # until whoever started this is gone
server.server_proc.kill()
"""


class MilvusProcess:
    """A server that can be killed, and started again where it was."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pids: list[int] = []
        self.port = lasting_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        """Without a chance to write anything."""
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(ConnectionError):
            while True:  # it is not dead at once
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                time.sleep(0.02)

    def _run(self, *command: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._pids = [self._process.pid]


class Lite(MilvusProcess):
    def start(self) -> None:
        where = ("--data-dir", str(self._folder), "--host", "127.0.0.1", "--port", str(self.port))
        self._run("-m", "milvus_lite", "server", *where)
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                pytest.skip("milvus-lite does not start here")
            time.sleep(0.05)


class Real(MilvusProcess):
    def start(self) -> None:
        program = self._folder / "bin"
        if os.access(sys.prefix, os.W_OK) and not program.exists():
            UNPACKED.mkdir(exist_ok=True)
            program.symlink_to(UNPACKED)
        self._run("-c", SERVE, str(self._folder), str(self.port))
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self.kill()
            pytest.skip("the Milvus server does not start here")
        self._pids.insert(0, int(line))


def lasting_port() -> int:
    """A free port that no connection is given by chance while its server is away."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("100 ports are taken")


def start_lite(folder: Path) -> Lite:
    if importlib.util.find_spec("milvus_lite") is None:
        pytest.skip(LITE)
    return Lite(folder)


def start_real(folder: Path) -> Real:
    if importlib.util.find_spec("milvus") is None:
        pytest.skip(REAL)
    return Real(folder)


def on_milvus(engine: type[M], request: pytest.FixtureRequest) -> type[M]:
    """The engine on milvus-lite, or on the server that MILVUS_URI names."""
    uri = os.environ.get("MILVUS_URI") or request.getfixturevalue("milvus_lite").uri
    return engine.at(Server(uri, 20.0), lambda: OWNER, words_of)
