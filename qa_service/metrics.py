"""What is counted and timed, for Prometheus. Names begin with ``qa_``; times are in seconds."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from qa_service.tracing import note_stages

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Histogram(
    "qa_request_seconds",
    "Requests by route and status.",
    ["method", "route", "status"],
    buckets=FAST,
)
STAGES = Histogram(
    "qa_stage_seconds", "Stages of a search, and of the answer from it.", ["stage"], buckets=FAST
)
ANSWERS = Counter("qa_answers", "Answers by status.", ["status"])
DROPPED = Counter("qa_claims_dropped", "Claims of an answerer that did not quote their release.")
WAITING = Gauge(
    "qa_requests_waiting", "Requests that wait for a place.", multiprocess_mode="livesum"
)
SHED = Counter("qa_requests_shed", "Requests refused, by what they met.", ["reason"])


def count_stages(spans: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Note the stages of a search, each from when to when by the performance counter; in milliseconds."""
    took_ms = {stage: round((end - start) * 1000, 2) for stage, (start, end) in spans.items()}
    for stage, ms in took_ms.items():
        STAGES.labels(stage).observe(ms / 1000)
    note_stages(spans)
    return took_ms


def count_answer(status: str, dropped: int, took_s: float) -> None:
    """Note an answer, how many claims were dropped from it, and what it took after its search."""
    STAGES.labels("answer").observe(took_s)
    ANSWERS.labels(status).inc()
    DROPPED.inc(dropped)
