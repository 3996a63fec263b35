"""Dense search on a real Milvus server, against brute force.

It runs where the package ``milvus`` is installed, which carries the server: pip install milvus==2.3.5.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from conftest import CORPUS, silent
from serving import served
from test_app import assert_problem
from test_server import eventually

from qa_service.engines import Allowed
from qa_service.engines.dense_milvus import MilvusDense
from qa_service.errors import GenerationCorrupt
from qa_service.index import build
from qa_service.settings import read_settings
from qa_service.types import Numbers, Scores, Vectors
from qa_service.wiring import make_engines, make_plan

pytest.importorskip("milvus", reason="no Milvus server here: pip install milvus==2.3.5")
pytest.importorskip("pymilvus", reason="no Milvus client here: pip install 'qa-service[milvus]'")

N, DIM = 700, 24
RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.standard_normal((N, DIM)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
NUMBERS = np.sort(RANDOM.integers(0, 2**62, N))
SERVE = """
import sys, time
from milvus import MilvusServer
server = MilvusServer()
server.set_base_dir(sys.argv[1])
server.listen_port = int(sys.argv[2])
server.start()
print(server.server_proc.pid, flush=True)
time.sleep(10**6)
"""


class Server:
    """A Milvus server in a process of its own, over a folder that outlives it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", SERVE, str(self._folder), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self._process.kill()
            pytest.skip("the Milvus server does not start here")
        self._pid = int(line)

    def kill(self) -> None:
        for pid in (self._pid, self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("milvus"))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def engine(server: Server) -> type[MilvusDense]:
    class Here(MilvusDense):
        uri = f"http://127.0.0.1:{server.port}"
        timeout_s = 5.0

    return Here


@pytest.fixture(scope="module")
def index(engine: type[MilvusDense], tmp_path_factory: pytest.TempPathFactory) -> MilvusDense:
    made = engine.create(tmp_path_factory.mktemp("g1") / "dense", DIM)
    made.add(NUMBERS, VECTORS)
    made.save()
    return made


def brute_force(keep: Numbers, query: Vectors, k: int) -> tuple[Numbers, Scores]:
    rows = np.isin(NUMBERS, keep)
    scores = VECTORS[rows] @ query
    order = np.lexsort((NUMBERS[rows], -scores))[:k]
    return NUMBERS[rows][order], scores[order]


def assert_same(found: tuple[Numbers, Scores], expected: tuple[Numbers, Scores]) -> None:
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)


@pytest.mark.parametrize("k", [0, 1, 10, 100, N, 10 * N])
def test_a_search_finds_what_brute_force_finds(index: MilvusDense, k: int) -> None:
    assert_same(index.search(VECTORS[3], k, None), brute_force(NUMBERS, VECTORS[3], k))


@pytest.mark.parametrize("step", [1, 2, 50, N])
def test_a_filter_is_exact_inside_the_search(index: MilvusDense, step: int) -> None:
    allowed = NUMBERS[::step]
    found = index.search(VECTORS[5], 20, Allowed(allowed[:0], allowed))
    assert_same(found, brute_force(allowed, VECTORS[5], 20))
    assert len(index.search(VECTORS[5], 20, Allowed(allowed[:0], allowed[:0]))[0]) == 0


def test_chosen_numbers_are_scored_in_the_order_given(index: MilvusDense) -> None:
    chosen = RANDOM.permutation(N)[:50]
    scores = index.score(VECTORS[0], NUMBERS[chosen])
    np.testing.assert_allclose(scores, VECTORS[chosen] @ VECTORS[0], atol=1e-5)


def test_a_revised_copy_takes_changes_and_the_old_one_stays(
    index: MilvusDense, engine: type[MilvusDense], tmp_path: Path
) -> None:
    revised = engine.revise(index._folder, tmp_path / "dense")
    revised.remove(NUMBERS[:100])
    revised.save()
    opened = engine.open(tmp_path / "dense")
    assert_same(opened.search(VECTORS[3], 20, None), brute_force(NUMBERS[100:], VECTORS[3], 20))
    assert_same(index.search(VECTORS[3], 20, None), brute_force(NUMBERS, VECTORS[3], 20))
    engine.drop(tmp_path / "dense")
    with pytest.raises(GenerationCorrupt, match="has no collection"):
        engine.open(tmp_path / "dense")


def test_what_names_no_collection_is_refused(engine: type[MilvusDense], tmp_path: Path) -> None:
    with pytest.raises(GenerationCorrupt, match=r"collection\.json names no collection"):
        engine.open(tmp_path)


ASKED = {"q": "wind farm at Stormvik", "explain": True}


def test_a_killed_server_is_said_to_be_away_and_has_everything_when_it_is_back(
    server: Server, index: MilvusDense, tmp_path: Path
) -> None:
    given = {
        "corpus_dir": CORPUS, "index_dir": tmp_path / "index", "dense": "milvus",
        "milvus_uri": f"http://127.0.0.1:{server.port}", "milvus_timeout_s": 3.0,
    }  # fmt: skip
    settings = read_settings(**given)
    build(make_plan(settings), make_engines(settings), silent)
    with served(**given) as url:

        def status(path: str) -> int:
            return httpx2.get(f"{url}{path}", timeout=60).status_code

        before = httpx2.get(f"{url}/api/search", params=ASKED, timeout=60)
        assert before.status_code == 200, before.text
        server.kill()
        assert_problem(httpx2.get(f"{url}/api/search", params=ASKED, timeout=60), 502, 504)
        assert eventually(lambda: status("/readyz") in (502, 504), 30)
        server.start()
        assert eventually(lambda: status("/readyz") == 200, 180)
        after = httpx2.get(f"{url}/api/search", params=ASKED, timeout=60)
        assert after.json()["hits"] == before.json()["hits"]
    assert_same(index.search(VECTORS[3], N, None), brute_force(NUMBERS, VECTORS[3], N))
