"""How often a sentence in somebody's own words is found again: `measure_paraphrase.py CLAPNQ_DIR`.

People wrote CLAPNQ's answers from sentences that its authors marked. Each sentence of an answer that is
not verbatim is looked for in its own passage, and in the passage of another question.
"""

import json
import sys
import tempfile
from pathlib import Path

from qa_service.engines.lexical_tantivy import TantivyLexical
from qa_service.passages import sentence_texts
from qa_service.quoting import find_paraphrased, find_quote
from qa_service.sentences import COMMON


def rows(path: Path) -> list[dict]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def main(folder: Path) -> None:
    """Print the shares."""
    texts = {row["_id"]: row["text"] for row in rows(folder / "corpus.jsonl")}
    lexical = TantivyLexical.create(Path(tempfile.mkdtemp()))
    common = set(lexical.stems(COMMON))

    def telling(text: str) -> set[str]:
        return set(lexical.stems(text)) - common

    queries = [q for q in rows(folder / "queries.jsonl") if q["metadata"]["gold_answers"]]
    ids = [q["metadata"]["context_id"] for q in queries]
    own = found = marked = strange = 0
    for place, query in enumerate(queries):
        text = texts[ids[place]]
        other = texts[next(i for i in ids[place + 1 :] + ids if i != ids[place])]
        evidence = " ".join(s for part in query["metadata"]["selected_sentences"] for s in part)
        for said in sentence_texts(query["metadata"]["gold_answers"][0]):
            if len(telling(said)) < 3 or find_quote(said, text):
                continue
            own += 1
            span = find_paraphrased(said, text, telling)
            found += span is not None
            marked += span is not None and text[slice(*span)].strip()[:60] in evidence
            strange += find_paraphrased(said, other, telling) is not None
    print(f"{own} sentences, not verbatim: found in their passage {found / own:.1%}, of these in")
    print(f"evidence {marked / found:.1%}; found in another question's passage {strange / own:.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
