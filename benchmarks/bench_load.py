"""How many answers a second does one server give to 1, 8 and 64 clients, and how long do they wait?

    .venv/bin/python benchmarks/bench_load.py [SECONDS]

Over the current generation of ``QA_INDEX_DIR`` (default: index/, built by ``qa build``), on loopback, with
the clients on the same processors. Read the ratios against one client.
"""

import asyncio
import sys

from loading import in_turn, questions, serving

from qa_service.settings import read_settings

CLIENTS = (1, 8, 64)


def main() -> None:
    """Print a line for each number of clients."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    index = read_settings().index_dir
    asked = questions(index)
    with serving(index) as (url, _):
        asyncio.run(in_turn(url, asked, 2, 2))
        print(
            f"{'clients':>8}{'answers/s':>11}{'ratio':>7}{'p50 ms':>9}{'p99 ms':>9}{'refused':>9}"
        )
        alone = 0.0
        for clients in CLIENTS:
            seen = asyncio.run(in_turn(url, asked, clients, seconds))
            rate = seen.count(200) / seconds
            alone = alone or rate
            print(
                f"{clients:8}{rate:11.1f}{rate / alone:7.2f}{seen.ms(0.5):9.1f}{seen.ms(0.99):9.1f}"
                f"{seen.count(503):9}"
            )
            assert not seen.bad, "a reply was neither an answer nor a refusal with Retry-After"
            assert not seen.lost, seen.lost


if __name__ == "__main__":
    main()
