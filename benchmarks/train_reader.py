"""Train the reader on question sets, and measure it on articles it has not seen.

    .venv/bin/python benchmarks/train_reader.py --set QUESTIONS CORPUS [--set …] [--small] [--epochs 2]
        [--go-on] [--share 0.6] [--rate 7e-4] [--write]

Sets as ``question_sets.py`` reads them. A quarter of the articles of each set is kept for measuring.
Low-rank changes (Hu et al. 2021, arXiv:2106.09685) to the first layers of the packaged model; each
question's sentences compete with each other and with "none of these" (score 0). A quarter of the questions
that have an answer are shown without it: near misses. ``--go-on`` begins with the packaged weights;
``--share`` of the weights written are then those learned, the rest those begun with, for what is trained on
last is learned at the cost of what came before, and the mean has most of both (Wortsman et al. 2022,
arXiv:2203.05482).

The packaged weights were trained three times: on the development sets (SQuAD 2.0, CLAPNQ, MTRAG, four
fifths of ``prqa-dev``); two epochs, ``--go-on --rate 7e-4``, with ``questions/`` but the types why, said,
how, temporal, aggregate and false_premise, three fifths of the questions of SQuAD 2.0, and CLAPNQ; two
epochs more, ``--go-on --share 0.6 --rate 7e-4``, with all of ``questions/`` but ``small.jsonl``, and the
same two. Of what is kept back of SQuAD 2.0 the first training had seen a quarter; of ``questions/``, none.
"""

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from question_sets import ALONE, Example, arguments, read_sets
from torch import nn
from tqdm import tqdm
from train_answerer import area_under
from transformers import AutoModel, AutoTokenizer

from qa_service.engines.answerer_extractive import READ, models
from qa_service.engines.embedder_sentence_transformers import packaged_folder
from qa_service.engines.reader_minilm import MAX_PIECES, SCALE, WEIGHTS, pair_text
from qa_service.facts import FACTS

LAYERS = 4
RANK = 16
BATCH = 16
WITHOUT_ANSWER = 0.25
VAGUE = 0.25
"""Share of the questions whose answer is replaced by a word that tells nothing, in the right sentences."""
_INSTEAD: dict[str, tuple[str, ...]] = {
    "money": ("an undisclosed sum", "a sum of money", "some money"),
    "percent": ("a share", "a part"),
    "duration": ("some time", "a term"),
    "date": ("recently", "a later date", "some time ago"),
    "number": ("several", "a number of", "many"),
    "name": (
        "a man",
        "a company",
        "one of them",
        "an official",
        "a place",
        "a woman",
        "another firm",
    ),
    "": ("something", "it", "certain things"),
}
"""What may stand for a fact of a kind that is not told."""


class LowRank(nn.Module):
    """A frozen linear layer and what is added to its weights."""

    def __init__(self, frozen: nn.Linear) -> None:
        super().__init__()
        self.frozen = frozen
        self.a = nn.Parameter(torch.randn(RANK, frozen.in_features) / math.sqrt(frozen.in_features))
        self.b = nn.Parameter(torch.zeros(frozen.out_features, RANK))

    def forward(self, states: Any) -> Any:
        """Shape ``(…, out_features)``."""
        return self.frozen(states) + SCALE * (states @ self.a.T) @ self.b.T


class Pairs(nn.Module):
    """The first layers of the packaged model and a score of the first state and the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(packaged_folder(), local_files_only=True)
        self.bert = AutoModel.from_pretrained(packaged_folder(), local_files_only=True)
        self.bert.encoder.layer = self.bert.encoder.layer[:LAYERS]
        for weights in self.bert.parameters():
            weights.requires_grad = False
        for name, layer in list(self.bert.encoder.named_modules()):
            if isinstance(layer, nn.Linear):
                parent, _, own = name.rpartition(".")
                setattr(self.bert.encoder.get_submodule(parent), own, LowRank(layer))
        self.head = nn.Linear(2 * self.bert.config.hidden_size, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, pieces: Any) -> Any:
        """Shape ``(pairs,)``: log odds against "none of these"."""
        states = self.bert(**pieces).last_hidden_state
        there = pieces["attention_mask"].unsqueeze(-1).to(states.dtype)
        means = (states * there).sum(1) / there.sum(1)
        return self.head(torch.cat([states[:, 0], means], 1)).squeeze(-1)

    def take(self, stored: Any) -> None:
        """Begin with what :meth:`changes` gave once."""
        own = dict(self.named_parameters())
        with torch.no_grad():
            for name in stored:
                weights = own[name if name.startswith("head") else f"bert.{name}"]
                weights.copy_(torch.from_numpy(stored[name].astype(np.float32)))

    def changes(self) -> dict[str, Any]:
        """What was learned, by the names that ``reader_minilm`` expects, in half precision."""
        learned = {n: p for n, p in self.named_parameters() if p.requires_grad}
        return {
            name.removeprefix("bert."): weights.detach().numpy().astype(np.float16)
            for name, weights in learned.items()
        }


def main() -> None:
    """Read, train, measure after each epoch, and write if asked to."""
    parser = arguments(__doc__, WEIGHTS)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--go-on", action="store_true", help="begin with the packaged weights")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of what is learned in what is written"
    )
    args = parser.parse_args()
    random.seed(1)
    torch.manual_seed(1)
    examples = read_sets(args)
    examples = [e for e in examples if e.right.any() or not e.answerable]
    seen, unseen = ([e for e in examples if e.unseen is one] for one in (False, True))
    seen = [e for e in seen if not e.name.endswith(ALONE)]
    model = Pairs()
    if args.go_on:
        model.take(np.load(WEIGHTS))
    steps = args.epochs * math.ceil(len(seen) / BATCH)
    tuned = [weights for weights in model.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(tuned, lr=args.rate, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 60) * max(0.02, 1 - step / steps)
    )
    for epoch in range(args.epochs):
        for batch in tqdm(list(batches(seen)), desc=f"epoch {epoch + 1}"):
            learn(model, batch, tuned, optimizer)
            pace.step()
        measure(model, unseen)
    learned = model.changes()
    if args.go_on and args.share < 1:
        learned = mean(np.load(WEIGHTS), learned, args.share)
        model.take(learned)
        measure(model, unseen)
    if args.write:
        np.savez(WEIGHTS, **learned)


def mean(before: Any, learned: dict[str, Any], share: float) -> dict[str, Any]:
    """Each weight between what it was and what was learned, in half precision."""
    return {
        name: ((1 - share) * before[name] + share * weights.astype(np.float32)).astype(np.float16)
        for name, weights in learned.items()
    }


def batches(examples: Sequence[Example]) -> Iterator[list[Example]]:
    """In random order, but of like length."""

    def about_as_long(one: Example) -> float:
        return sum(len(sentence.text) for sentence in one.sentences[:READ]) + 400 * random.random()

    ordered = sorted(examples, key=about_as_long)
    cut = [ordered[at : at + BATCH] for at in range(0, len(ordered), BATCH)]
    random.shuffle(cut)
    yield from cut


def candidates(example: Example, with_right: bool) -> list[int]:
    """The sentences that are read: the best by the linear model, in training also two right ones."""
    best = np.argsort(-models().sentence(example.features), kind="stable")[:READ].tolist()
    right = np.flatnonzero(example.right).tolist() if with_right else []
    return best + [one for one in right if one not in best][:2]


def scored(model: Pairs, batch: Sequence[tuple[Example, list[int], Sequence[str]]]) -> list[Any]:
    """The scores of each question's candidates, as they are worded there."""
    pairs = [
        (e.query.text, pair_text(e.found[e.sentences[i].place].release.title, text))
        for e, chosen, texts in batch
        for i, text in zip(chosen, texts, strict=True)
    ]
    pieces = model.tokenizer(
        [asked for asked, _ in pairs], [said for _, said in pairs],
        truncation="longest_first", max_length=MAX_PIECES, padding=True, return_tensors="pt",
    )  # fmt: skip
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(pieces)
    return list(torch.split(scores.float(), [len(chosen) for _, chosen, _ in batch]))


def worded(example: Example, chosen: Sequence[int]) -> list[str]:
    """The candidates as they stand."""
    return [example.sentences[i].text for i in chosen]


def vague(text: str, answers: Sequence[str]) -> str:
    """The sentence with something that tells nothing in place of the answers; itself if none is in it."""
    for answer in sorted(answers, key=len, reverse=True):
        if answer in text and len(answer) < 0.6 * len(text):
            kinds = (k for k in list(_INSTEAD)[:5] if FACTS[k].fullmatch(answer))
            kind = next(kinds, "name" if re.search(r"[A-Z]", answer) else "")
            text = text.replace(answer, random.choice(_INSTEAD[kind]))
    return text


def learn(model: Pairs, batch: Sequence[Example], tuned: list[Any], optimizer: Any) -> None:
    """One step: the softmax of each list, and of none, against what is right."""
    model.train()
    read = []
    wanted = []
    for one in batch:
        chosen = candidates(one, with_right=True)
        right = one.right[chosen] > 0
        texts = worded(one, chosen)
        way = random.random()
        if right.any() and way < WITHOUT_ANSWER:
            chosen = [i for i, is_right in zip(chosen, right, strict=True) if not is_right]
            texts, right = worded(one, chosen), np.zeros(len(chosen), bool)
        elif right.any() and way < WITHOUT_ANSWER + VAGUE:
            told = [
                vague(text, one.answers) if r else text
                for text, r in zip(texts, right, strict=True)
            ]
            right = right & np.array([a == b for a, b in zip(told, texts, strict=True)])
            texts = told
        read.append((one, chosen, texts))
        wanted.append(torch.from_numpy(right))
    loss = torch.zeros(())
    for right, scores in zip(wanted, scored(model, read), strict=True):
        every = torch.cat([torch.zeros(1), scores])
        best = torch.cat([~right.any().reshape(1), right])
        loss = loss + torch.logsumexp(every, 0) - torch.logsumexp(every[best], 0)
    optimizer.zero_grad()
    (loss / len(batch)).backward()
    nn.utils.clip_grad_norm_(tuned, 1.0)
    optimizer.step()


def measure(model: Pairs, examples: Sequence[Example]) -> None:
    """By set, of the questions whose answer was found: right first and among three; and the AUROC."""
    model.eval()
    rows = defaultdict(list)
    with torch.no_grad():
        for one in tqdm(examples, desc="measuring"):
            chosen = candidates(one, with_right=False)
            scores = scored(model, [(one, chosen, worded(one, chosen))])[0].numpy()
            ways = (chosen, [chosen[i] for i in np.argsort(-scores, kind="stable")])
            hits = [[bool(one.right[i]) for i in way] for way in ways]
            rows[one.name].append((hits, float(scores.max()), one))
    print(
        f"{'articles not seen':22}{'linear @1':>10}{'@3':>7}{'reader @1':>11}{'@3':>7}{'AUROC':>8}"
    )
    for name, found in rows.items():
        able = [hits for hits, _, one in found if one.right.any()]
        shares = [
            np.mean([any(h[w][:n]) for h in able]) if able else 0 for w in (0, 1) for n in (1, 3)
        ]
        sure = [[s for _, s, one in found if one.answerable is can] for can in (True, False)]
        area = area_under(*map(np.array, sure))
        print(
            f"{name:22}"
            + "".join(f"{s:{w}.3f}" for s, w in zip(shares, (10, 7, 11, 7), strict=True))
            + f"{area:8.3f}"
        )


if __name__ == "__main__":
    main()
