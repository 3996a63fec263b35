from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HIT = set(
    "rank score passage_id release_id start end text title published issuer url page duplicates".split()
)
ANSWER = set(
    "status text citations passages question standalone_question confidence generation_id "
    "took_ms".split()
)
FERRY = "2024-03-05-lindholm-ferry"
QUESTIONS = [
    "How many turbines does the wind farm at Stormvik have?",
    "Who is the new chief executive of Nordfjell Energy?",
    "How many pupils does the school meals programme feed?",
    "What did Captain Reyes say about fares?",
    "What is the best recipe for banana bread?",
    "តើវេទិកាកំពង់ផែមានអ្វី?",
    "🐟🐟 fish? 👩‍👩‍👧",
    "What about \x00 and \u202e?",
]


def search(client: Any, **params: Any) -> dict[str, Any]:
    reply = client.get("/api/search", params=params)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def ask(client: Any, question: str, **more: Any) -> dict[str, Any]:
    reply = client.post("/api/answer", json={"question": question, **more})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def ids(found: dict[str, Any]) -> list[str]:
    return [hit["passage_id"] for hit in found["hits"]]


def release_text(client: Any, release_id: str) -> str:
    return str(client.get(f"/api/releases/{quote(release_id)}").json()["text"])


@pytest.mark.parametrize(
    "params",
    [
        {"q": "wind farm"},
        {"q": "harbour", "k": 2, "offset": 1, "explain": True},
        {"q": "Nordfjell", "issuer": ["Nordfjell Energy"], "date_to": "2024-01-01"},
        {"q": "ferry", "release_id": [FERRY, "wire-1"], "date_from": "2023-01-01"},
    ],
)
def test_a_search_by_get_and_by_post_is_the_same(client: Any, params: dict[str, Any]) -> None:
    got = search(client, **params)
    posted = client.post("/api/search", json=params).json()
    for one in (got, posted):
        assert one.pop("took_ms") >= 0
        (one["stages"] or {}).pop("took_ms", None)
    assert got == posted
    assert got["query"] == params["q"]


def test_a_hit_has_the_fields_that_were_promised_and_no_others(client: Any) -> None:
    found = search(client, q="electric ferries", k=100)
    assert found["hits"]
    for rank, hit in enumerate(found["hits"], 1):
        assert set(hit) == HIT
        assert hit["rank"] == rank
        assert hit["passage_id"] == f"{hit['release_id']}:{hit['start']}-{hit['end']}"


def test_scores_fall_and_no_passage_is_listed_twice(client: Any) -> None:
    hits = search(client, q="the port and the ministry", k=100)["hits"]
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit["passage_id"] for hit in hits}) == len(hits)


def test_dates_filter_and_include_their_day(client: Any) -> None:
    def dates(**params: str) -> set[str]:
        return {hit["published"] for hit in search(client, q="harbour", k=100, **params)["hits"]}

    day = "2024-02-09"
    assert dates(date_from=day, date_to=day) == {day}
    assert min(dates(date_from=day)) == day == max(dates(date_to=day))
    assert dates(date_from="2031-01-01") == set()


def test_issuer_and_release_id_can_be_repeated(client: Any) -> None:
    def hits(**params: Any) -> list[dict[str, Any]]:
        return list(search(client, q="the country", k=100, **params)["hits"])

    pair = ["Nordfjell Energy", "Ministry of Education"]
    assert {hit["issuer"] for hit in hits(issuer=pair[0])} == {pair[0]}
    assert {hit["issuer"] for hit in hits(issuer=pair)} == set(pair)
    assert {hit["release_id"] for hit in hits(release_id=["wire-1", FERRY])} == {"wire-1", FERRY}
    assert hits(release_id=["wire-1"], issuer=["Ministry of Education"]) == []
    assert hits(release_id=["no-such-release"]) == []


def test_pages_put_together_are_the_ranking(client: Any) -> None:
    whole = search(client, q="the minister said", k=9)
    pages = [search(client, q="the minister said", k=2, offset=at) for at in range(0, 9, 2)]
    together = [hit for page in pages for hit in page["hits"]][: len(whole["hits"])]
    assert [hit["rank"] for hit in together] == list(range(1, len(together) + 1))
    assert [hit["passage_id"] for hit in together] == ids(whole)
    assert search(client, q="the minister said", offset=1000)["hits"] == []


def test_explain_adds_the_ranking_of_each_stage(client: Any) -> None:
    found = search(client, q="wind farm turbines", k=4, explain=True)
    stages = found["stages"]
    assert {"lexical", "dense", "fused"} <= set(stages)
    for name in ("lexical", "dense", "fused"):
        assert [hit["rank"] for hit in stages[name]] == list(range(1, len(stages[name]) + 1))
        assert stages[name]
    assert [hit["passage_id"] for hit in stages["fused"]][:4] == ids(found)
    assert search(client, q="wind farm turbines")["stages"] is None


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_span_quotes_its_release(client: Any, question: str) -> None:
    reply = ask(client, question, k=100)
    assert reply["passages"]
    for hit in reply["passages"]:
        assert release_text(client, hit["release_id"])[hit["start"] : hit["end"]] == hit["text"]
    passages = {hit["passage_id"]: hit for hit in reply["passages"]}
    for cited in reply["citations"]:
        text = release_text(client, cited["release_id"])
        assert text[cited["start"] : cited["end"]] == cited["quote"]
        passage = passages[cited["passage_id"]]
        assert passage["start"] <= cited["start"] < cited["end"] <= passage["end"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_cited_or_says_that_there_is_no_evidence(client: Any, question: str) -> None:
    reply = ask(client, question)
    assert set(reply) >= ANSWER
    assert reply["question"] == question
    assert reply["text"].strip()
    assert 0 <= reply["confidence"] <= 1
    assert all(set(hit) == HIT for hit in reply["passages"])
    assert reply["status"] == ("answered" if reply["citations"] else "no_evidence")
    numbers = [cited["n"] for cited in reply["citations"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(f"[{n}]" in reply["text"] for n in numbers)
    assert f"[{len(numbers) + 1}]" not in reply["text"]


def test_a_question_that_the_releases_answer_is_answered(client: Any) -> None:
    reply = ask(client, QUESTIONS[0])
    assert reply["status"] == "answered"
    assert "24 turbines" in " ".join(cited["quote"] for cited in reply["citations"])


def test_earlier_turns_make_a_follow_up_stand_alone(client: Any) -> None:
    turns = [
        {"role": "user", "text": "What did Nordfjell Energy open at Stormvik?"},
        {"role": "assistant", "text": "A wind farm of 24 turbines. [1]"},
    ]
    alone, followed = ask(client, "What did it cost?"), ask(
        client, "What did it cost?", history=turns
    )  # fmt: skip
    assert alone["standalone_question"] == alone["question"] == followed["question"]
    assert "Stormvik" in followed["standalone_question"]
    assert followed["passages"][0]["release_id"] == "wire-1"


def test_filters_bind_answers_too(client: Any) -> None:
    reply = ask(client, QUESTIONS[0], filters={"issuer": ["Ministry of Education"]}, k=3)
    assert {hit["issuer"] for hit in reply["passages"]} == {"Ministry of Education"}
    assert all(cited["release_id"] == "wire-3" for cited in reply["citations"])


@pytest.mark.parametrize("kind", ["raw", "escaped"])
def test_a_release_id_may_hold_slashes(client: Any, kind: str) -> None:
    release_id = "harbour/lights"
    shown = quote(release_id, safe="/" if kind == "raw" else "")
    reply = client.get(f"/api/releases/{shown}")
    assert reply.status_code == 200
    release = reply.json()
    assert release["release_id"] == release_id
    assert release["passages"]
    for passage_id in release["passages"]:
        passage = client.get(f"/api/passages/{quote(passage_id)}").json()
        assert passage["passage_id"] == passage_id
        assert passage["release_id"] == release_id
        assert passage["text"] == release["text"][passage["start"] : passage["end"]]


def test_the_status_counts_what_can_be_read(client: Any) -> None:
    status = client.get("/api/status").json()
    hits = search(client, q="the", k=100)["hits"]
    assert status["releases"] >= len({hit["release_id"] for hit in hits}) > 1
    assert status["passages"] >= len(hits)
    assert status["problem"] is None
    assert status["date_from"] < status["date_to"]
    assert client.get("/readyz").json() == {
        "status": "ready",
        "generation_id": status["generation_id"],
    }
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_reference_describes_every_route_and_its_errors(client: Any) -> None:
    assert client.get("/docs").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    routes = [(path, route) for path, verbs in paths.items() for route in verbs.values()]
    assert len([path for path, _ in routes if path.startswith("/api/")]) >= 6
    for path, route in routes:
        assert route.get("description") or route.get("summary"), path
        if path.startswith("/api/"):
            errors = {s: r for s, r in route["responses"].items() if s >= "400"}
            assert errors, path
            assert all(set(r["content"]) == {"application/problem+json"} for r in errors.values())


@settings(max_examples=40, deadline=None)
@given(question=st.text(max_size=300))
def test_no_text_is_a_question_that_breaks_the_service(client: Any, question: str) -> None:
    reply = client.post("/api/answer", json={"question": question})
    assert reply.status_code == (200 if question.strip() else 422), reply.text
    assert client.get("/api/search", params={"q": question}).status_code == reply.status_code
