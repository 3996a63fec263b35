"""Who may ask, how often, and under which name of the host."""

import base64
import binascii
import ipaddress
import math
import time
from collections.abc import Sequence
from pathlib import Path

from limits import RateLimitItem, parse_many
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qa_service.errors import AccessError, Forbidden, QaError, SettingsError
from qa_service.keys import PREFIX, Key, Keys
from qa_service.metrics import SHED
from qa_service.middlewares.windows import Windows
from qa_service.problems import problem
from qa_service.settings import Settings

OPEN = (
    "/healthz",
    "/readyz",
    "/docs",
    "/openapi.json",
    "/api/openapi.json",
    "/favicon.ico",
    "/embed.js",
)
OPEN_FOLDERS = ("/static/", "/static-offline-docs/")
ADMIN = ("/api/index", "/api/admin", "/metrics")
"""Routes that need a key with the scope ``admin``; of a server on loopback metrics are open."""
HEALTH = ("/healthz", "/readyz")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to ``host``."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings, keys: Keys) -> None:
    """Refuse to be reachable from other machines for anybody, unless that was said.

    Raises:
        SettingsError: with what to do.
    """
    if is_loopback(settings.host) or settings.allow_anonymous or keys.are_wanted():
        return
    raise SettingsError(
        f"QA_HOST={settings.host} is reachable from other machines: make a key with `qa keys add NAME`, "
        "or let anybody ask with --allow-anonymous"
    )


class Access:
    """Lets through who has the key that a route needs, or needs none.

    A key comes as ``Authorization: Bearer``, as ``X-API-Key`` or, from a browser's own box, as the
    password of ``Basic``. ``Basic`` may only ask: a browser sends it along with forms of other sites.
    """

    def __init__(self, app: ASGIApp, keys: Keys, settings: Settings) -> None:
        self._app = app
        self._keys = keys
        self._loopback = is_loopback(settings.host)
        self._anonymous = settings.allow_anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http" and not _is_open(scope["path"]):
            try:
                key = self._check(scope["path"], Headers(scope=scope))
            except QaError as error:
                await _refusal(error, scope)(scope, receive, send)
                return
            if key is not None:
                scope.setdefault("state", {})["principal"] = f"{key.name} ({key.key_id})"
        await self._app(scope, receive, send)

    def _check(self, path: str, headers: Headers) -> Key | None:
        secret, by_browser = _given(headers)
        admin = path.startswith(ADMIN) and not (path == "/metrics" and self._loopback)
        may_ask = self._anonymous or (self._loopback and not self._keys.are_wanted())
        if not secret.startswith(PREFIX) and may_ask and not admin:
            return None  # clients that insist on a key send any word
        key = self._keys.find(secret)
        if key is None:
            reason = "is not known, or was revoked" if secret else "is needed"
            raise AccessError(f"a key {reason}: Authorization: Bearer {PREFIX}…")
        if admin and (not key.may("admin") or by_browser):
            raise Forbidden(f"{path} needs a key with the scope admin, as a bearer token")
        return key


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def _given(headers: Headers) -> tuple[str, bool]:
    """The key that came with a request, or nothing; and whether a browser's box sent it."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip(), False
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2], True
        except (binascii.Error, ValueError):
            return "", True
    return headers.get("x-api-key", ""), False


def _refusal(error: QaError, scope: Scope) -> ASGIApp:
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    kind = "Basic" if wants_page else "Bearer"
    headers = {"WWW-Authenticate": f'{kind} realm="press releases"'}
    own = headers if error.http_status == 401 else {}
    return problem(error.http_status, error.title, str(error), own, scope["path"])


class Hosts:
    """Refuses requests under a name that is not the service's own (DNS rebinding)."""

    def __init__(self, app: ASGIApp, allowed: Sequence[str]) -> None:
        self._app = app
        self._allowed = [name.lower() for name in allowed]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse; whether the process is alive may be asked under any name."""
        if scope["type"] == "http" and scope["path"] not in HEALTH:
            host = Headers(scope=scope).get("host", "").lower()
            name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
            if not any(_is_named(name, allowed) for allowed in self._allowed):
                refusal = problem(400, "This host is not served here", f"Host: {host}")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_named(name: str, allowed: str) -> bool:
    """Whether it is the name, or below it: ``*.press.example``."""
    return name == allowed or (allowed.startswith("*") and name.endswith(allowed[1:]))


def parse_limits(text: str) -> list[RateLimitItem]:
    """Limits such as ``60/minute; 1000/hour``.

    Raises:
        SettingsError: it is none.
    """
    try:
        return parse_many(text)
    except ValueError as error:
        raise SettingsError(f"QA_RATE_LIMIT={text!r}: {error}; like 60/minute") from error


class RateLimit:
    """So many requests of one key or, without a key, of one address; the windows move.

    Workers that count in the same file (``shared``) hold the limit together.
    """

    def __init__(
        self, app: ASGIApp, limits: Sequence[RateLimitItem], shared: Path | None = None
    ) -> None:
        self._app = app
        self._limits = limits
        self._windows = Windows(shared)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with the time to come back."""
        if scope["type"] == "http" and not _is_open(scope["path"]):
            who = scope.get("state", {}).get("principal") or _neighbourhood(scope)
            if full := self._windows.take(self._limits, who):
                back = max(ends for _, ends in full)
                headers = {"Retry-After": str(max(1, math.ceil(back - time.time())))}
                SHED.labels("rate").inc()
                limits = ", ".join(str(limit) for limit, _ in full)
                refusal = problem(
                    429, "Too many requests", f"the limit is {limits}", headers, scope["path"]
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _neighbourhood(scope: Scope) -> str:
    """The caller's address; of an IPv6 address the part that one subscriber has."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
