"""How soon does a reader see something: the first event of a streamed answer beside the search itself?

Over the current generation of ``QA_INDEX_DIR`` (default: index/, built by ``qa build``), with the
questions of ``bench_search.py``. A real server answers over a real socket; the search is called in the
same process, in turns, so that the ratios hold on a noisy machine. The aim: 1.5 at most.
"""

import http.client
import json
import logging
import threading
import time
from contextlib import closing
from statistics import median
from urllib.parse import urlencode

from bench_search import questions

from qa_service.app import create_app
from qa_service.index import open_current
from qa_service.search import search
from qa_service.settings import read_settings
from qa_service.types import Filters
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_engines

WARM_UP = 5


def main() -> None:
    """Print the medians and their ratios to the search's own time."""
    import uvicorn

    logging.disable(logging.INFO)
    settings = read_settings(allow_anonymous=True)
    config = uvicorn.Config(create_app(settings), port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    took: dict[str, list[float]] = {"search": []}
    try:
        with closing(open_current(settings.index_dir, make_engines(settings))) as generation:
            reading = Reading(settings.question_max_chars)
            asked = questions(generation)
            for question in asked:
                began = time.perf_counter()
                search(generation, understand(generation, question, Filters(), reading), 10)
                took["search"].append(1000 * (time.perf_counter() - began))
                for what, times in (("page", page(port, question)), ("API", api(port, question))):
                    took.setdefault(f"{what}: first event", []).append(times["status"])
                    took.setdefault(f"{what}: passages", []).append(times["passages"])
                    took.setdefault(f"{what}: answer", []).append(times["answer"])
            print(f"{generation.manifest.passages:,} passages, {len(asked):,} questions, p50")
    finally:
        server.should_exit = True
        thread.join()
    medians = {name: median(values[WARM_UP:]) for name, values in took.items()}
    for name, value in medians.items():
        print(f"{name:24}{value:8.2f} ms  {value / medians['search']:5.2f} x the search")


def page(port: int, question: str) -> dict[str, float]:
    """When each event of the page's own stream arrived, in milliseconds."""
    return _events(port, "GET", "/?" + urlencode({"q": question}), None)


def api(port: int, question: str) -> dict[str, float]:
    """When each event of ``POST /api/answer/stream`` arrived, in milliseconds."""
    return _events(port, "POST", "/api/answer/stream", json.dumps({"question": question}))


def _events(port: int, method: str, path: str, body: str | None) -> dict[str, float]:
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        began = time.perf_counter()
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        times: dict[str, float] = {}
        while line := reply.readline():
            if line.startswith(b"event: "):
                times[line[7:].decode().strip()] = 1000 * (time.perf_counter() - began)
        return times


if __name__ == "__main__":
    main()
