"""Spans for OpenTelemetry: of each request, the stages of its search, and its answerer.

Off, and without its library, unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` or the one for traces is set; the other
standard variables (sampler, headers, service name) count then too. Spans have routes, statuses and times,
never questions.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from qa_service.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider as SdkProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

WANTED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER = "opentelemetry.exporter.otlp.proto.http"

_tracers: list["Tracer"] = []
"""The one that spans are made with; none while traces are off."""


def set_up_tracing() -> "SdkProvider | None":
    """Send spans where the environment says, what is left of them at the end of the process; else nothing.

    Raises:
        SettingsError: it does, and the library is not installed.
    """
    wanted = next((name for name in WANTED if os.environ.get(name)), None)
    if wanted is None:
        return None
    try:
        there = find_spec(EXPORTER)
    except ModuleNotFoundError:
        there = None
    if there is None:
        raise SettingsError(f"{wanted} needs the library: pip install 'qa-service[otel]'")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "qa-service")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)
    return provider


def use(provider: "TracerProvider | None") -> None:
    """Make spans with this provider; ``None`` switches them off."""
    _tracers[:] = [provider.get_tracer("qa_service")] if provider else []


def is_on() -> bool:
    """Whether spans are made."""
    return bool(_tracers)


@contextlib.contextmanager
def span(name: str) -> Iterator[None]:
    """A span of what is done inside, below the one that it is done in."""
    if not _tracers:
        yield
        return
    with _tracers[0].start_as_current_span(name):
        yield


@contextlib.contextmanager
def request_span(method: str, traceparent: str) -> Iterator["Span"]:
    """The span of a request, in the trace that it names; only while traces are on."""
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    with _tracers[0].start_as_current_span(method, parent, SpanKind.SERVER) as made:
        yield made


def note_stages(spans: Mapping[str, tuple[float, float]]) -> None:
    """Spans of stages, each from when to when on the performance counter, in seconds."""
    if not _tracers:
        return
    epoch = time.time_ns() - time.perf_counter_ns()
    for stage, (start, end) in spans.items():
        made = _tracers[0].start_span(stage, start_time=epoch + int(start * 1e9))
        made.end(epoch + int(end * 1e9))
