"""The service on Milvus: real servers, killed and started again.

Those of the package ``milvus`` (2.3.5, no BM25) and milvus-lite (everything), where they start.
"""

import dataclasses
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import httpx2
import numpy as np
import pytest
from command_line import in_process
from conftest import CORPUS
from faults import HashEmbedder
from milvus_servers import OWNER, Lite, Real, start_lite
from serving import served
from test_app import assert_problem
from test_server import eventually, free_port

from qa_service.cli.building import as_lines
from qa_service.engines import Allowed, Entry, Facets, silent
from qa_service.engines.lexical_tantivy.words import words_of
from qa_service.engines.milvus import MilvusDense, MilvusLexical, Server
from qa_service.engines.milvus import server as server_module
from qa_service.engines.milvus.filters import expressions
from qa_service.engines.milvus.lexical import LONGEST_BYTES
from qa_service.engines.milvus.naming import read_pointer
from qa_service.errors import EngineError, EngineTimeout, GenerationCorrupt
from qa_service.index import (
    BuildPlan,
    BuildReport,
    Engines,
    Generation,
    build,
    generation_ids,
    open_current,
    prune,
)
from qa_service.settings import read_settings
from qa_service.types import Filters, Numbers, Period, Scores, Vectors
from qa_service.wiring import make_engines, make_plan

N, DIM = 700, 24
RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.standard_normal((N, DIM)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
NUMBERS = np.sort(RANDOM.integers(0, 2**62, N))
ISSUERS = [
    "Ministry of Works",
    'The "Quay"',
    "back\\slash",
    'x"] or number > 0',
    "Café ☕",
    "a\tb",
    "",
]
LANGUAGES = ["en", "fr", ""]
FACETS = [
    Facets(
        release=n,
        published=date(2024, n % 12 + 1, n % 28 + 1) if n % 5 else None,
        issuer=ISSUERS[n % len(ISSUERS)],
        language=LANGUAGES[n % len(LANGUAGES)],
        fields=(("topic", "sea"), ("topic", "a=b")) if n % 2 else (),
    )
    for n in (np.arange(N) // 3).tolist()
]
PARTS = ("dense", "lexical", "releases")


def on(server: Lite | Real) -> type[MilvusDense]:
    return MilvusDense.at(Server(server.uri, 5.0), lambda: OWNER, words_of)


@pytest.fixture(scope="module")
def index(milvus: Real, tmp_path_factory: pytest.TempPathFactory) -> MilvusDense:
    """On Milvus itself."""
    made = on(milvus).create(tmp_path_factory.mktemp("g1") / "dense", DIM)
    made.add(NUMBERS, VECTORS, FACETS)
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


@pytest.mark.parametrize("issuer", range(6))
def test_a_filter_over_fields_is_exact_whatever_they_hold(index: MilvusDense, issuer: int) -> None:
    filters = Filters(
        date_from=date(2024, 3, 1),
        date_to=date(2024, 6, 30),
        issuers=(ISSUERS[issuer], "nobody"),
        languages=("en", "fr"),
        metadata=(("topic", ISSUERS[issuer]), ("topic", "sea")),
    )
    keep = [
        facets.issuer == ISSUERS[issuer]
        and facets.language in ("en", "fr")
        and ("topic", "sea") in facets.fields
        and facets.published is not None
        and date(2024, 3, 1) <= facets.published <= date(2024, 6, 30)
        for facets in FACETS
    ]
    expected = brute_force(NUMBERS[keep], VECTORS[5], N)
    assert len(expected[0])
    allowed = Allowed(np.unique((np.arange(N) // 3)[keep]), NUMBERS[keep], filters)
    assert_same(index.search(VECTORS[5], N, allowed), expected)


def test_chosen_numbers_are_scored_in_the_order_given(index: MilvusDense) -> None:
    chosen = RANDOM.permutation(N)[:50]
    scores = index.score(VECTORS[0], NUMBERS[chosen])
    np.testing.assert_allclose(scores, VECTORS[chosen] @ VECTORS[0], atol=1e-5)


ASKED = {"q": "wind farm at Stormvik", "explain": True}


@dataclasses.dataclass
class Outage:
    """A service whose server was killed and is starting again, and what it said meanwhile."""

    url: str
    index: Path
    report: BuildReport
    before: Any
    during: Any
    red: bool
    back: Future[None]

    def get(self, path: str, **params: Any) -> Any:
        return httpx2.get(f"{self.url}{path}", params=params, timeout=60)


@pytest.fixture(scope="module")
def outage(
    milvus: Real, index: MilvusDense, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outage]:
    """It goes on while other tests run."""
    given = {
        "corpus_dir": CORPUS, "index_dir": tmp_path_factory.mktemp("outage"), "dense": "milvus",
        "lexical": "milvus", "milvus_uri": milvus.uri, "milvus_timeout_s": 3.0,
    }  # fmt: skip
    settings = read_settings(**given)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "qa_service.wiring.SentenceTransformersEmbedder", lambda *_given: HashEmbedder()
        )
        report = build(make_plan(settings), make_engines(settings), silent)
        with served(**given) as url:
            found = Outage(url, settings.index_dir, report, None, None, False, Future())
            found.before = found.get("/api/search", **ASKED)
            milvus.kill()
            found.during = found.get("/api/search", **ASKED)
            found.red = eventually(lambda: found.get("/readyz").status_code in (502, 504), 30)
            with ThreadPoolExecutor(1) as starting:
                found.back = starting.submit(milvus.start)
                yield found


def test_a_server_that_was_killed_is_said_to_be_away(outage: Outage) -> None:
    assert outage.before.status_code == 200, outage.before.text
    assert len(outage.before.json()["hits"]) > 3
    assert_problem(outage.during, 502, 504)
    assert outage.red


def test_a_server_without_bm25_is_told_and_the_local_engine_indexes_words(
    outage: Outage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = outage.report.manifest
    assert manifest.recipe.lexical == "tantivy"
    assert "has no BM25 (2.5 has): the words are indexed here, by tantivy" in manifest.lexical
    assert manifest.lexical in as_lines(outage.report)
    listed = in_process(monkeypatch, capsys)("generations", "--index", outage.index).out
    assert listed.rstrip().endswith(manifest.lexical)


# From here on with milvus-lite, and without a model.


def wire(folder: Path, releases: int) -> Path:
    """A corpus with every kind of issuer."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "id": f"r{n}",
            "title": f"Notice {n} of the harbour",
            "text": f"The harbour of town{n % 7} opens berth{n}.\n\nIt has crane{n % 5} and quay{n % 3}. "
            * 4,
            "date": None if n % 5 == 0 else f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}",
            "issuer": ISSUERS[n % len(ISSUERS)],
            "language": LANGUAGES[n % len(LANGUAGES)],
            "topic": ["sea", "a=b"] if n % 2 else "land",
        }
        for n in range(releases)
    ]
    (folder / "wire.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


def lite_engines(plan_settings: dict[str, Any]) -> tuple[BuildPlan, Engines]:
    settings = read_settings(**plan_settings)
    engines = make_engines(settings)
    return make_plan(settings), dataclasses.replace(engines, embedder=lambda _spec: HashEmbedder())


@pytest.fixture
def on_lite(milvus_lite: Lite, tmp_path: Path) -> tuple[BuildPlan, Engines]:
    """A plan over folders of its own, everything on milvus-lite."""
    return lite_engines(lite_settings(milvus_lite, tmp_path))


def lite_settings(server: Lite, folder: Path) -> dict[str, Any]:
    return {
        "corpus_dir": wire(folder / "corpus", 60), "index_dir": folder / "index",
        "dense": "milvus", "lexical": "milvus", "milvus_uri": server.uri, "milvus_timeout_s": 5.0,
    }  # fmt: skip


def collections(server: Lite, plan: BuildPlan) -> set[str]:
    """What the server has of this index folder."""
    own = (plan.index / ".identity").read_text()[:8]
    return {name for name in Server(server.uri).call("list_collections") if own in name}


def named(folder: Path) -> set[str]:
    return {read_pointer(folder / part).collection for part in PARTS}


@contextmanager
def opened(plan: BuildPlan, engines: Engines) -> Iterator[Generation]:
    generation = open_current(plan.index, engines)
    yield generation
    generation.close()


MANY_FILTERS = [
    Filters(),
    Filters(date_from=date(2024, 3, 1)),
    Filters(date_to=date(2024, 6, 30)),
    Filters(date_from=date(2024, 3, 1), date_to=date(2024, 6, 30), languages=("en", "fr")),
    *(Filters(issuers=(issuer,)) for issuer in ISSUERS[:-1]),
    Filters(issuers=tuple(ISSUERS[:3]), languages=("fr",)),
    Filters(metadata=(("topic", "a=b"),)),
    Filters(metadata=(("topic", "land"), ("topic", "sea")), languages=("en",)),
    Filters(release_ids=("r3", "r4", "nothing")),
    Filters(periods=(Period(date(2024, 2, 1), date(2024, 4, 30), 0, 0),)),
    Filters(periods=(Period(date(2024, 2, 1), None, 0, 0),), issuers=('The "Quay"',)),
    Filters(issuers=("nobody",)),
]


def test_a_filter_over_fields_of_the_server_keeps_what_a_filter_by_numbers_keeps(
    on_lite: tuple[BuildPlan, Engines],
) -> None:
    plan, engines = on_lite
    report = build(plan, engines, silent)
    assert (report.manifest.recipe.lexical, report.manifest.lexical) == ("milvus", "")
    with opened(plan, engines) as generation:
        query = HashEmbedder().embed_queries(["harbour"])[0]
        everything = generation.dense.search(query, 10**4, None)
        sizes = set()
        for filters in MANY_FILTERS:
            allowed = generation.allowed(filters)
            kept = everything[0] if allowed is None else allowed.passages
            rows = np.isin(everything[0], kept)
            assert_same(
                generation.dense.search(query, 10**4, allowed),
                (everything[0][rows], everything[1][rows]),
            )
            numbers = None if allowed is None else Allowed(allowed.releases, allowed.passages)
            for words in (generation.lexical, generation.releases):
                found = words.search("harbour crane1", 10**4, allowed)[0]
                by_release = allowed and Allowed(allowed.releases, allowed.passages[:0])
                expected = words.search("harbour crane1", 10**4, by_release)[0]
                np.testing.assert_array_equal(found, expected)
            having = generation.lexical.having(["harbour"], allowed)
            np.testing.assert_array_equal(having, generation.lexical.having(["harbour"], numbers))
            sizes.add(int(rows.sum()))
        assert len(sizes) > 6


def test_days_ids_and_odd_values_are_filtered_by_number_everything_else_by_field() -> None:
    passages = np.array([4], np.int64)

    def said(**filters: Any) -> list[str]:
        return list(expressions(Allowed(passages, passages, Filters(**filters))))

    assert said(issuers=('"',), date_to=date(1, 1, 2)) == [
        'issuer in ["\\""] and published > 0 and published <= 2'
    ]
    by_number = ["release in [4]"]
    assert said(release_ids=("r",)) == by_number
    assert said(periods=(Period(date(2024, 1, 1), None, 0, 0),)) == by_number
    assert said(issuers=("a\x01b",)) == by_number
    assert said(issuers=("x" * 513,)) == by_number


def test_words_are_found_and_weighed_as_by_the_local_engine(
    on_lite: tuple[BuildPlan, Engines], tmp_path: Path
) -> None:
    plan, engines = on_lite
    build(plan, engines, silent)
    local = dataclasses.replace(plan, index=tmp_path / "local", dense="faiss", lexical="tantivy")
    build(local, engines, silent)
    with opened(plan, engines) as there, opened(local, engines) as here:
        for words in (there.lexical, here.lexical), (there.releases, here.releases):
            for query in ("crane1 berth7", "harbour of town3", "notice", "nothing like it"):
                found, expected = (one.search(query, 50, None) for one in words)
                assert sorted(found[0]) == sorted(expected[0]) or len(expected[0]) == 50
                # tantivy keeps the length of a longer text roughly
                np.testing.assert_allclose(found[1], expected[1], rtol=0.05)
                stems = words[0].stems(query)
                assert stems == words[1].stems(query)
                np.testing.assert_array_equal(
                    words[0].having(stems, None), words[1].having(stems, None)
                )
                for stem in stems:
                    assert words[0].rarity(stem) == pytest.approx(words[1].rarity(stem))


def test_the_alias_follows_what_is_published_and_a_held_generation_keeps_its_own(
    milvus_lite: Lite,
    on_lite: tuple[BuildPlan, Engines],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan, engines = on_lite
    server = Server(milvus_lite.uri)
    monkeypatch.setenv("QA_MILVUS_URI", milvus_lite.uri)
    qa = in_process(monkeypatch, capsys)

    first = build(plan, engines, silent).manifest.generation_id
    folder = plan.index / first
    aliases = [read_pointer(folder / part).alias for part in PARTS]

    def current() -> set[str]:
        return {server.call("describe_alias", alias)["collection_name"] for alias in aliases}

    assert current() == named(folder)
    with opened(plan, engines) as held:
        before = [held.lexical.search("harbour", 50, None), search_dense(held)]
        wire(plan.corpus, 20)
        second = build(plan, engines, silent).manifest.generation_id
        assert current() == named(plan.index / second)
        assert not named(plan.index / second) & named(folder)
        after = [held.lexical.search("harbour", 50, None), search_dense(held)]
        for one, same in zip(before, after, strict=True):
            assert_same(one, same)
        assert prune(plan.index, 1, engines.drop) == []
    assert qa("publish", first, "--index", plan.index).code == 0
    assert current() == named(folder)
    assert qa("publish", second, "--index", plan.index).code == 0
    assert qa("prune", "--keep", "1", "--index", plan.index).code == 0
    assert generation_ids(plan.index) == [second]
    assert collections(milvus_lite, plan) == named(plan.index / second)
    assert current() == named(plan.index / second)


def search_dense(generation: Generation) -> tuple[Numbers, Scores]:
    return generation.dense.search(HashEmbedder().embed_queries(["harbour"])[0], 50, None)


def test_a_changed_corpus_is_copied_and_changed_to_what_a_full_build_makes(
    on_lite: tuple[BuildPlan, Engines],
) -> None:
    plan, engines = on_lite
    build(plan, engines, silent)
    wire(plan.corpus, 45)
    with (plan.corpus / "wire.jsonl").open("a") as file:
        file.write('\n{"id": "new", "title": "A new pier", "text": "A pier of oak is built."}')
    report = build(plan, engines, silent)
    assert not report.whole
    with opened(plan, engines) as generation:
        changed = search_dense(generation), generation.lexical.search("harbour pier", 99, None)
        assert "pier" in generation.passage(generation.passage_ids(changed[1][0][:1])[0]).text
    build(plan, engines, silent, full=True)
    with opened(plan, engines) as generation:
        assert_same(changed[0], search_dense(generation))
        assert_same(changed[1], generation.lexical.search("harbour pier", 99, None))


BUILDER = """
import sys
import time
from pathlib import Path
from conftest import silent
from milvus_servers import Lite
from qa_service.engines.milvus import MilvusCollection, dense, lexical
from qa_service.index import build
import test_milvus

dense.AT_ONCE = lexical.AT_ONCE = 25
send = MilvusCollection._send

def told(self, rows):
    send(self, rows)
    print(self._folder.name, len(rows), flush=True)
    if self._folder.name == "lexical":
        time.sleep(600)  # until it is killed

MilvusCollection._send = told
server = type("Server", (), {"uri": sys.argv[1]})
build(*test_milvus.lite_engines(test_milvus.lite_settings(server, Path(sys.argv[2]))), silent)
"""


def test_a_build_that_is_killed_is_taken_up_without_sending_anything_twice(
    milvus_lite: Lite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it sends words: vectors are all there by then, and some words."""
    folder = Path(__file__).parent
    command = [sys.executable, "-c", BUILDER, milvus_lite.uri, str(tmp_path)]
    builder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
    sent = dict.fromkeys(PARTS, 0)
    assert builder.stdout is not None
    for line in builder.stdout:
        part, count = line.split()
        sent[part] += int(count)
        if sent["lexical"]:
            builder.send_signal(signal.SIGKILL)
            break
    builder.wait()

    plan, engines = lite_engines(lite_settings(milvus_lite, tmp_path))
    assert generation_ids(plan.index) == []
    send, again = MilvusDense._send, dict.fromkeys(PARTS, 0)

    def counted(self: MilvusDense, rows: list[dict[str, Any]]) -> None:
        again[self._folder.name] += len(rows)
        send(self, rows)

    monkeypatch.setattr("qa_service.engines.milvus.MilvusCollection._send", counted)
    report = build(plan, engines, silent)
    passages = report.manifest.passages
    assert sent["dense"] == passages
    assert again["dense"] == 0
    assert 0 < again["lexical"] == passages - sent["lexical"]
    folder = plan.index / report.manifest.generation_id
    assert collections(milvus_lite, plan) == named(folder)
    with opened(plan, engines) as generation:
        assert len(search_dense(generation)[0]) == 50
        assert len(generation.lexical.having(["harbour"], None)) > 0


def test_what_a_dead_build_of_another_corpus_left_on_the_server_is_dropped(
    milvus_lite: Lite, on_lite: tuple[BuildPlan, Engines]
) -> None:
    plan, engines = on_lite
    first = build(plan, engines, silent).manifest.generation_id
    for part in PARTS:  # as if it had died before it was published
        (plan.index / first / part / "collection.json").unlink()
    (plan.index / first).rename(plan.index / f".{first}")
    (plan.index / "CURRENT").unlink()
    wire(plan.corpus, 10)
    second = build(plan, engines, silent).manifest.generation_id
    assert collections(milvus_lite, plan) == named(plan.index / second)


def test_a_copy_of_an_index_folder_never_drops_what_the_other_has(
    milvus_lite: Lite, on_lite: tuple[BuildPlan, Engines], tmp_path: Path
) -> None:
    plan, engines = on_lite
    first = build(plan, engines, silent).manifest.generation_id
    other = tmp_path / "other"
    other.mkdir()
    (other / ".identity").write_bytes((plan.index / ".identity").read_bytes())
    settings = lite_settings(milvus_lite, tmp_path) | {"index_dir": other}
    wire(plan.corpus, 10)
    build(*lite_engines(settings), silent)
    assert named(plan.index / first) <= collections(milvus_lite, plan)


def test_a_text_that_is_too_long_for_the_server_keeps_its_words_in_proportion(
    milvus_lite: Lite, tmp_path: Path
) -> None:
    engine = MilvusLexical.at(Server(milvus_lite.uri), lambda: OWNER, words_of)
    long = " ".join(["harbour"] * 9000 + ["quay"] * 3000 + [f"pier{n}" for n in range(2000)])
    made = engine.create(tmp_path)
    made.add([Entry(1, 1, long), Entry(2, 2, "a short remark on the harbour")])
    made.save()
    [row] = made._ask("query", filter="number == 1", output_fields=["text"])
    words = row["text"].split()
    assert len(row["text"]) <= LONGEST_BYTES < len(long)
    assert words.count("harbour") == pytest.approx(3 * words.count("quay"), rel=0.01)
    assert made.search("pier1999", 5, None)[0].tolist() == [1]
    assert made.having(["harbour", "pier7"], None).tolist() == [1]


def test_a_collection_that_is_gone_is_refused_by_name(milvus_lite: Lite, tmp_path: Path) -> None:
    engine = on(milvus_lite)
    made = engine.create(tmp_path / "dense", DIM)
    made.add(NUMBERS[:5], VECTORS[:5], [Facets(1)] * 5)
    made.save()
    engine.drop(tmp_path / "dense")
    with pytest.raises(GenerationCorrupt, match="has no collection"):
        engine.open(tmp_path / "dense")
    with pytest.raises(EngineError, match="Milvus at http"):
        made.search(VECTORS[0], 5, None)
    with pytest.raises(GenerationCorrupt, match=r"collection\.json names no collection"):
        engine.open(tmp_path)


def test_what_was_sent_and_is_not_there_is_noticed_and_what_there_is_dropped(
    milvus_lite: Lite, tmp_path: Path
) -> None:
    engine = on(milvus_lite)
    made = engine.create(tmp_path / "dense", DIM)
    made.add(NUMBERS, VECTORS)
    made.server.call("delete", made._name, ids=NUMBERS[:3].tolist())
    with pytest.raises(EngineError, match=r"697 rows of the 700 sent.*`qa build` again"):
        made.save()
    assert not made.server.call("has_collection", made._name)


def test_a_build_waits_for_a_server_that_is_starting_again(tmp_path: Path) -> None:
    server = start_lite(tmp_path / "data")
    made = on(server).create(tmp_path / "dense", DIM)
    made.add(NUMBERS[:300], VECTORS[:300])
    server.kill()
    back = threading.Thread(target=server.start)
    back.start()
    made.add(NUMBERS[300:], VECTORS[300:])
    back.join()
    made.save()
    assert_same(made.search(VECTORS[3], N, None), brute_force(NUMBERS, VECTORS[3], N))
    server.kill()


def test_a_server_that_is_not_there_or_does_not_answer_is_an_error_of_ours() -> None:
    away = Server(f"http://127.0.0.1:{free_port()}", 0.3)
    with pytest.raises(EngineError, match="Milvus at http://127"):
        away.call("list_collections")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent_one = Server(f"http://127.0.0.1:{mute.getsockname()[1]}", 0.3)
        with pytest.raises(EngineError, match="Milvus at http://127"):
            silent_one.call("list_collections")


class _Rpc(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "of the connection"


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (_Rpc(grpc.StatusCode.DEADLINE_EXCEEDED), EngineTimeout),
        (_Rpc(grpc.StatusCode.UNAVAILABLE), EngineError),
        (grpc.FutureTimeoutError(), EngineTimeout),
        (ValueError("Cannot invoke RPC on closed channel!"), EngineError),
    ],
)
def test_errors_of_the_connection_become_ours(
    milvus_lite: Lite, error: Exception, ours: type[EngineError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "FIRST_WAIT_S", 60.0)  # so it is not tried again
    server = Server(milvus_lite.uri)

    def fail(_client: Any) -> None:
        raise error

    with pytest.raises(EngineError, match="Milvus at http") as raised:
        server.run(fail)
    assert type(raised.value) is ours
    assert server.run(lambda _client: 1) == 1


def test_a_server_that_does_not_get_on_with_an_index_is_given_up() -> None:
    with pytest.raises(EngineTimeout, match=r"not got on with indexing for 0\.2 s, at 3 of 9"):
        Server("http://nowhere").wait(lambda: (3, 9), silent, "indexing", 0.2)


def test_a_build_says_how_far_sending_and_copying_are(
    on_lite: tuple[BuildPlan, Engines],
) -> None:
    plan, engines = on_lite
    told: dict[str, list[int | None]] = {}

    @contextmanager
    def progress(name: str, total: int | None) -> Iterator[Any]:
        counts = told[name] = [total, 0]

        class Counter:
            def update(self, n: int) -> None:
                counts[1] = (counts[1] or 0) + n

        yield Counter()

    passages = build(plan, engines, progress).manifest.passages
    embedded, of = told["embedding passages and sentences"]
    assert embedded == of > passages
    assert told["indexing lexical"] == [passages, passages]
    assert told["indexing releases"] == [60, 60]
    wire(plan.corpus, 30)
    after = build(plan, engines, progress).manifest.passages
    assert told["copying vectors on Milvus"] == [passages, passages]
    assert told["indexing lexical"] == [after, after]


def test_waiting_for_a_server_is_told_as_progress() -> None:
    steps = iter([(0, 9), (4, 9), (4, 9), (9, 9)])
    moved: list[int] = []

    @contextmanager
    def progress(name: str, total: int | None) -> Iterator[Any]:
        assert (name, total) == ("loading", 9)
        yield type("Bar", (), {"update": lambda _self, n: moved.append(n)})()

    Server("http://nowhere").wait(lambda: next(steps), progress, "loading")
    assert moved == [4, 5]


def test_a_server_that_was_killed_has_everything_when_it_is_back(
    outage: Outage, index: MilvusDense
) -> None:
    """And the service, which was not started again, finds it."""
    outage.back.result()
    assert eventually(lambda: outage.get("/readyz").status_code == 200, 180)
    assert eventually(lambda: outage.get("/api/search", **ASKED).status_code == 200, 180)
    assert outage.get("/api/search", **ASKED).json()["hits"] == outage.before.json()["hits"]
    again = type(index).open(index._folder)
    assert_same(again.search(VECTORS[3], N, None), brute_force(NUMBERS, VECTORS[3], N))
