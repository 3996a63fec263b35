"""A server under steady load while the index is rebuilt again and again: its memory grows by less than 5 %.

    .venv/bin/python benchmarks/prove_soak.py [SECONDS] [REBUILD_EVERY_S]   (default 120 and 15)

Half an hour with a rebuild every minute: 1800 60. Over copies of ``QA_CORPUS_DIR`` and ``QA_INDEX_DIR`` in
a temporary folder. Ends with 1 if memory grew more, or a request failed.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from loading import Seen, in_turn, memory_mb, questions, serving

from qa_service.settings import read_settings

ALLOWED = 1.05
CLIENTS = 2
PAUSE_S = 0.3
"""Of a client between two questions: the load is steady, not all that a machine can do."""
WARM = 0.25
"""The share of the time after which memory is compared: caches and allocators have filled by then."""


def main() -> int:
    """Load, rebuild, compare."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    every_s = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
    with tempfile.TemporaryDirectory() as folder:
        corpus, index = Path(folder) / "corpus", Path(folder) / "index"
        shutil.copytree(read_settings().corpus_dir, corpus)
        if read_settings().index_dir.is_dir():
            shutil.copytree(read_settings().index_dir, index)  # with its cache of vectors
        build(corpus, index)
        asked = questions(index)
        with serving(index) as (url, process):
            done = threading.Event()
            builder = threading.Thread(target=keep_building, args=(corpus, index, every_s, done))
            builder.start()
            asyncio.run(in_turn(url, asked, CLIENTS, seconds * WARM, PAUSE_S))
            warm = memory_mb(process.pid, "RssAnon")
            seen = asyncio.run(in_turn(url, asked, CLIENTS, seconds * (1 - WARM), PAUSE_S))
            end = memory_mb(process.pid, "RssAnon")
            done.set()
            builder.join()
        generations = len(list(index.glob("g*")))
    return verdict(seen, warm, end, generations)


def build(corpus: Path, index: Path) -> None:
    """One build, in a process of its own, as cron would."""
    command = [sys.executable, "-m", "qa_service"]
    own = {**os.environ, "QA_CORPUS_DIR": str(corpus), "QA_INDEX_DIR": str(index)}
    for verb in ("build", "prune"):
        subprocess.run([*command, verb], env=own, check=True, capture_output=True)


def keep_building(corpus: Path, index: Path, every_s: float, done: threading.Event) -> None:
    """A new release, and a build, every so often."""
    number = 0
    while not done.wait(every_s):
        number += 1
        text = f"Quay {number} was opened by the harbour office at {time.time():.0f}."
        (corpus / f"quay-{number}.txt").write_text(text)
        build(corpus, index)


def verdict(seen: Seen, warm: float, end: float, generations: int) -> int:
    """Print it; 0 if it held."""
    failed = {s: len(t) for s, t in seen.took_s.items() if s != 200} | dict(seen.lost)
    grown = end / warm
    print(
        f"{seen.count(200)} answers, failed {failed or 'none'}, {generations} generations kept; "
        f"memory {warm:.0f} → {end:.0f} MB, x {grown:.3f}"
    )
    return 0 if grown < ALLOWED and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
