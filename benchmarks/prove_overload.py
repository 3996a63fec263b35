"""Ten times more questions than a server can answer: nothing accepted is lost, and it recovers at once.

    .venv/bin/python benchmarks/prove_overload.py [SECONDS]   (default 30)

Over the current generation of ``QA_INDEX_DIR``. Ends with 1 if a promise is broken.
"""

import asyncio
import sys
import time

from loading import Seen, at_rate, in_turn, questions, serving

from qa_service.settings import read_settings

TIMES = 10
AFTER_S = 5


def main() -> int:
    """Measure what it can do, flood it, and ask again."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    index = read_settings().index_dir
    asked = questions(index)
    with serving(index) as (url, _):
        asyncio.run(in_turn(url, asked, 2, 3))
        before = asyncio.run(in_turn(url, asked, 4, AFTER_S))
        rate = before.count(200) / AFTER_S
        flood = asyncio.run(at_rate(url, asked, TIMES * rate, seconds))
        ended = time.perf_counter()
        first = asyncio.run(at_rate(url, asked, 1, 1))
        recovered_ms = (time.perf_counter() - ended) * 1000
        after = asyncio.run(in_turn(url, asked, 4, AFTER_S))
    show("before, 4 clients", before)
    show(f"{TIMES} x {rate:.0f}/s for {seconds:.0f} s", flood)
    show("after, 4 clients", after)
    print(f"first answer after the flood: {recovered_ms:.0f} ms; statuses {list(first.took_s)}")
    whole = not (flood.lost or flood.bad or before.bad or after.bad)
    as_before = after.count(200) > 0.7 * before.count(200) and first.count(200) == 1
    print("kept" if whole and as_before else "BROKEN")
    return 0 if whole and as_before else 1


def show(what: str, seen: Seen) -> None:
    """One line."""
    statuses = {status: len(took) for status, took in sorted(seen.took_s.items())}
    refused = f", 503 p50 {seen.ms(0.5, 503):.0f} ms" if seen.count(503) else ""
    print(
        f"{what}: {statuses}, p50 {seen.ms(0.5):.0f} ms, p99 {seen.ms(0.99):.0f} ms{refused}, "
        f"lost {dict(seen.lost)}, malformed {seen.bad}"
    )


if __name__ == "__main__":
    sys.exit(main())
