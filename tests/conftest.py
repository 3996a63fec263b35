"""A small corpus of invented releases, a published generation of it, and a client.

The model is the real one. The corpus, the questions and the qrels are files such as a user has.
"""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from faults import quick_build, quick_plan
from milvus_servers import Lite, Real, start_lite, start_real

from qa_service.engines import silent
from qa_service.index import BuildPlan, BuildReport, Engines, Generation, build, open_current
from qa_service.settings import Settings, read_settings
from qa_service.wiring import make_engines, make_plan

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
CORPUS = DATA / "corpus"
SEED = ROOT / "corpus"

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")

LONGEST = (
    "test_crash",
    "contracts/test_answerer",
    "test_operations",
    "test_llm_answerer",
    "test_server",
)
"""Files of few or slow tests that take longest: begun last, they would be waited for at the end."""

for name in [name for name in os.environ if name.startswith("QA_")]:
    del os.environ[name]
os.environ["HF_HUB_OFFLINE"] = "1"
for pool in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):  # threads that wait for work spin
    os.environ.setdefault(pool, "1")
os.environ["QA_KEYS_FILE"] = str(DATA / "no-keys.json")  # a developer's own would be asked for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; else in the order of files and of the tests in them."""
    first = [DATA.parent / f"{name}.py" for name in LONGEST]
    items.sort(key=lambda item: first.index(item.path) if item.path in first else len(first))


@pytest.fixture(scope="session")
def engines() -> Engines:
    return make_engines(read_settings())


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> BuildPlan:
    settings = read_settings(corpus_dir=CORPUS, index_dir=tmp_path_factory.mktemp("index"))
    return make_plan(settings)


@pytest.fixture(scope="session")
def built(plan: BuildPlan, engines: Engines) -> BuildReport:
    return build(plan, engines, silent)


@pytest.fixture(scope="session")
def generation(plan: BuildPlan, built: BuildReport, engines: Engines) -> Iterator[Generation]:
    opened = open_current(plan.index, engines)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def seed_generation(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines
) -> Iterator[Generation]:
    settings = read_settings(corpus_dir=SEED, index_dir=tmp_path_factory.mktemp("seed-index"))
    build(make_plan(settings), engines, silent)
    opened = open_current(settings.index_dir, engines)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lite]:
    """A server that has everything; IDF is that of a segment, so all is sent before one flush."""
    server = start_lite(tmp_path_factory.mktemp("milvus-lite"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """Milvus itself, 2.3.5."""
    server = start_real(tmp_path_factory.mktemp("milvus"))
    yield server
    server.kill()


@pytest.fixture
def own_corpus(tmp_path: Path) -> Path:
    """A copy of the corpus that a test may change."""
    return Path(shutil.copytree(CORPUS, tmp_path / "corpus"))


@pytest.fixture
def own_plan(plan: BuildPlan, built: BuildReport, own_corpus: Path, tmp_path: Path) -> BuildPlan:
    """A plan over folders that a test may change; what is embedded already is not embedded again."""
    index = tmp_path / "index"
    shutil.copytree(plan.index / ".cache", index / ".cache")
    return dataclasses.replace(plan, corpus=own_corpus, index=index)


@pytest.fixture
def settings(plan: BuildPlan, built: BuildReport) -> Settings:
    return read_settings(corpus_dir=CORPUS, index_dir=plan.index)


@pytest.fixture(scope="session")
def client(plan: BuildPlan, built: BuildReport) -> Iterator[Any]:
    from fastapi.testclient import TestClient

    from qa_service.app import create_app

    app = create_app(read_settings(corpus_dir=CORPUS, index_dir=plan.index, poll_s=0.05))
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def own(own_corpus: Path, tmp_path: Path) -> BuildPlan:
    """A plan over folders of its own, in which nothing is built."""
    return quick_plan(own_corpus, tmp_path / "index")


@pytest.fixture
def index(own: BuildPlan) -> Path:
    """An index folder with one published generation."""
    quick_build(own)
    return own.index


Builder = Callable[[BuildPlan], BuildReport]


@pytest.fixture
def rebuild(engines: Engines) -> Builder:
    return lambda plan: build(plan, engines, silent)
