"""Spans for OpenTelemetry: off unless they are wanted; of requests and stages, without what was asked."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from qa_service import tracing
from qa_service.app import create_app
from qa_service.errors import SettingsError
from qa_service.settings import Settings

QUESTION = "How many turbines does the wind farm at Stormvik have?"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.use(provider)
    yield kept
    tracing.use(None)
    provider.shutdown()


@pytest.fixture
def traced(exporter: InMemorySpanExporter, settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        exporter.clear()  # of the search that tries a generation
        yield client


def below(span: ReadableSpan, spans: tuple[ReadableSpan, ...]) -> list[ReadableSpan]:
    own = span.get_span_context()
    return [one for one in spans if one.parent and own and one.parent.span_id == own.span_id]


def test_a_request_is_a_span_of_the_callers_trace_with_its_stages_below(
    traced: TestClient, exporter: InMemorySpanExporter
) -> None:
    reply = traced.post(
        "/api/answer",
        json={"question": QUESTION},
        headers={"traceparent": f"00-{TRACE}-{CALLER}-01"},
    )
    spans = exporter.get_finished_spans()
    [request] = [one for one in spans if one.name == "POST /api/answer"]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == CALLER
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/api/answer",
        "http.response.status_code": 200,
    }
    stages = below(request, spans)
    names = [one.name for one in sorted(stages, key=lambda one: one.end_time or 0)]
    assert [name for name in names if name != "lexical"] == [
        "embed", "dense", "fuse", "rerank", "answerer",
    ]  # fmt: skip
    assert "lexical" in names[: names.index("fuse")]
    for one in spans:
        assert f"{one.context.trace_id:032x}" == TRACE
        assert (request.start_time or 0) <= (one.start_time or 0) <= (one.end_time or 0)
    own = f"{request.context.span_id:016x}"
    assert reply.headers["traceparent"] == f"00-{TRACE}-{own}-01"
    assert "Stormvik" not in "".join(one.to_json() for one in spans)


def test_a_request_that_fails_has_its_status(
    traced: TestClient, exporter: InMemorySpanExporter
) -> None:
    traced.get("/api/releases/none")
    traced.get("/no-such-page/of-mine")
    statuses = {
        one.name: (one.attributes or {})["http.response.status_code"]
        for one in exporter.get_finished_spans()
    }
    assert statuses == {"GET /api/releases/{release_id:path}": 404, "GET": 404}


def test_without_its_variables_there_are_no_spans(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in tracing.WANTED:
        monkeypatch.delenv(name, raising=False)
    tracing.set_up_tracing()
    assert not tracing.is_on()
    with TestClient(create_app(settings)) as client:
        assert client.get("/api/search", params={"q": "port"}).status_code == 200


def test_spans_that_are_wanted_without_the_library_are_a_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setattr(tracing, "EXPORTER", "opentelemetry.exporter.no_such")
    with pytest.raises(SettingsError, match=r"pip install 'qa-service\[otel\]'"):
        tracing.set_up_tracing()


def test_spans_arrive_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_spec(tracing.EXPORTER)
    arrived: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            zipped = self.headers.get("content-encoding") == "gzip"
            arrived.append((self.path, gzip.decompress(body) if zipped else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    collector = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{collector.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    try:
        provider = tracing.set_up_tracing()
        with tracing.span("a stage of mine"):
            pass
        assert provider
        provider.shutdown()
    finally:
        tracing.use(None)
        collector.shutdown()
        collector.server_close()
    [(path, body)] = arrived
    assert path == "/v1/traces"
    assert b"a stage of mine" in body
    assert b"qa-service" in body
