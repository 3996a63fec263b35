"""The route of the metrics."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from qa_service.api.parts import Given, problems
from qa_service.errors import QaError
from qa_service.index import Serving, jobs

router = APIRouter(tags=["service"])


TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/metrics", responses=problems() | TEXT, response_class=Response)
def get_metrics(request: Request, settings: Given) -> Response:
    """Requests, stages, answers, the generation and builds, as Prometheus reads them."""
    own = CollectorRegistry()
    own.register(GenerationCollector(request.app.state.serving))
    own.register(BuildsCollector(settings.index_dir))
    counted = generate_latest(_counted()) + generate_latest(own)
    return Response(counted, media_type=CONTENT_TYPE_LATEST)


class GenerationCollector(Collector):
    """What is served, at the moment of asking."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        """One number each."""
        problem, paused = self._serving.problem, self._serving.pause_message
        yield _gauge("problem", "1: what is published cannot be served.", problem is not None)
        yield GaugeMetricFamily("qa_answers_paused", "1: answers are off.", paused is not None)
        try:
            with self._serving.generation() as generation:
                manifest = generation.manifest
        except QaError:
            return
        age_s = time.time() - manifest.built_at.timestamp()
        yield _gauge("age_seconds", "Since the generation was built.", age_s)
        yield _gauge("releases", "Releases in the generation.", manifest.releases)
        yield _gauge("passages", "Passages in the generation.", manifest.passages)
        lost = sum(not one.copy_of for one in manifest.left_out)
        yield _gauge("left_out", "Files that its build could not read.", lost)
        info = GaugeMetricFamily("qa_generation_info", "Its id.", labels=["generation_id"])
        info.add_metric([manifest.generation_id], 1)
        yield info


class BuildsCollector(Collector):
    """How the builds ended that the service was asked for; the last few are known."""

    def __init__(self, index: Path) -> None:
        self._index = index

    def collect(self) -> Iterator[Metric]:
        """A number for each state, and whether the last that ended had failed."""
        asked = jobs.known(self._index)
        states = Counter(job.state for job in asked)
        builds = GaugeMetricFamily("qa_builds", "Builds asked for.", labels=["state"])
        for state in get_args(jobs.State):
            builds.add_metric([state], states[state])
        yield builds
        ended = [job.state for job in asked if job.ended]
        failed = ended[-1:] == ["failed"]
        yield GaugeMetricFamily("qa_last_build_failed", "1: the last one failed.", failed)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"qa_generation_{name}", about, value=value)


def _counted() -> CollectorRegistry:
    """The counts of this process or, if there are several workers, of all of them."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
