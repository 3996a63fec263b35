"""What a user of HTTP APIs expects of any route: ids, tags, pages, versions, origins, exports."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient
from test_app import assert_problem

from qa_service import bodies, listings, replies
from qa_service import status as statuses
from qa_service.api import building, chat_shapes
from qa_service.api.exporting import as_csv, as_ris
from qa_service.app import create_app
from qa_service.settings import Settings
from qa_service.types import Found, Passage, Release

QUERY = {"q": "the minister said"}
CHAT = {"model": "press-releases", "messages": [{"role": "user", "content": "Who?"}]}
TAGGED = [
    "/api/search?q=port",
    "/api/releases",
    "/api/releases/wire-1",
    "/api/search/export?q=port",
]


def made_of(text: str, **more: Any) -> Found:
    release = Release("a", more.pop("title", "Title"), text, **more)
    return Found(Passage(f"a:0-{len(text)}", "a", 0, len(text), text), release, 1, 0.5)


@pytest.fixture(scope="module")
def reference(client: Any) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json())


def routes_of(reference: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in reference["paths"].items():
        for verb, route in verbs.items():
            yield f"{verb.upper()} {path}", route


def test_the_reference_is_openapi_3_1_and_has_an_example_of_every_reply(
    reference: dict[str, Any],
) -> None:
    assert reference["openapi"].startswith("3.1")
    described = (replies, listings, statuses, chat_shapes, building)
    models = {name: model for part in described for name, model in vars(part).items()}
    for name, route in routes_of(reference):
        replied = {code: reply for code, reply in route["responses"].items() if code < "300"}
        kinds = [pair for reply in replied.values() for pair in reply["content"].items()]
        assert kinds, name
        for kind, content in kinds:
            assert content.get("example"), f"{name}: {kind}"
            model = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if model:
                models[model].model_validate(content["example"])
                assert set(content["example"]) == set(models[model].model_fields), model


def test_the_reference_has_an_example_of_every_parameter_that_has_to_be_given(
    reference: dict[str, Any],
) -> None:
    for name, route in routes_of(reference):
        for parameter in route.get("parameters", []):
            assert "examples" in parameter["schema"] or not parameter["required"], name


def test_events_in_the_reference_are_those_that_a_stream_sends(
    client: Any, reference: dict[str, Any]
) -> None:
    for path, body in (
        ("/api/answer/stream", {"question": "Who?"}),
        ("/v1/chat/completions", CHAT | {"stream": True}),
    ):
        replied = reference["paths"][path]["post"]["responses"]["200"]["content"]
        example = replied["text/event-stream"]["example"]
        sent = client.post(path, json=body).text
        shown, real = (
            re.findall(r"^event: (\w+)$", text, re.MULTILINE) for text in (example, sent)
        )
        assert shown == real
        for line in re.findall(r"^data: (?!\[DONE\])(.*)$", example, re.MULTILINE):
            assert json.loads(line)


def test_the_reference_shows_what_can_be_asked_and_what_an_error_looks_like(
    reference: dict[str, Any],
) -> None:
    for verbs in reference["paths"].values():
        for verb, route in verbs.items():
            body = route.get("requestBody", {}).get("content", {}).get("application/json", {})
            if verb == "post" and "$ref" in body.get("schema", {}):
                name = body["schema"]["$ref"]
                schema = reference["components"]["schemas"][name.rpartition("/")[2]]
                if "examples" in schema and hasattr(bodies, schema["title"]):
                    for example in schema["examples"]:
                        getattr(bodies, schema["title"]).model_validate(example)
            for status, reply in route["responses"].items():
                if status >= "400":
                    example = reply["content"]["application/problem+json"]["example"]
                    assert bodies.Problem.model_validate(example).status == int(status)


def test_the_reference_says_how_a_key_is_sent_and_where_one_is_always_needed(
    reference: dict[str, Any],
) -> None:
    assert set(reference["components"]["securitySchemes"]) == {"bearer", "header"}
    assert {} in reference["security"]
    for path, verbs in reference["paths"].items():
        for route in verbs.values():
            needed = {} not in route.get("security", reference["security"])
            assert needed == path.startswith("/api/index"), path


def test_operations_are_named_after_their_functions(reference: dict[str, Any]) -> None:
    ids = [
        route["operationId"] for verbs in reference["paths"].values() for route in verbs.values()
    ]
    assert len(ids) == len(set(ids))
    assert {"get_search", "post_search", "post_answer", "get_release"} <= set(ids)


def test_the_page_of_the_reference_asks_no_other_host(client: Any) -> None:
    page = client.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    for address in addresses:
        assert address.startswith("/"), address
        assert client.get(address).status_code == 200, address


def test_version_1_is_the_current_one_and_describes_itself(
    client: Any, reference: dict[str, Any]
) -> None:
    numbered = client.get("/api/v1/openapi.json").json()
    assert {path.replace("/v1", "", 1) for path in numbered["paths"] if "/v1/" in path} >= {
        path for path in reference["paths"] if path.startswith("/api/")
    }
    for path in ("/search?q=port", "/releases/harbour%2Flights", "/status", "/releases"):
        current, version_1 = client.get(f"/api{path}"), client.get(f"/api/v1{path}")
        assert version_1.status_code == 200
        assert {**version_1.json(), "took_ms": 0} == {**current.json(), "took_ms": 0}
    assert_problem(client.get("/api/v2/status"), 404)


def test_pages_of_a_search_are_linked_and_their_total_is_told(client: Any) -> None:
    address = "/api/search?q=the+minister+said&limit=4&issuer="
    address, seen, total = address.removesuffix("&issuer="), [], set()
    while address:
        reply = client.get(address)
        body = reply.json()
        total.add(body["total"])
        seen += [hit["passage_id"] for hit in body["hits"]]
        following = reply.links.get("next")
        address = urljoin(address, following["url"]) if following else ""
    assert len(seen) == len(set(seen))
    assert total == {len(seen)}
    first = client.get("/api/search", params=QUERY | {"k": 4, "offset": 4})
    assert {"first", "prev", "next", "last"} == set(first.links)
    assert "offset=0" in first.links["prev"]["url"]


def test_k_and_limit_are_the_same(client: Any) -> None:
    one, other = (
        client.get("/api/search", params=QUERY | p).json() for p in ({"k": 3}, {"limit": 3})
    )
    assert one["hits"] == other["hits"]
    assert len(one["hits"]) == 3


def test_releases_are_listed_the_newest_first_page_by_page(client: Any) -> None:
    whole = client.get("/api/releases").json()
    assert whole["total"] == client.get("/api/status").json()["releases"] == len(whole["releases"])
    dated = [one["published"] for one in whole["releases"] if one["published"]]
    assert dated == sorted(dated, reverse=True)
    page = client.get("/api/releases", params={"limit": 2, "offset": 2})
    assert page.json()["releases"] == whole["releases"][2:4]
    assert set(page.links) >= {"first", "prev", "next"}
    own = client.get("/api/releases", params={"issuer": "Nordfjell Energy"}).json()
    assert own["total"] == len(own["releases"]) >= 1
    assert {one["issuer"] for one in own["releases"]} == {"Nordfjell Energy"}
    assert_problem(client.get("/api/releases", params={"limit": 501}), 422)


def test_the_reference_says_which_replies_are_not_sent_again(reference: dict[str, Any]) -> None:
    described = {name for name, route in routes_of(reference) if "304" in route["responses"]}
    paths = ("search", "search/export", "releases", "releases/{release_id}")
    assert described == {f"GET /api/{path}" for path in (*paths, "passages/{passage_id}")}


@pytest.mark.parametrize("address", TAGGED)
def test_a_reply_that_the_caller_has_is_not_sent_again(client: Any, address: str) -> None:
    reply = client.get(address)
    tag = reply.headers["etag"]
    assert client.get("/api/status").json()["generation_id"] in tag
    for given in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.get(address, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["vary"] == "Accept-Encoding"
    assert client.get(address, headers={"If-None-Match": 'W/"older"'}).status_code == 200


def test_a_request_id_is_taken_given_back_or_made(client: Any) -> None:
    given = client.get("/healthz", headers={"X-Request-ID": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    made = [client.get("/healthz").headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    for bad in ("x" * 129, "a b", "<script>", 'a"b'):
        assert client.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"] != bad


def test_a_trace_goes_on_under_its_id(client: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    reply = client.get("/healthz", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    _, trace_id, span_id, flags = reply.headers["traceparent"].split("-")
    assert (trace_id, flags) == (trace, "01")
    assert span_id != "00f067aa0ba902b7"
    for bad in ("", "rubbish", f"00-{'0' * 32}-00f067aa0ba902b7-01"):
        made = client.get("/healthz", headers={"traceparent": bad}).headers["traceparent"]
        assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-00", made)


@pytest.mark.parametrize("path", ["/api/no-such-route", "/api/search", "/api/releases/none"])
def test_errors_have_their_ids_and_headers_too(client: Any, path: str) -> None:
    reply = client.get(path, headers={"X-Request-ID": "mine"})
    assert reply.status_code >= 400
    assert reply.headers["x-request-id"] == "mine"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_the_time_of_each_stage_is_told(client: Any) -> None:
    for reply in (
        client.get("/api/search", params=QUERY),
        client.get("/api/search/export", params=QUERY),
        client.post("/api/answer", json={"question": "Who?"}),
        client.post("/v1/chat/completions", json=CHAT),
        client.post("/v1/chat/completions", json=CHAT | {"stream": True}),
    ):
        told = dict(re.findall(r"(\w+);dur=([\d.]+)", reply.headers["server-timing"]))
        assert {"lexical", "embed", "dense", "fuse", "total"} <= set(told)
        assert float(told["total"]) >= float(told["embed"])
        assert ("answer" in told) == (reply.request.method == "POST")


def test_long_replies_are_compressed(client: Any) -> None:
    reply = client.get("/api/search", params=QUERY, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    plain = client.get("/api/search", params=QUERY, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json()["hits"] == reply.json()["hits"]


def test_only_pages_of_the_sites_that_were_named_may_read_replies(
    settings: Settings, client: Any
) -> None:
    site = {"Origin": "https://press.example"}
    assert "access-control-allow-origin" not in client.get("/healthz", headers=site).headers
    opened = TestClient(create_app(settings.model_copy(update={"cors_origins": site["Origin"]})))
    named = opened.get("/healthz", headers=site)
    assert named.headers["access-control-allow-origin"] == site["Origin"]
    assert "ETag" in named.headers["access-control-expose-headers"]
    other = opened.get("/healthz", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
    for path, sent in (
        ("/api/answer", "content-type, x-api-key, traceparent"),
        ("/v1/chat/completions", "authorization, x-stainless-os"),
        ("/mcp", "content-type, mcp-protocol-version"),
    ):
        asked = site | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": sent,
        }
        assert opened.options(path, headers=asked).status_code == 200
        asked["Origin"] = "https://other.example"
        assert opened.options(path, headers=asked).status_code == 400


def test_a_batch_is_its_searches_and_a_bad_one_stops_no_other(client: Any) -> None:
    searches = [{"q": "wind farm", "k": 2}, {"q": " "}, {"q": "ferry", "explain": True}]
    reply = client.post("/api/v1/search:batch", json={"searches": searches}).json()
    first, second, third = reply["replies"]
    assert first["hits"] == client.post("/api/search", json=searches[0]).json()["hits"]
    assert (second["status"], second["title"]) == (422, "The question cannot be used")
    assert third["stages"]["fused"]
    assert {one["generation_id"] for one in (first, third)} == {reply["generation_id"]}


def test_the_reference_admits_a_blank_search_only_where_it_stops_no_other(
    reference: dict[str, Any],
) -> None:
    parts = reference["components"]["schemas"]
    item = parts["BatchBody"]["properties"]["searches"]["items"]["$ref"].rpartition("/")[2]
    assert "pattern" not in parts[item]["properties"]["q"]
    assert parts["SearchBody"]["properties"]["q"]["pattern"] == r"\S"
    assert set(parts[item]["properties"]) == set(parts["SearchBody"]["properties"])


@pytest.mark.parametrize(
    "body", [{}, {"searches": []}, {"searches": [{"q": "x"}] * 101}, {"searches": [{"k": 1}]}]
)
def test_a_batch_that_cannot_be_read_is_a_problem(client: Any, body: dict[str, Any]) -> None:
    assert_problem(client.post("/api/search:batch", json=body), 422)


def export(client: Any, kind: str) -> Any:
    reply = client.get("/api/search/export", params=QUERY | {"format": kind, "limit": 5})
    assert reply.status_code == 200
    assert f'filename="search.{kind}"' in reply.headers["content-disposition"]
    return reply


def test_an_export_has_the_hits_of_the_search(client: Any) -> None:
    hits = client.get("/api/search", params=QUERY | {"limit": 5}).json()["hits"]
    lines = export(client, "jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == hits
    rows = list(csv.DictReader(io.StringIO(export(client, "csv").text, newline="")))
    assert [(row["release_id"], int(row["start"]), row["text"]) for row in rows] == [
        (hit["release_id"], hit["start"], hit["text"]) for hit in hits
    ]
    records = export(client, "ris").text.split("\r\n\r\n")[:-1]
    ids = [re.findall(r"^ID  - (.*?)\r?$", record, re.MULTILINE) for record in records]
    assert [one for [one] in ids] == list(dict.fromkeys(hit["release_id"] for hit in hits))
    assert_problem(client.get("/api/search/export", params=QUERY | {"format": "exe"}), 422)


def test_a_release_cannot_put_a_formula_into_a_spreadsheet() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        [row] = csv.DictReader(io.StringIO(as_csv([made_of(text, title=text)]), newline=""))
        assert row["text"] == f"'{text}"
        assert row["title"] == f"'{text}"


def test_a_release_cannot_end_its_ris_record() -> None:
    text = "One line.\nER  - \nTY  - JOUR\nTI  - Forged"
    record = as_ris([made_of(text, title="A\r\nER  - ", published=date(2024, 5, 1))])
    assert record.count("\nER  - ") == 1
    assert re.findall(r"^TY  - (\w+)", record, re.MULTILINE) == ["GEN"]
    assert "DA  - 2024/05/01/\r\n" in record


@pytest.mark.parametrize("field", ["dates", "spelling", "as_of", "date_from"])
def test_a_number_is_neither_a_truth_value_nor_a_day(client: Any, field: str) -> None:
    reply = client.post("/api/search", json={"q": "port", field: 0})
    assert_problem(reply, 422)
    assert field in reply.json()["detail"]
    assert_problem(client.get("/api/releases", params={"date_to": "0"}), 422)
    counted = client.post("/api/search", json={"q": "port", "offset": False})
    assert_problem(counted, 422)
    asked = {"dates": "0", "spelling": "1", "as_of": "2022-05-01", "date_from": "2000-01-01"}
    assert client.get("/api/search", params={"q": "port"} | asked).status_code == 200
