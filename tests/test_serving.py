import contextlib
import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults import flip_byte, hash_engines, quick_build, quick_plan

from qa_service.answer import ask
from qa_service.errors import EngineError, GenerationCorrupt, GenerationMissing
from qa_service.index import (
    BuildPlan,
    BuildReport,
    Generation,
    Serving,
    current_id,
    generation_ids,
    manifest_of,
    prune,
    publish,
)
from qa_service.search import look_up, search
from qa_service.settings import read_settings
from qa_service.types import Filters, Query
from qa_service.understanding import Reading
from qa_service.wiring import canary, make_answerer

POLL_S = 0.01
ANSWERER = make_answerer(read_settings())


def write_edition(plan: BuildPlan, edition: int) -> None:
    """A corpus in which every release says which edition it is of."""
    shutil.rmtree(plan.corpus, ignore_errors=True)
    plan.corpus.mkdir()
    for n in range(12):
        text = f"Harbour news {n} of edition{edition} as the port tells it.\n"
        (plan.corpus / f"e{edition}-{n}.txt").write_text(text)


@pytest.fixture
def own(tmp_path: Path) -> BuildPlan:
    plan = quick_plan(tmp_path / "corpus", tmp_path / "index")
    write_edition(plan, 0)
    return plan


@pytest.fixture
def serving(own: BuildPlan) -> Iterator[Serving]:
    """Serves edition 0 and follows ``CURRENT`` until the test ends."""
    quick_build(own)
    made = Serving(own.index, hash_engines(), canary)
    made.start(POLL_S)
    yield made
    made.stop()


def point_at(index: Path, generation_id: str) -> None:
    """Switch without the checks of ``publish``, as after damage that came later."""
    draft = index / ".pointed"
    draft.write_text(generation_id)
    draft.replace(index / "CURRENT")


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return true()


def served_id(serving: Serving) -> str:
    with serving.generation() as generation:
        return generation.generation_id


def editions(generation: Generation) -> set[str]:
    """The editions that one request meets, in passages, releases and rankings."""
    stages = search(generation, Query("harbour news of the port"), 12)
    found = look_up(generation, stages, 0, 12)
    assert len(found) == 12
    words = " ".join(f"{one.passage.text} {one.release.text}" for one in found).split()
    ids = {hit.passage_id[:2] for hit in (*stages.lexical.hits, *stages.dense.hits)}
    return {w for w in words if w.startswith("edition")} | {f"edition{one[1]}" for one in ids}


def editions_answered(generation: Generation) -> set[str]:
    """The editions that one answer quotes, and those of the releases that it was made from."""
    question = "What does the port tell of harbour news 3?"
    asked = ask(generation, ANSWERER, question, (), Filters(), 12, Reading(2000), 0.0)
    assert asked.answer.generation_id == generation.generation_id
    assert asked.answer.citations
    quotes = [one.quote for one in asked.answer.citations]
    words = " ".join([*quotes, *(one.release.text for one in asked.found)]).split()
    ids = {one.release_id[:2] for one in asked.answer.citations}
    return {w for w in words if w.startswith("edition")} | {f"edition{one[1]}" for one in ids}


@pytest.mark.parametrize("met_by", [editions, editions_answered], ids=["searches", "answers"])
def test_requests_never_notice_an_exchange(
    own: BuildPlan, serving: Serving, met_by: Callable[[Generation], set[str]]
) -> None:
    seen: list[tuple[str, set[str]]] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def ask_without_pause() -> None:
        while not done.is_set():
            try:
                with serving.generation() as generation:
                    seen.append((generation.generation_id, met_by(generation)))
            except BaseException as error:
                failures.append(error)

    published = {current_id(own.index): "edition0"}
    with serving.generation() as generation:
        met_by(generation)  # models are loaded now, however long that takes

    def is_answered_from_what_is_current() -> bool:
        count = len(seen)
        return eventually(lambda: any(one == current_id(own.index) for one, _ in seen[count:]))

    threads = [threading.Thread(target=ask_without_pause) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for edition in range(1, 6):
            write_edition(own, edition)
            published[quick_build(own).manifest.generation_id] = f"edition{edition}"
            assert is_answered_from_what_is_current()
            if edition % 2 == 0:
                publish(own.index, generation_ids(own.index)[-2])
                assert is_answered_from_what_is_current()
            prune(own.index, keep=2)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert {(one, frozenset(met)) for one, met in seen} == {
        (one, frozenset({edition})) for one, edition in published.items()
    }


def test_a_request_keeps_its_generation_to_its_end(own: BuildPlan, serving: Serving) -> None:
    with serving.generation() as kept:
        write_edition(own, 1)
        quick_build(own)
        assert eventually(lambda: served_id(serving) == current_id(own.index))
        assert prune(own.index, keep=0) == []
        assert editions(kept) == {"edition0"}
    assert prune(own.index, keep=0) == [kept.generation_id]


def test_an_index_that_is_missing_at_first_is_served_once_it_is_built(own: BuildPlan) -> None:
    made = Serving(own.index, hash_engines(), canary)
    made.start(POLL_S)
    assert isinstance(made.problem, GenerationMissing)
    with pytest.raises(GenerationMissing, match="qa build"), made.generation():
        pass
    quick_build(own)
    assert eventually(lambda: made.problem is None)
    assert served_id(made) == current_id(own.index)
    made.stop()


@pytest.mark.parametrize("name", ["releases.sqlite", "dense/vectors.faiss", "lexical/meta.json"])
def test_a_damaged_new_generation_leaves_the_old_one_serving(
    own: BuildPlan, serving: Serving, name: str
) -> None:
    first = served_id(serving)
    write_edition(own, 1)
    quick_build(own)
    assert eventually(lambda: served_id(serving) != first)
    second = current_id(own.index)
    publish(own.index, first)
    assert eventually(lambda: served_id(serving) == first)
    os.truncate(own.index / second / name, 5)
    point_at(own.index, second)
    assert eventually(lambda: isinstance(serving.problem, GenerationCorrupt))
    assert f"{second}/{name}" in str(serving.problem)
    assert served_id(serving) == first
    publish(own.index, first)
    assert eventually(lambda: serving.problem is None)


def flips(folder: Path) -> Iterator[tuple[Path, int]]:
    """Places in every file in which a byte may flip: the first, the last and some between."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        yield from ((path, size * n // 8) for n in range(8) if size)


def test_no_flipped_byte_stops_a_server_from_taking_up_the_next_generation(
    own: BuildPlan, serving: Serving
) -> None:
    """A flip that leaves the size may be met by the canary or by nobody before `qa verify`."""
    good = served_id(serving)
    bad = quick_build(own, full=True).manifest.generation_id
    publish(own.index, good)
    kept = own.index.with_name("kept")
    shutil.copytree(own.index / bad, kept)
    for path, position in flips(kept):
        assert eventually(lambda: served_id(serving) == good), serving.problem
        damaged = own.index / bad / path.relative_to(kept)
        shutil.rmtree(own.index / bad)
        shutil.copytree(kept, own.index / bad)
        flip_byte(damaged, position)
        point_at(own.index, bad)
        met = eventually(lambda: serving.problem is not None or served_id(serving) == bad)
        assert met, f"{damaged} at {position}: the server no longer follows CURRENT"
        point_at(own.index, good)
        assert eventually(lambda: serving.problem is None and served_id(serving) == good)


@pytest.mark.parametrize("error", [EngineError("the model is gone"), RuntimeError("unforeseen")])
def test_a_canary_that_fails_leaves_the_old_generation_serving(
    own: BuildPlan, error: Exception
) -> None:
    refused: set[str] = set()

    def sings_unless_refused(generation: Generation) -> None:
        if generation.generation_id in refused:
            raise error

    first = quick_build(own).manifest.generation_id
    second = quick_build(own, full=True).manifest.generation_id
    publish(own.index, first)
    made = Serving(own.index, hash_engines(), sings_unless_refused)
    made.start(POLL_S)
    refused.add(second)
    publish(own.index, second)
    assert eventually(lambda: made.problem is not None)
    assert str(error) in str(made.problem)
    assert served_id(made) == first
    refused.clear()
    assert eventually(lambda: served_id(made) == second)
    assert eventually(lambda: made.problem is None)
    made.stop()


FIRST_QUESTIONS = """
import sys
from fastapi.testclient import TestClient
from qa_service.app import create_app

loaded = []
with TestClient(create_app()) as client:
    assert client.get("/readyz").status_code == 200
    asked = {"question": "What was said of the wnid farm in May 2024?"}
    sys.addaudithook(lambda event, of: event in ("import", "open") and loaded.append(str(of[0])))
    assert client.get("/api/search", params={"q": asked["question"]}).status_code == 200
    assert client.post("/api/answer", json=asked).status_code == 200
    late = [name for name in loaded if not name.endswith((".py", "/PAUSED", "/CURRENT"))]
sys.exit(f"loaded too late: {late}" if late else 0)
"""


def test_a_server_that_is_ready_has_loaded_what_the_first_questions_need(
    plan: BuildPlan, built: BuildReport
) -> None:
    environ = os.environ | {"QA_INDEX_DIR": str(plan.index)}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_QUESTIONS], env=environ, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_server_that_stops_lets_the_last_request_finish(own: BuildPlan) -> None:
    quick_build(own)
    made = Serving(own.index, hash_engines(), canary)
    made.start(POLL_S)
    with made.generation() as generation:
        made.stop()
        assert editions(generation) == {"edition0"}
    with pytest.raises(GenerationMissing), made.generation():
        pass


def test_nothing_of_an_old_generation_stays_open(own: BuildPlan, serving: Serving) -> None:
    first = served_id(serving)
    with serving.generation() as generation:
        editions(generation)
    del generation
    write_edition(own, 1)
    quick_build(own)
    assert eventually(lambda: served_id(serving) == current_id(own.index))
    gc.collect()
    maps = Path("/proc/self/maps")
    opened = {link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    assert first not in (maps.read_text() if maps.exists() else "")
    assert [path for path in opened if first in str(path)] == []
    assert prune(own.index, keep=0) == [first]
    with contextlib.suppress(GenerationMissing):
        manifest_of(own.index, first)
        pytest.fail("the pruned generation is still listed")
