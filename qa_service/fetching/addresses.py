"""Addresses as pages write them: what they mean, and one spelling of each."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

_TRACKING = re.compile(r"(?i)^(?:utm_\w+|fbclid|gclid|mc_[ce]id|ref_src)$")
_AS_IT_IS = "%/:=&?~+!$,;'@()*[]|"
"""What is not escaped: what is already, and what has a meaning."""


def address(written: str, base: str = "") -> str:
    """What ``written`` means on the page ``base``, as it is asked for: in ASCII (RFC 3987).

    Empty if it means nothing.
    """
    try:
        parts = urlsplit(urljoin(base, written.strip()))
        _ = parts.port  # which may be none
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        path, query = (quote(part, safe=_AS_IT_IS) for part in (parts.path, parts.query))
    except ValueError:
        return ""
    return urlunsplit((parts.scheme.lower(), host, path, query, ""))


def canonical(url: str) -> str:
    """One spelling of an address: no fragment, no tracking, no default port, host in small letters.

    What is no address is given back as it is.
    """
    meant = address(url)
    if not meant:
        return url
    parts = urlsplit(meant)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}.get(parts.scheme)
    netloc = host if parts.port in (None, default) else f"{host}:{parts.port}"
    kept = [
        pair
        for pair in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.match(pair[0])
    ]
    return urlunsplit((parts.scheme, netloc, parts.path or "/", urlencode(kept), ""))


def host_of(url: str) -> str:
    """The host of an address, with its port; empty if there is none."""
    return urlsplit(address(url)).netloc.lower()
