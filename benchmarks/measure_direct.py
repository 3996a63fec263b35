"""How often is a direct answer right, if the sentence that answers is given?

    .venv/bin/python benchmarks/measure_direct.py SET …

SET is a folder with ``corpus.jsonl`` and ``queries.jsonl`` whose ``metadata`` has ``gold_answers`` and
``answer_starts``. Right: the gold answer stands in the direct one, or the direct one in the gold.
"""

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from qa_service.direct import find_direct, kind_asked
from qa_service.engines.lexical_tantivy import TantivyLexical
from qa_service.judging import plain
from qa_service.passages import split_sentences


def main() -> None:
    """Print, by set and kind of fact, how many were given and how many of them are right."""
    with tempfile.TemporaryDirectory() as folder:
        stems = TantivyLexical.create(Path(folder)).stems
    for folder in sys.argv[1:]:
        right: dict[str, list[bool]] = defaultdict(list)
        asked = 0
        for question, sentence, golds in sentences(Path(folder)):
            asked += 1
            span = find_direct(question, sentence, stems)
            if span is not None:
                hit = any(agree(sentence[slice(*span)], gold) for gold in golds)
                right[kind_asked(question)].append(hit)
                right["all"].append(hit)
        print(f"{folder}: {asked:,} answerable questions")
        for kind, hits in sorted(right.items()):
            print(f"   {kind:10}{len(hits):6} given{100 * sum(hits) / len(hits):8.1f} % right")


def sentences(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Each answerable question with the sentence that its first gold answer stands in, and the golds."""
    lines = (folder / "corpus.jsonl").open(encoding="utf-8")
    texts = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    for row in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8")):
        meta = row["metadata"]
        if meta["answerable"] and meta["answer_starts"]:
            text, at = texts[meta["context_id"]], meta["answer_starts"][0]
            spans = (span for span in split_sentences(text) if span[0] <= at < span[1])
            yield from ((row["text"], text[slice(*span)], meta["gold_answers"]) for span in spans)


def agree(one: str, other: str) -> bool:
    """Whether one stands in the other, as whole words."""
    first, second = (f" {plain(text)} " for text in (one, other))
    return first in second or second in first


if __name__ == "__main__":
    main()
