"""How fast are passages embedded in a build, beside the raw model's ``encode`` at its best?

    .venv/bin/python benchmarks/bench_embedding.py --releases /path/to/corpus.jsonl --texts 1000

The texts are paragraphs of a JSON lines file (default: of the releases of the tests). The raw model is
tried in each batch size and precision; what a build does is the whole way through the cache of vectors, on
an empty one. Each is measured ``--rounds`` times, in turns, and the best counts. Where other work shares
the processors, texts a second of a processor hold better than those by the clock.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.engines.embedder_sentence_transformers import (
    SentenceTransformersEmbedder,
    in_bf16,
    packaged_folder,
)
from qa_service.index.embedding_cache import EmbeddingCache

BATCHES = (8, 16, 32, 64, 128)


def main() -> None:
    """Print the rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=Path)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    texts = paragraphs(given.releases)[: given.texts]
    ours = SentenceTransformersEmbedder()
    ours.embed_passages(texts[:8])
    precisions = ["fp32", "bf16"] if in_bf16("auto", "cpu") else ["fp32"]
    models = {precision: raw_model(precision) for precision in precisions}
    steps: dict[str, Callable[[], Any]] = {"a build": lambda: built(ours, texts)}
    for precision, model in models.items():
        for size in BATCHES:
            steps[f"raw {precision}, batches of {size}"] = lambda m=model, s=size: m.encode(
                texts, batch_size=s, normalize_embeddings=True, show_progress_bar=False
            )
    took = dict.fromkeys(steps, (np.inf, np.inf))
    for _ in range(given.rounds):
        for name, step in steps.items():
            began, worked = time.perf_counter(), time.process_time()
            step()
            spent = time.perf_counter() - began, time.process_time() - worked
            took[name] = (min(took[name][0], spent[0]), min(took[name][1], spent[1]))
    best = [
        min(spent[which] for name, spent in took.items() if name != "a build") for which in (0, 1)
    ]
    print(f"{len(texts):,} texts of {np.mean([*map(len, texts)]):.0f} characters")
    for name, (clock, worked) in took.items():
        print(
            f"{name:26}{len(texts) / clock:8.0f} a second{len(texts) / worked:8.0f} a second of a "
            f"processor; beside the best raw one {best[0] / clock:.2f}, {best[1] / worked:.2f}"
        )


def paragraphs(path: Path | None) -> list[str]:
    """Those of more than 60 characters."""
    folder = Path(__file__).parent.parent / "tests/data/corpus"
    lines = [line for p in [path] if p for line in p.open()] or [
        line for p in sorted(folder.glob("*.jsonl")) for line in p.open()
    ]
    texts = [json.loads(line)["text"] for line in lines if line.strip()]
    return [one for text in texts for one in text.split("\n\n") if len(one) > 60]


def raw_model(precision: str) -> Any:
    """sentence-transformers by itself."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    return model.bfloat16() if precision == "bf16" else model


def built(embedder: SentenceTransformersEmbedder, texts: list[str]) -> None:
    """As in a build: looked up, sorted, embedded, kept."""
    with tempfile.TemporaryDirectory() as name, EmbeddingCache(Path(name)) as cache:
        cache.embed(embedder, texts, lambda _n: None)


if __name__ == "__main__":
    main()
