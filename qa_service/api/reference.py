"""The OpenAPI description: of what FastAPI writes, with a real example of every reply."""

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

ABOUT = """
Every quote is exact: `release.text[start:end] == quote`, in Unicode code points, from 0, end exclusive.
No evidence is an answer (`status: no_evidence`), not an error. Errors are `application/problem+json`
(RFC 9457) on every route.

`/api/v1/…` is version 1, which is also the current one, `/api/…`; `/api/v1/openapi.json` describes it
under its number. Fields may be added to replies within a version; nothing is taken away. How a version
would end is written in docs/api.md.

Every reply has `X-Request-ID` (yours, if you send one), `traceparent` and `Server-Timing`. Replies to GET
are tagged by generation (`ETag`): send it back as `If-None-Match` and get 304 as long as nothing was
published.
"""
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `qa keys add`."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
"""How a key is sent; whether one is needed is the service's setting."""
BUILDING = "/api/index"
"""Routes that need one always."""
EXAMPLES: dict[str, Any] = json.loads((files(__package__) / "examples.json").read_bytes())
"""A reply by the name of its model or, where it is no JSON of ours, by its route and media type; as the
service gave it over the first release."""


def describe(app: FastAPI) -> None:
    """Let the app describe itself with examples, under both names of the version."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=ABOUT,
                routes=app.routes,
            )
            schema["components"]["securitySchemes"] = SCHEMES
            schema["security"] = [{}, *({scheme: []} for scheme in SCHEMES)]
            for path, verbs in schema["paths"].items():
                for route in verbs.values():
                    _exemplify(route)
                    if path.startswith(BUILDING):
                        route["security"] = schema["security"][1:]
            app.openapi_schema = schema
        return app.openapi_schema

    def get_version_1() -> dict[str, Any]:
        """The same under ``/api/v1``, for clients that are made from it."""
        schema = openapi()
        paths = {
            path.replace("/api/", "/api/v1/", 1): schema["paths"][path] for path in schema["paths"]
        }
        return schema | {"paths": paths}

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents
    app.add_api_route("/api/openapi.json", get_version_1, include_in_schema=False)


def _exemplify(route: dict[str, Any]) -> None:
    for reply in route["responses"].values():
        for kind, content in reply.get("content", {}).items():
            model = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            name = model or f"{route['operationId']} {kind}"
            if name in EXAMPLES:
                content["example"] = EXAMPLES[name]
