from datetime import date

import numpy as np
import pytest
from conftest import CORPUS, SEED

from qa_service.corpus import ReadingOptions, read_corpus
from qa_service.passages import PassageSettings, split_release
from qa_service.sentences import FEATURES, Features, Sentence, Terms, Weighing, sentences_of
from qa_service.temporal import read_when
from qa_service.types import Found, Query, Release

RELEASES = [
    r
    for folder in (CORPUS, SEED)
    for r in read_corpus(folder, ReadingOptions())
    if isinstance(r, Release)
]
RARE = {"ferry": 0.9, "lindholm": 0.8, "minister": 0.1, "captain": 0.4}


def stems(text: str) -> list[str]:
    return [word.strip(".,:!?“”") for word in text.lower().split()]


TERMS = Terms(stems, lambda stem: RARE.get(stem, 0.5))


def found_in(*releases: Release) -> list[Found]:
    """Every passage of the releases, as if it had been retrieved in this order."""
    passages = [(p, r) for r in releases for p in split_release(r, PassageSettings())]
    return [Found(p, r, rank, 1 / rank) for rank, (p, r) in enumerate(passages, 1)]


def of_text(text: str, title: str = "") -> list[Found]:
    return found_in(Release("r", title, text, body_end=len(text)))


def weigh(question: str, found: list[Found], context: str = "", terms: Terms = TERMS) -> Features:
    return weigh_query(Query(question, context=context), found, terms)


def weigh_query(query: Query, found: list[Found], terms: Terms = TERMS) -> Features:
    return Weighing(query, found, terms).features(sentences_of(found))


def column(features: Features, name: str) -> list[float]:
    return [float(value) for value in features[:, FEATURES.index(name)]]


def test_every_sentence_is_exactly_its_span_of_its_release() -> None:
    found = found_in(*RELEASES)
    sentences = sentences_of(found)
    assert {sentence.place for sentence in sentences} == set(range(len(found)))
    for sentence in sentences:
        one = found[sentence.place]
        assert one.release.text[sentence.start : sentence.end] == sentence.text
        assert one.passage.start <= sentence.start < sentence.end <= one.passage.end


def test_a_sentence_knows_its_order_and_the_sentence_before_it() -> None:
    found = of_text("Ada spoke. Jonas listened. Both left.\n\nThe ferry sailed on, as it does.")
    sentences = sentences_of(found)
    before: dict[int, list[Sentence]] = {}
    for sentence in sentences:
        earlier = before.setdefault(sentence.place, [])
        assert sentence.order == len(earlier)
        assert sentence.before == (earlier[-1].text if earlier else "")
        earlier.append(sentence)


@pytest.mark.parametrize("question", ["Who met Captain Reyes?", "?", "of the", "ferry " * 300])
@pytest.mark.parametrize("context", ["", "The Lindholm ferry."])
def test_features_have_the_declared_shape_and_finite_values(question: str, context: str) -> None:
    found = found_in(*RELEASES)
    features = weigh(question, found, context)
    assert features.shape == (len(sentences_of(found)), len(FEATURES))
    assert features.dtype == np.float64
    assert np.isfinite(features).all()


def test_no_sentences_have_no_features() -> None:
    features = Weighing(Query("Who?"), found_in(*RELEASES), TERMS).features([])
    assert features.shape == (0, len(FEATURES))
    assert sentences_of([]) == []


@pytest.mark.parametrize("rarity", [0.0, 1.0])
def test_words_that_are_all_alike_rare_give_finite_features(rarity: float) -> None:
    terms = Terms(stems, lambda _stem: rarity)
    assert np.isfinite(weigh("Which ferry sails?", found_in(*RELEASES), terms=terms)).all()


def test_a_sentence_equal_to_the_question_has_all_its_words_and_pairs() -> None:
    question = "The Lindholm ferry took the captain home."
    features = weigh(question, of_text(f"{question} Nobody else waited there."))
    assert column(features, "words") == pytest.approx([1, 0])
    assert column(features, "pairs") == [1, 0]
    assert column(features, "focus") == pytest.approx([1, 0])
    assert column(features, "words_before") == [0, 1]
    assert column(features, "words_around") == [1, 1]


def test_a_rarer_word_weighs_more() -> None:
    features = weigh("ferry minister", of_text("A ferry sails here. A minister sails here."))
    for name in ("words", "focus"):
        ferry, minister = column(features, name)
        assert ferry > minister > 0
        assert ferry + minister == pytest.approx(1)


def test_common_words_weigh_nothing() -> None:
    features = weigh("What did the ferry do there?", of_text("What did she do there? A ferry!"))
    assert column(features, "words") == [0, 1]


def test_words_of_earlier_turns_count_apart_and_only_if_they_are_not_asked() -> None:
    found = of_text("The captain sails the ferry. The minister stays on land today.")
    features = weigh("Does the ferry sail?", found, context="captain ferry")
    assert column(features, "context_words") == [1, 0]
    assert column(features, "context_around") == [1, 1]
    assert column(weigh("Does the ferry sail?", found), "context_words") == [0, 0]


@pytest.mark.parametrize("rare", ["reconsider", "reconsideration"])
def test_words_that_are_cut_to_one_stem_weigh_as_the_rarest(rare: str) -> None:
    terms = Terms(stems, lambda stem: 1.0 if stem == rare else 0.0)
    found = of_text("They reconsider it. The ferry sails on.")
    once, twice = (
        column(weigh(question, found, terms=terms), "words")
        for question in (f"{rare} ferry", "reconsider reconsideration ferry")
    )
    assert once == pytest.approx(twice)


def test_a_fact_of_the_kind_asked_for_is_seen() -> None:
    found = of_text("They met on 13 May 2022 at noon. They met and they talked again.")
    dated = weigh("When did they meet?", found)
    assert column(dated, "fact") == [1, 0]
    assert column(dated, "no_fact") == [0, 1]
    undated = weigh("Did they meet?", found)
    assert column(undated, "fact") == column(undated, "no_fact") == [0, 0]
    known = weigh("When did they meet on 13 May 2022?", found)
    assert column(known, "fact") == [0, 0]


def test_the_period_that_the_releases_are_of_need_not_stand_in_a_sentence() -> None:
    found = of_text("The ferry sails. The captain reads.")
    question = "Which ferry sails in May 2022?"
    dated = Query(question, when=read_when(question, date(2026, 1, 1)))
    plain = Query("Which ferry sails in ?")
    assert weigh_query(dated, found).tolist() == weigh_query(plain, found).tolist()


def test_a_word_of_the_title_says_less_about_a_sentence() -> None:
    text = "A ferry sails here today. A captain sails here too."
    named, unnamed = (weigh("ferry captain", of_text(text, t)) for t in ("The ferry", "News"))
    assert column(named, "focus")[0] < column(unnamed, "focus")[0]
    assert column(named, "words_beyond_title") == [0, 1]


def test_what_stands_in_a_better_passage_is_known_by_its_rank_and_score() -> None:
    found = found_in(*RELEASES)
    features = weigh("Who met Captain Reyes?", found)
    places = [sentence.place for sentence in sentences_of(found)]
    assert column(features, "rank") == [1 / (place + 1) for place in places]
    assert column(features, "below_best") == [found[place].score - 1 for place in places]


def test_short_sentences_and_headings_are_marked() -> None:
    features = weigh("ferry", of_text("It sailed. The ferry sails at seven in the morning."))
    assert column(features, "short") == [1, 0]
    marked = weigh("ferry", of_text("The two sides agreed on this:"))
    assert (column(marked, "colon"), column(marked, "short")) == ([1], [0])


@pytest.mark.parametrize(("knows", "share"), [("Europe", 1.0), ("", 0.5)])
def test_a_common_word_that_no_release_has_is_no_name_that_is_missing(
    knows: str, share: float
) -> None:
    found = of_text("Lindholm spoke of the war between two of its neighbours.")
    query = Query("Which war in Europe did Lindholm speak of?")
    features = Weighing(query, found, TERMS, lambda word: word.lower() == knows.lower()).features(
        sentences_of(found)
    )
    assert column(features, "names_here") == pytest.approx([share])
