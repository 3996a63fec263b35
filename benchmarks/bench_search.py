"""How fast are a search and an answer beside the raw model, raw FAISS and raw tantivy?

Over the current generation of ``QA_INDEX_DIR`` (default: index/, built by ``qa build``), with the
titles and first words of its releases as subjects and as questions. Everything is measured in one run,
in turns, so that the ratios hold on a noisy machine; the milliseconds do not.
"""

import time
from collections.abc import Callable
from contextlib import closing
from statistics import median
from typing import Any

from qa_service.answer import ask
from qa_service.engines.dense_faiss import FILE
from qa_service.index import Generation, open_current
from qa_service.index.generation import DENSE
from qa_service.search import CANDIDATES, search
from qa_service.settings import read_settings
from qa_service.types import Filters
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_answerer, make_engines

QUESTIONS = 150
WORDS = 12


def main() -> None:
    """Print the medians and their ratios."""
    import faiss

    settings = read_settings()
    with closing(open_current(settings.index_dir, make_engines(settings))) as generation:
        answerer = make_answerer(settings)
        reading, threshold = Reading(settings.question_max_chars), settings.evidence_threshold
        flat = faiss.read_index(str(settings.index_dir / generation.generation_id / DENSE / FILE))
        steps: dict[str, Callable[[str], object]] = {
            "embedding the question": lambda q: generation.embedder.embed_queries([q]),
            "raw model + FAISS + tantivy": lambda q: raw(generation, flat, q),
            "search": lambda q: search(
                generation, understand(generation, q, Filters(), reading), 10
            ),
            "answer": lambda q: ask(generation, answerer, q, [], Filters(), 10, reading, threshold),
        }
        took: dict[str, list[float]] = {name: [] for name in steps}
        for question in questions(generation):
            for name, step in steps.items():
                began = time.perf_counter()
                step(question)
                took[name].append((time.perf_counter() - began) * 1000)
        medians = {name: median(values[5:]) for name, values in took.items()}
        print(f"{generation.manifest.passages:,} passages, {len(took['search']):,} questions, p50")
        for name, value in medians.items():
            against = value / medians["raw model + FAISS + tantivy"]
            more = value - medians["raw model + FAISS + tantivy"]
            print(f"{name:30}{value:8.2f} ms  {against:5.2f} x raw  {more:+7.2f} ms")
        print(f"{'answer / search':30}{medians['answer'] / medians['search']:8.2f}")


def questions(generation: Generation) -> list[str]:
    """Titles, or where there is none first words, cut short; every other one asked as a question."""
    releases = generation.catalogue.releases(Filters(), QUESTIONS, 0)
    texts = [release.title or release.text for release in releases]
    cut = [" ".join(text.split()[:WORDS]) for text in texts]
    cut[1::2] = [f"What was said about {text}?" for text in cut[1::2]]
    return (cut * (1 + 20 // len(cut)))[: max(20, len(cut))]


def raw(generation: Generation, flat: Any, question: str) -> None:
    """The parts of a search without what this project adds; ``flat``: the FAISS index by itself."""
    flat.search(generation.embedder.embed_queries([question]), CANDIDATES)
    generation.lexical.search(question, CANDIDATES, None)


if __name__ == "__main__":
    main()
