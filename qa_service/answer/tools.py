"""What an answerer may use of the published generation beside the passages found."""

from collections.abc import Sequence

import numpy as np

from qa_service.engines import Tools
from qa_service.search import Published, Stages
from qa_service.types import Passage, Vectors


def tools_for(published: Published, stages: Stages) -> Tools:
    """The indexes, the model, and the vectors that the search has made already."""

    def sentence_vectors(passage: Passage) -> Vectors:
        return published.sentence_vectors(passage.passage_id)

    def query_vectors(texts: Sequence[str]) -> Vectors:
        if new := [text for text in texts if text not in stages.embedded]:
            made = published.embedder.embed_queries(new)
            stages.embedded.update(zip(new, made, strict=True))
        return np.stack([stages.embedded[text] for text in texts])

    return Tools(published.lexical, published.embedder, sentence_vectors, query_vectors)
