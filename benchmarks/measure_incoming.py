"""Mixed files, one in a hundred poisoned: all built, everything good found, everything bad named.

    python benchmarks/measure_incoming.py [--files 10000] [--read-only]

Prints how many files of each format are read in a second by one process, and as a ratio to plain text in
the same run; then reads (and, unless --read-only, builds) the whole, and checks it: each good release has a
word that no other has, which a search must find in it alone; each poisoned file must have a reason.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from invented import GOOD, POISON, invent, word

from qa_service.corpus import Limits, list_files, read_corpus, read_files
from qa_service.index import build, open_current
from qa_service.settings import Settings, read_settings
from qa_service.types import LeftOut, Reading, Release
from qa_service.wiring import make_engines, make_limits, make_plan, make_reading_options

EACH = 60
"""Files of a format for its throughput."""


def throughput(settings: Settings) -> None:
    """Print files a second for each reader."""
    rates: dict[str, float] = {}
    print(f"{'':8}{'files/s':>9}{'KB/s':>9}{'to text':>9}")
    for ending, make in GOOD.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for number in range(EACH):
                (folder / f"r{number}{ending}").write_bytes(make(invent(number, 6)))
            files = list_files(folder)
            size = sum(file.path.stat().st_size for file in files)
            once = Limits(processes=1)
            options = make_reading_options(settings)
            list(
                read_files(files[:2], options, once)
            )  # the process is started, its libraries loaded
            began = time.perf_counter()
            read = sum(isinstance(one, Reading) for one in read_files(files, options, once))
            took = time.perf_counter() - began
            assert read == EACH, f"{read} of {EACH} {ending}"
        rates[ending] = EACH / took
        ratio = rates[ending] / rates[".txt"]
        print(f"{ending:8}{rates[ending]:9.0f}{size / took / 1000:9.0f}{ratio:9.3f}", flush=True)


def write_mixed(folder: Path, count: int) -> tuple[list[int], list[str]]:
    """The numbers of the good files, and the names of the poisoned ones."""
    kinds, formats = itertools.cycle(POISON.items()), itertools.cycle(GOOD.items())
    made = {kind: make() for kind, (_, make) in POISON.items()}
    good, bad = [], []
    for number in range(count):
        part = folder / f"{number // 500:03}"
        part.mkdir(exist_ok=True)
        if number % 100 == 99:
            kind, (ending, _) = next(kinds)
            path = part / f"bad {number} {kind}{ending}"
            path.write_bytes(made[kind])
            bad.append(path.relative_to(folder).as_posix())
        else:
            ending, make = next(formats)
            (part / f"good-{number}{ending}").write_bytes(make(invent(number, 1)))
            good.append(number)
    return good, bad


def check(what: str, expected: Sequence[object], found: Sequence[object]) -> None:
    """Say whether they are the same."""
    missing, more = set(expected) - set(found), set(found) - set(expected)
    print(f"{what}: {len(set(expected) & set(found)):,} of {len(expected):,}", end="")
    print(f", missing {sorted(map(str, missing))[:5]}" if missing else "", end="")
    print(f", too many {sorted(map(str, more))[:5]}" if more else "")


def main() -> None:
    """Measure, read or build, and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--read-only", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        corpus, index = Path(name) / "corpus", Path(name) / "index"
        corpus.mkdir()
        settings = read_settings(corpus_dir=corpus, index_dir=index, read_timeout_s=10.0)
        throughput(settings)
        good, bad = write_mixed(corpus, given.files)
        began = time.perf_counter()
        if given.read_only:
            outcomes = list(
                read_corpus(corpus, make_reading_options(settings), make_limits(settings))
            )
            took = time.perf_counter() - began
            texts = {one.release_id: one.text for one in outcomes if isinstance(one, Release)}
            found = [
                n for n in good if any(word(n) in t for t in (texts.get(i) for i in _ids(n)) if t)
            ]
            named = [(one.source, one.reason) for one in outcomes if isinstance(one, LeftOut)]
        else:
            report = build(make_plan(settings), make_engines(settings), _bar)
            took = time.perf_counter() - began
            found = [n for n, times in _search(settings, good).items() if times == 1]
            named = [(one.source, one.reason) for one in report.manifest.left_out]
        verb = "read" if given.read_only else "built"
        print(f"{given.files:,} files {verb} in {took:.0f} s, {given.files / took:.0f} a second")
        check("good files found by their word", good, found)
        check("bad files named with a reason", bad, [source for source, reason in named if reason])
        for reason, times in Counter(reason[:70] for _, reason in named).most_common():
            print(f"    {times:4} {reason}")


def _ids(number: int) -> tuple[str, str]:
    return f"{number // 500:03}/good-{number}", f"json-{number}"


def _search(settings: Settings, good: Sequence[int]) -> dict[int, int]:
    """How many releases a search for the word of each good file finds."""
    generation = open_current(settings.index_dir, make_engines(settings))
    times = {}
    for number in good:
        numbers, _ = generation.lexical.search(word(number), 10, None)
        times[number] = len(set(generation.release_numbers(numbers).tolist()))
    generation.close()
    return times


def _bar(what: str, total: int | None) -> object:
    from qa_service.cli.options import progress

    return progress(what, total)


if __name__ == "__main__":
    main()
