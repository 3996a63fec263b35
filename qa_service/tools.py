"""The releases as tools of the Model Context Protocol (MCP), for assistants that can use them."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

from pydantic import Field, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from qa_service import __version__
from qa_service.api.answering import answer_body
from qa_service.api.releases import list_releases
from qa_service.api.searching import find
from qa_service.bodies import AnswerBody, FiltersBody, ReleasesQuery, SearchBody
from qa_service.engines import Answerer
from qa_service.errors import QaError, SettingsError
from qa_service.index import Serving
from qa_service.listings import ReleasesReply
from qa_service.replies import AnswerReply, ReleaseReply, SearchReply
from qa_service.settings import Settings

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

P = ParamSpec("P")
R = TypeVar("R")

PATH = "/mcp"
ABOUT = (
    "Press releases, searched and quoted. Every quote is exact: text[start:end] of its release. "
    "A status of no_evidence means that the releases do not say; do not fill in."
)
NEEDED = "MCP needs its library: pip install 'qa-service[mcp]'"

Query = Annotated[str, Field(description="What to look for, as a phrase or a question.")]
Question = Annotated[str, Field(description="A question in plain language.")]
K = Annotated[int, Field(description="How many passages, 1 to 100.")]
Limit = Annotated[int, Field(description="How many releases, 1 to 500.")]
Offset = Annotated[int, Field(description="How many to pass over, for the next page.")]
DateFrom = Annotated[str | None, Field(description="Releases of this day or later: 2022-05-01.")]
DateTo = Annotated[str | None, Field(description="Releases of this day or earlier.")]
Issuers = Annotated[list[str] | None, Field(description="Only of these issuers, as listed.")]


def is_installed() -> bool:
    """Whether the library is there."""
    return find_spec("mcp") is not None


def make_server(serving: Serving, answerer: Answerer, settings: Settings) -> "MCPServer":
    """A server of the tools ``search_releases``, ``get_release``, ``answer`` and ``list_releases``.

    Raises:
        SettingsError: the library is not installed.
    """
    if not is_installed():
        raise SettingsError(NEEDED)
    from mcp.server.mcpserver import MCPServer
    from mcp_types import ToolAnnotations

    server = MCPServer("press-releases", instructions=ABOUT, version=__version__)
    reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @server.tool(annotations=reading)
    @_with_reasons
    def search_releases(
        query: Query,
        k: K = 5,
        offset: Offset = 0,
        date_from: DateFrom = None,
        date_to: DateTo = None,
        issuer: Issuers = None,
    ) -> SearchReply:
        """Find the passages of the press releases that are nearest to a query, best first."""
        filters = {"date_from": date_from, "date_to": date_to, "issuer": issuer or []}
        body = SearchBody.model_validate({"q": query, "k": k, "offset": offset, **filters})
        with serving.generation() as generation:
            return find(body, generation, settings)

    @server.tool(annotations=reading)
    @_with_reasons
    def get_release(
        release_id: Annotated[str, Field(description="As a search or list gives it.")],
    ) -> ReleaseReply:
        """Read a whole press release."""
        with serving.generation() as generation:
            return ReleaseReply.of(generation.release(release_id), generation)

    @server.tool(annotations=reading)
    @_with_reasons
    def answer(
        question: Question,
        k: K = 10,
        date_from: DateFrom = None,
        date_to: DateTo = None,
        issuer: Issuers = None,
    ) -> AnswerReply:
        """Answer a question with exact quotes and citations, or say that the releases do not say."""
        filters = {"date_from": date_from, "date_to": date_to, "issuer": issuer or []}
        serving.check_answering()
        body = AnswerBody(question=question, k=k, filters=FiltersBody.model_validate(filters))
        with serving.generation() as generation:
            asked = answer_body(body, generation, answerer, settings)
            return AnswerReply.of(question, asked)

    @server.tool(name="list_releases", annotations=reading)
    @_with_reasons
    def list_all(
        limit: Limit = 20,
        offset: Offset = 0,
        date_from: DateFrom = None,
        date_to: DateTo = None,
        issuer: Issuers = None,
    ) -> ReleasesReply:
        """List the press releases, the newest first, with their titles, dates and issuers."""
        given = {"date_from": date_from, "date_to": date_to, "issuer": issuer or []}
        query = ReleasesQuery.model_validate({"limit": limit, "offset": offset, **given})
        with serving.generation() as generation:
            return list_releases(query, generation)

    return server


def _with_reasons(tool: Callable[P, R]) -> Callable[P, R]:
    """Our errors, and values that cannot be used, as failures whose reason the assistant can read."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return tool(*args, **kwargs)
        except QaError as error:
            raise ToolError(f"{error.title}: {error}") from error
        except ValidationError as error:
            reasons = (
                f"{one['loc'][0]}: {one['msg'].removeprefix('Value error, ')}"
                for one in error.errors()
            )
            raise ToolError("; ".join(reasons)) from error

    return told


class Endpoint:
    """The tools over streamable HTTP, without sessions; a 404 where the library is not installed."""

    def __init__(self, make: "Callable[[], MCPServer]", origins: Sequence[str]) -> None:
        self._make = make
        self._origins = origins
        self._app: ASGIApp | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take requests while the context lasts."""
        if not is_installed():
            yield
            return
        from mcp.server.transport_security import TransportSecuritySettings

        server = self._make()
        # which hosts may be named is the business of QA_ALLOWED_HOSTS, for every route alike
        anywhere = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._app = server.streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            json_response=True,
            transport_security=anywhere,
        )
        async with server.session_manager.run():
            yield
        self._app = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One message."""
        if self._app is None:
            raise HTTPException(404, NEEDED)
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        own = {f"{scheme}://{headers.get('host')}" for scheme in ("http", "https")}
        if origin and origin not in own and not {origin, "*"} & set(self._origins):
            raise HTTPException(
                403, f"pages of {origin} may not use this; QA_CORS_ORIGINS allows it"
            )
        await self._app(scope, receive, send)
