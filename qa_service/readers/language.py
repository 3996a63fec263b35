"""The language of a text, by its words and letters, where that is sure."""

import functools
import re
from typing import Any

LETTERS_MIN = 120
SURE = 0.99
_SAMPLE = 4000
_ENGLISH = set(
    "the of and to in for that with was were is are by on at from this which be has have had will an"
    " as it its their said not or who".split()
)
_ENGLISH_SHARE = 0.15
_THE_SHARE = 0.03
"""Of the words of an English text more than this are among those above, or "the"."""
MARKS = "[\u0300-\u036f\u0900-\u0dff\u0e30-\u0eff\u1000-\u109f\u17b4-\u17d3]"
"""Vowels and tones above and below letters, of which Khmer and Thai words have as many as letters."""

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LETTERS_A_WORD = 5


def word_count(text: str) -> int:
    """The words of a text; about as many where none stands between spaces, as in Khmer and Chinese."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // _LETTERS_A_WORD


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language, or nothing if there are too few letters to be sure."""
    sample = text[:_SAMPLE]
    if len(re.findall(r"[^\W\d_]", sample)) + len(re.findall(MARKS, sample)) < LETTERS_MIN:
        return ""
    words = re.findall(r"[^\W\d_]+", sample.lower())
    english = sum(word in _ENGLISH for word in words) > _ENGLISH_SHARE * len(words)
    if english and words.count("the") > _THE_SHARE * len(words):
        return "en"  # without the model, which takes most of a second to load
    language, probability = _identifier().classify(re.sub(r"https?://\S+|\S+@\S+|\d+", "", sample))
    return str(language) if probability >= SURE else ""


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
