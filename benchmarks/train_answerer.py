"""Train the built-in answerer on question sets, and measure it on questions it has not seen.

    .venv/bin/python benchmarks/train_answerer.py --set QUESTIONS CORPUS [--set …] [--small] [--write]

Read by ``question_sets.py``. Five folds: each question is measured by models that were trained without its
fold. The reader has to be trained before; how to weigh it, and the confidence, are learned and measured on
articles that it has not seen.
"""

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from question_sets import Example, arguments, read_sets

from qa_service.engines import answerer_extractive as engine
from qa_service.engines.answerer_extractive import Linear, Read
from qa_service.engines.embedder_sentence_transformers import in_bf16, packaged_folder
from qa_service.engines.reader_minilm import MinilmReader

FOLDS = 5
FEW = 300
"""Sets of fewer questions count whole for the confidence, though the reader has seen most of their
articles: else a handful of their questions would be unanswerable."""
RIDGE = 2.0
STEPS = 400

READER = MinilmReader(packaged_folder, lambda: in_bf16("auto", "cpu"))
Floats = NDArray[np.float64]


def main() -> None:
    """Read, train, measure, and write if asked to."""
    args = arguments(__doc__, engine.WEIGHTS).parse_args()
    examples = read_sets(args)
    measure(examples)
    if args.write:
        models = train(examples)
        names = ("sentence", "both", "confidence")
        parts = {name: stored(model) for name, model in zip(names, models, strict=True)}
        engine.WEIGHTS.write_text(json.dumps(parts, indent=1) + "\n", encoding="utf-8")


def train(examples: Sequence[Example]) -> tuple[Linear, Linear, Linear]:
    """The models of the answerer; all but the first from what the reader has not seen."""
    useful = [e for e in examples if e.right.any()]
    sentence = listwise([(e.features, e.right) for e in useful], weights_of(useful))
    told = [e for e in useful if e.unseen]
    both = listwise([(columns(e, sentence), e.right) for e in told], weights_of(told))
    sizes = Counter(e.name for e in examples)
    asked = [e for e in examples if e.unseen or sizes[e.name] < FEW]
    rows = np.stack([engine.confidence_features(read(e, sentence, both), e.found) for e in asked])
    return sentence, both, logistic(rows, np.array([e.answerable for e in asked]), asked)


def columns(example: Example, sentence: Linear) -> Floats:
    """What the model of both weighs: the linear score and the reader's."""
    scores = sentence(example.features)
    return engine.beside_odds(example.features, scores, odds_of(example, scores))


def odds_of(example: Example, scores: Floats) -> Floats:
    """The reader's odds of the best sentences by ``scores``, each read once."""
    best = np.argsort(-scores, kind="stable")[: engine.READ].tolist()
    new = [i for i in best if i not in example.odds]
    titles = [example.found[example.sentences[i].place].release.title for i in new]
    pairs = [(title, example.sentences[i].text) for title, i in zip(titles, new, strict=True)]
    found = READER.read(example.query.text, pairs).tolist()
    example.odds.update(zip(new, found, strict=True))
    return np.array([example.odds[i] for i in best])


def weights_of(examples: Sequence[Example]) -> Floats:
    """Each set weighs the same."""
    sizes = Counter(e.name for e in examples)
    return np.array([1 / sizes[e.name] for e in examples])


def read(example: Example, sentence: Linear, both: Linear) -> Read:
    """What the answerer's ``read`` would give with these models."""
    scores = sentence(example.features)
    odds = odds_of(example, scores)
    return engine.ranked(example.sentences, example.features, scores, odds, both)


def listwise(lists: Sequence[tuple[Floats, Floats]], weights: Floats) -> Linear:
    """Softmax over each list against its right sentences (Cao et al. 2007), by Adam."""
    rows = np.vstack([features for features, _ in lists])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    width = max(len(right) for _, right in lists)
    padded = np.zeros((len(lists), width, rows.shape[1]))
    absent = np.full((len(lists), width), -1e9)
    wanted = np.zeros((len(lists), width))
    for i, (features, right) in enumerate(lists):
        padded[i, : len(right)] = (features - mean) / spread
        absent[i, : len(right)] = 0
        wanted[i, : len(right)] = right / right.sum()
    learned = np.zeros(rows.shape[1])
    momentum, variance = np.zeros_like(learned), np.zeros_like(learned)
    for step in range(1, STEPS + 1):
        scores = padded @ learned + absent
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        slope = np.einsum("i,ij,ijk->k", weights, likely - wanted, padded) / weights.sum()
        slope += RIDGE * learned / len(lists)
        momentum = 0.9 * momentum + 0.1 * slope
        variance = 0.999 * variance + 0.001 * slope**2
        pace = np.sqrt(variance / (1 - 0.999**step)) + 1e-8
        learned -= 0.05 * momentum / (1 - 0.9**step) / pace
    return Linear(mean, spread, learned)


def logistic(rows: Floats, answerable: NDArray[np.bool_], examples: Sequence[Example]) -> Linear:
    """Logistic regression; a set weighs as many as it has questions, its two classes the same."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    names, groups = (
        Counter(e.name for e in examples),
        Counter((e.name, e.answerable) for e in examples),
    )
    weights = np.array([names[e.name] / groups[e.name, e.answerable] / 2 for e in examples])
    model = LogisticRegression(C=0.02, max_iter=5000)
    model.fit((rows - mean) / spread, answerable, sample_weight=weights)
    return Linear(mean, spread, model.coef_[0], float(model.intercept_[0]))


def measure(examples: Sequence[Example]) -> None:
    """Print, by set, how often a right sentence is among the first 1, 2, 3, and the confidence's AUROC."""
    seen: dict[str, list[tuple[list[float], float, bool]]] = {}
    sizes = Counter(e.name for e in examples)
    for fold in range(FOLDS):
        models = train([e for e in examples if fold_of(e) != fold])
        for e in (e for e in examples if fold_of(e) == fold and (e.unseen or sizes[e.name] < FEW)):
            ranked = read(e, *models[:2])
            right = {(s.place, s.start) for s, r in zip(e.sentences, e.right, strict=True) if r}
            hits = [(s.place, s.start) in right for s in ranked.sentences]
            first = [float(any(hits[:n])) for n in (1, 2, 3)]
            row = engine.confidence_features(ranked, e.found)[None]
            sure = float(1 / (1 + np.exp(-models[2](row)[0])))
            for name in {e.name, *([f"{e.name} (not read)"] if e.unseen else [])}:
                seen.setdefault(name, []).append((first, sure, e.answerable))
    print(f"{'set':22}{'questions':>10}{'right@1':>9}{'right@2':>9}{'right@3':>9}{'AUROC':>8}")
    for name, rows in sorted(seen.items()):
        told = [first for first, _, answerable in rows if answerable]
        yes = np.array([sure for _, sure, answerable in rows if answerable])
        no = np.array([sure for _, sure, answerable in rows if not answerable])
        area = area_under(yes, no) if len(no) else 1.0
        print(f"{name:22}{len(rows):10}" + "".join(f"{m:9.3f}" for m in np.mean(told, axis=0))
              + f"{area:8.3f}")  # fmt: skip
        curve(yes, no)


def area_under(yes: Floats, no: Floats) -> float:
    """How often one of ``yes`` is greater than one of ``no``; ties half."""
    return float((yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean())


def fold_of(example: Example) -> int:
    """A question is in one fold, whatever it is asked over: else it would be measured by what it taught."""
    return zlib.crc32(example.query.text.encode()) % FOLDS


def curve(yes: Floats, no: Floats) -> None:
    """Risk and coverage: at each threshold the unanswerable declined and the answerable declined."""
    for threshold in (0.2, 0.3, 0.4, 0.5, 0.6):
        print(f"   at {threshold}: declines {(no < threshold).mean():.2f} of the unanswerable, "
              f"{(yes < threshold).mean():.2f} of the answerable")  # fmt: skip


def stored(model: Linear) -> dict[str, Any]:
    """A model as JSON, to five digits."""
    arrays = {"mean": model.mean, "spread": model.spread, "weights": model.weights}
    rounded = {name: [float(f"{v:.5g}") for v in array] for name, array in arrays.items()}
    return {"features": len(model.mean), **rounded, "bias": round(model.bias, 5)}


if __name__ == "__main__":
    main()
