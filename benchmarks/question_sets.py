"""Question sets, searched and labelled for training: which sentences found answer a question, if any.

A set is a JSONL file of questions and the ``corpus.jsonl`` they are about. Three forms of lines are read:

* ``question``, ``answerable``, ``answers`` and ``evidence`` with ``release_id`` and ``quote``;
* the same with ``start`` and ``end`` instead of the quote, and the spans of ``answers`` inside it: so are
  those in ``questions/``, which name releases that do not come with the project;
* BEIR's, with ``answerable``, ``context_id`` and ``answer_starts`` or ``selected_sentences`` in
  ``metadata``.

``questions/small.jsonl`` holds invented releases, one to six a line, with questions about them.
"""

import argparse
import json
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from qa_service.conversation import stand_alone
from qa_service.engines import Tools
from qa_service.engines import answerer_extractive as engine
from qa_service.index import Generation, build, open_current
from qa_service.search import look_up, search
from qa_service.sentences import Sentence, Terms, Weighing, sentences_of
from qa_service.settings import read_settings
from qa_service.types import Filters, Found, Query, Turn
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_engines, make_plan

SMALL = Path(__file__).with_name("questions") / "small.jsonl"
HELD_OUT = 0.25
"""Of the articles of each set, those that the reader is not trained on."""
ALONE = ", one"
"""Behind the name of a set: its questions, asked over one release."""
ONE_IN = 3
"""One question in so many is asked over the release it is about alone, too."""

Floats = NDArray[np.float64]


@dataclass
class Example:
    """A question with its sentences, which of them answer it, and what is computed on the way."""

    name: str
    answerable: bool
    query: Query
    found: list[Found]
    sentences: list[Sentence]
    features: Floats
    right: Floats
    odds: dict[int, float]
    answers: tuple[str, ...] = ()
    about: str = ""
    unseen: bool = False


def arguments(doc: str | None, weights: Path) -> argparse.ArgumentParser:
    """What training either model asks for."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", nargs=2, action="append", default=[], type=Path)
    parser.add_argument(
        "--small", action="store_true", help="the releases of questions/small.jsonl, too"
    )
    parser.add_argument("--write", action="store_true", help=f"write {weights}")
    return parser


def read_sets(args: argparse.Namespace) -> list[Example]:
    """All that were named, with what the reader must not see marked."""
    examples = [one for two in args.set for one in read_set(*two)]
    if args.small:
        examples += read_small(SMALL)
    found = [one for one in examples if one.sentences]
    mark_unseen(found)
    return found


def read_set(questions: Path, corpus: Path) -> Iterator[Example]:
    """Index the corpus (kept under ``index/.eval``), search every question, label the sentences."""
    general = questions.stem in ("questions", "queries")
    name = questions.parent.name if general else questions.stem
    rows = [json.loads(line) for line in questions.open(encoding="utf-8")]
    with opened(corpus, corpus.parent.name) as (generation, tools):
        terms = Terms(tools.lexical.stems, tools.lexical.rarity)
        for at, row in enumerate(tqdm(rows, desc=name)):
            everything = example(name, row, Filters(), generation, tools, terms)
            yield everything
            if at % ONE_IN == 0 and (release_id := evidence_release(row, everything)):
                one = Filters(release_ids=(release_id,))
                small = Terms(terms.stems, rarity_in(generation, release_id, terms.stems))
                yield example(f"{name}{ALONE}", row, one, generation, tools, small)


def read_small(path: Path) -> Iterator[Example]:
    """Each corpus of a line of ``path`` is indexed by itself, and asked about."""
    corpora = [json.loads(line) for line in path.open(encoding="utf-8")]
    for corpus in tqdm(corpora, desc=path.stem):
        with tempfile.TemporaryDirectory() as folder:
            wire = Path(folder, "corpus.jsonl")
            rows = [
                {"_id": one["id"], "title": one["title"], "text": one["text"]}
                | {"metadata": {"date": one["date"], "issuer": one["issuer"]}}
                for one in corpus["releases"]
            ]
            wire.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
            with opened(wire, f"small/{corpus['corpus']}") as (generation, tools):
                terms = Terms(tools.lexical.stems, tools.lexical.rarity)
                for row in corpus["questions"]:
                    own = row | {"release_id": corpus["corpus"]}
                    yield example(path.stem, own, Filters(), generation, tools, terms)


@contextmanager
def opened(corpus: Path, name: str) -> Iterator[tuple[Generation, Tools]]:
    """The corpus, indexed, and what an answerer is given of it."""
    settings = read_settings(index_dir=read_settings().index_dir / ".eval" / name)
    engines = make_engines(settings)
    build(make_plan(settings, corpus), engines, lambda what, total: tqdm(desc=what, total=total))
    with closing(open_current(settings.index_dir, engines)) as generation:
        yield (
            generation,
            Tools(
                generation.lexical,
                generation.embedder,
                lambda passage: generation.sentence_vectors(passage.passage_id),
                generation.embedder.embed_queries,
            ),
        )


def example(
    name: str, row: Any, filters: Filters, generation: Generation, tools: Tools, terms: Terms
) -> Example:
    """What is found for one question, with features and labels."""
    meta = row.get("metadata", row)
    turns = [turn_of(turn) for turn in meta.get("history", [])]
    text = row.get("question") or row["text"]
    reading = Reading(10_000)
    alone = stand_alone(text, turns, 2000)
    query = understand(generation, alone.question, filters, reading, alone.context)
    found = look_up(generation, search(generation, query, engine.PASSAGES), 0, engine.PASSAGES)
    sentences = sentences_of(found)
    about = str(row.get("release_id") or meta.get("context_id") or "")
    if not sentences:
        nothing = np.empty((0, 0))
        return Example(name, meta["answerable"], query, [], [], nothing, np.empty(0), {})
    features = Weighing(query, found, terms, tools.embedder.knows).features(sentences)
    features = engine.with_meaning(query.text, found, features, tools)
    right = np.array([float(is_right(s, found, row, meta)) for s in sentences])
    answers = answers_of(row, meta, generation)
    return Example(
        name, meta["answerable"], query, found, sentences, features, right, {}, answers, about
    )


def answers_of(row: Any, meta: Any, generation: Generation) -> tuple[str, ...]:
    """The gold answers, of whichever form."""
    told = [str(one) for one in meta.get("answers") or meta.get("gold_answers") or ()]
    for quote in row.get("evidence", []):
        for start, end in quote.get("answers", []):
            told.append(generation.release(quote["release_id"]).text[start:end])
    return tuple(told)


def evidence_release(row: Any, everything: Example) -> str:
    """The release that a corpus of one release would hold: that of the question, or the nearest.

    Only where releases have many passages: the service must not need a large corpus.
    """
    if "evidence" not in row and "release_id" not in row:
        return ""
    asked = [row["release_id"]] if "release_id" in row else []
    of_evidence = [quote["release_id"] for quote in row.get("evidence", [])]
    nearest = [found.release.release_id for found in everything.found[:1]]
    return str(next(iter(asked + of_evidence + nearest), ""))


def rarity_in(
    generation: Generation, release_id: str, stems: Callable[[str], list[str]]
) -> Callable[[str], float]:
    """The rarity of words as an index of this release alone would have it."""
    passages = [set(stems(p.text)) for p in generation.passages_of(release_id)]
    most = np.log1p((len(passages) + 0.5) / 0.5)

    def rarity(stem: str) -> float:
        having = sum(stem in words for words in passages)
        return float(np.log1p((len(passages) - having + 0.5) / (having + 0.5)) / most)

    return rarity


def turn_of(turn: dict[str, str]) -> Turn:
    """A turn in either form."""
    speaker = turn.get("role") or turn["speaker"]
    return Turn("user" if speaker == "user" else "assistant", turn["text"])


def is_right(sentence: Sentence, found: Sequence[Found], row: Any, meta: Any) -> bool:
    """Whether the sentence is one that the set's authors marked as the answer's evidence."""
    release = found[sentence.place].release
    if not meta["answerable"]:
        return False
    for quote in [*row.get("evidence", []), *row.get("also_evidence", [])]:
        if quote["release_id"] == release.release_id:
            start, end = span_of(quote, release.text)
            both = min(sentence.end, end) - max(sentence.start, start)
            if both > 0.5 * min(sentence.end - sentence.start, end - start):
                return True
    if release.release_id != meta.get("context_id"):
        return False
    starts = zip(meta.get("answer_starts", []), meta.get("gold_answers", []), strict=False)
    if any(sentence.start <= at and at + len(a) <= sentence.end for at, a in starts):
        return True
    marked = (letters(one) for group in meta.get("selected_sentences", []) for one in group)
    own = letters(sentence.text)
    return any(len(one) > 10 and (one in own or own in one) for one in marked)


def span_of(quote: Any, text: str) -> tuple[int, int]:
    """Where a quote of either form stands in its release."""
    if "quote" not in quote:
        return quote["start"], quote["end"]
    at = text.find(quote["quote"])
    return at, at + len(quote["quote"])


def letters(text: str) -> str:
    """Only letters and digits: sets differ in how they space punctuation."""
    return "".join(filter(str.isalnum, text))


def mark_unseen(examples: Sequence[Example]) -> None:
    """Mark those whose article the reader is not trained on: the same in every run and every set.

    The paragraphs of one article share its title; any other release is an article of its own.
    """
    having = defaultdict(set)
    for one in examples:
        for found in one.found:
            having[one.name, found.release.title].add(found.release.release_id)
    for one in examples:
        best = int(np.argmax(one.right)) if one.right.any() else 0
        titles = {found.release.release_id: found.release.title for found in one.found}
        about = one.about or one.found[one.sentences[best].place].release.release_id
        title = titles.get(about, "")
        shared = title and len(having[one.name, title]) > 1
        one.unseen = zlib.crc32((title if shared else about).encode()) < HELD_OUT * 2**32
