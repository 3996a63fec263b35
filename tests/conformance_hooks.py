"""What no schema can say, for schemathesis: the first day of a period is not after the last one; and
how large a body may be. One that is larger is refused with 413, which the tool takes for acceptance; other
tests are about it.
"""

import json
from typing import Any

import schemathesis

from qa_service.app import BODY_MAX_BYTES


def in_order(given: Any) -> Any:
    """The same with its days in order, wherever they are."""
    if isinstance(given, list):
        return [in_order(one) for one in given]
    if not isinstance(given, dict):
        return given
    made = {name: in_order(value) for name, value in given.items()}
    days = [made.get("date_from"), made.get("date_to")]
    if all(isinstance(day, str) for day in days):
        made["date_from"], made["date_to"] = sorted(days)
    return made


@schemathesis.hook
def map_query(_context: schemathesis.HookContext, query: Any) -> Any:
    return in_order(query)


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    return in_order(body)


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    return not isinstance(body, dict) or len(json.dumps(body)) <= BODY_MAX_BYTES
