"""Mail (EML): the body is a release, and so is each file attached to it."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.utils import parseaddr

from qa_service.errors import CorpusError
from qa_service.readers.dates import parse_date
from qa_service.readers.extract import Extract, Fact, check_characters, facts_from
from qa_service.readers.html import read_html

_REPLY = re.compile(r"(?i)^(?:(?:re|fwd?|aw|wg|tr)\s*:\s*)+")


def read_mail(data: bytes) -> tuple[Extract | None, tuple[tuple[str, bytes], ...]]:
    """The release in the body, if there is one, and the attached files by name.

    Raises:
        CorpusError: no mail, or neither text nor attachment.
    """
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        files = tuple(_attached(message))
        body = _body(message)
        headers = _headers(message)
    except CorpusError:
        raise
    except Exception as error:  # the parser lets through whatever a damaged header provokes
        raise CorpusError(f"not a readable mail ({error})") from error
    if body is None and not files:
        raise CorpusError("the mail has neither text nor an attached file")
    return (replace(body, facts=(*body.facts, *headers)) if body else None), files


def _headers(message: EmailMessage) -> tuple[Fact, ...]:
    name, _ = parseaddr(str(message.get("From", "")))
    return facts_from(
        "mail header",
        title=_REPLY.sub("", str(message.get("Subject", ""))),
        issuer=name,
        published=parse_date(str(message.get("Date", ""))),
    )


def _body(message: EmailMessage) -> Extract | None:
    part = message.get_body(("plain", "html"))
    if part is None:
        return None
    if part.get_content_subtype() == "html":
        return read_html(part.get_payload(decode=True) or b"", part.get_content_charset() or "")  # type: ignore[arg-type]
    text = check_characters(str(part.get_content()).replace("\r\n", "\n"))
    text = re.split(r"\n-- \n", text, maxsplit=1)[0].strip("\n")
    return Extract(text) if text.strip() else None


def _attached(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    for part in message.iter_attachments():
        name, data = part.get_filename() or "", part.get_payload(decode=True)
        if name and isinstance(data, bytes):
            yield re.sub(r"[^\w. -]+", "-", name), data
