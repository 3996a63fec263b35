"""What does one more release cost, beside a full build and beside a corpus of that release alone?

    .venv/bin/python benchmarks/bench_incremental.py 100000 --releases /path/to/corpus.jsonl

Releases are those of a JSON lines file in the layout of BEIR (default: the releases of the tests), and
above their number new ones put together from their paragraphs. Vectors come from a stand-in for the model
that takes no time, so that what is measured is all the rest; the model's share is one release's in both
cases. The full build is one into an empty folder.
"""

import argparse
import contextlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from qa_service.index import BuildPlan, BuildReport, Engines, build
from qa_service.settings import read_settings
from qa_service.types import Vectors
from qa_service.wiring import DENSE, LEXICAL, make_plan

ROOT = Path(__file__).parent.parent
FILES = 500
"""Releases in one file of the corpus."""


class NoModel:
    """Vectors out of the air, the same for the same text."""

    fingerprint = "none@1"
    dim = 384

    def reads(self, _text: str) -> bool:
        """Every language."""
        return True

    def knows(self, _word: str) -> bool:
        """No word."""
        return False

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Noise: nothing here searches."""
        rows = np.random.default_rng(len(texts)).standard_normal((len(texts), self.dim), np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    embed_queries = embed_passages


def main() -> None:
    """Print the seconds of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", nargs="?", type=int, default=10_000)
    parser.add_argument("--releases", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = list(read_releases(given.releases))
        big, one = folder / "big", folder / "one"
        write_corpus(big / "corpus", source, given.passages)
        (one / "corpus").mkdir(parents=True)
        tables = {
            "a full build": run(big),
            "nothing changed": run(big),
            "one release more": changed(big, add),
            "one more": changed(big, add),
            "one of these edited": changed(big, edit),
            "one of these removed": changed(big, remove),
            "an old one edited": changed(big, edit_old),
            "an old one removed": changed(big, remove_old),
            "a hundred more at once": changed(big, add_hundred),
            "a thousand more at once": changed(big, add_thousand),
            "one of each file removed": changed(big, remove_of_each),
            "that one release alone": changed(one, add),
        }
        size = tables["a full build"][0].manifest.passages
        print(f"{size:,} passages, {tables['a full build'][0].manifest.releases:,} releases")
        alone = tables["that one release alone"][2]
        for what, (report, took, worked) in tables.items():
            steps = ", ".join(f"{step} {s:.2f}" for step, s in report.took_s.items() if s > 0.005)
            cost = f"{worked:8.2f} s of a processor{worked / alone:8.1f} x alone"
            print(f"{what:24}{took:9.2f} s{cost}   {steps}")


def read_releases(path: Path | None) -> Iterator[dict[str, Any]]:
    """Records with ``_id``, ``title``, ``text`` and ``metadata``."""
    for file in [path] if path else sorted((ROOT / "tests/data/corpus").glob("*.jsonl")):
        for line in filter(None, file.read_text().split("\n")):
            yield json.loads(line)


def write_corpus(folder: Path, source: list[dict[str, Any]], passages: int) -> None:
    """About so many passages, 500 releases to a file."""
    folder.mkdir(parents=True)
    paragraphs = [p for one in source for p in one["text"].split("\n\n") if len(p) > 60]
    draw = random.Random(1)
    count, number, lines = 0, 0, []
    while count < passages:
        made = dict(source[number % len(source)], _id=f"release-{number:07}")
        if number >= len(source):
            made["text"] = "\n\n".join(draw.choices(paragraphs, k=10))
        count += sum(len(p) > 60 for p in made["text"].split("\n\n"))
        lines.append(json.dumps(made))
        number += 1
        if len(lines) == FILES or count >= passages:
            (folder / f"wire-{number:07}.jsonl").write_text("\n".join(lines))
            lines = []


def run(folder: Path) -> tuple[BuildReport, float, float]:
    """Build; the seconds that it took, and those that a processor worked for it (parsers aside)."""
    plan: BuildPlan = make_plan(
        read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index")
    )
    engines = Engines(lambda _spec: NoModel(), DENSE.__getitem__, LEXICAL.__getitem__)
    began, worked = time.perf_counter(), time.process_time()
    report = build(plan, engines, silent)
    return report, time.perf_counter() - began, time.process_time() - worked


def changed(folder: Path, change: Any) -> tuple[BuildReport, float, float]:
    """Change the corpus, then build; older generations are removed to save the disk."""
    change(folder / "corpus")
    report, took, worked = run(folder)
    for old in (folder / "index").glob("g*"):
        if old.name != report.manifest.generation_id:
            shutil.rmtree(old)
    return report, took, worked


def add(corpus: Path) -> None:
    """One release of eight paragraphs."""
    number = len(list(corpus.glob("new-*.txt")))
    paragraphs = (f"The mayor of Norwick opened quay {number}.{n} on Monday." for n in range(8))
    (corpus / f"new-{number}.txt").write_text("\n\n".join(p * 3 for p in paragraphs))


def edit(corpus: Path) -> None:
    """A word of one release."""
    path = corpus / "new-0.txt"
    path.write_text(path.read_text().replace("Monday", "Tuesday"))


def remove(corpus: Path) -> None:
    """One release."""
    (corpus / "new-1.txt").unlink()


def add_hundred(corpus: Path) -> None:
    """A hundred such releases."""
    for _ in range(100):
        add(corpus)


def add_thousand(corpus: Path) -> None:
    """A thousand."""
    for _ in range(10):
        add_hundred(corpus)


def remove_of_each(corpus: Path) -> None:
    """The first release of each of the files that were there from the beginning."""
    for path in corpus.glob("wire-*.jsonl"):
        path.write_text(path.read_text().partition("\n")[2])


def edit_old(corpus: Path) -> None:
    """A word of one release that was there from the beginning."""
    change_old(corpus, lambda lines: [lines[0].replace("the", "a"), *lines[1:]])


def remove_old(corpus: Path) -> None:
    """One release that was there from the beginning."""
    change_old(corpus, lambda lines: lines[1:])


def change_old(corpus: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the first file."""
    path = min(corpus.glob("wire-*.jsonl"))
    path.write_text("\n".join(change(path.read_text().split("\n"))))


def silent(_what: str, _total: int | None) -> Any:
    """No bar."""
    return contextlib.nullcontext(SimpleNamespace(update=lambda _n: None))


if __name__ == "__main__":
    main()
