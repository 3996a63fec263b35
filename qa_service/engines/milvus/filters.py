"""What a passage's release can be filtered by, as scalar fields of a collection, and filters over them."""

import json
from collections.abc import Iterator
from typing import Any

from qa_service.engines import Allowed, Facets
from qa_service.types import Filters, Numbers

LONGEST = 512
"""Characters of a value that are kept; who filters by a longer one gets the releases by number."""

MOST_FIELDS = 4096
"""Values of the fields of one release: what an array of the server holds at most."""

AT_ONCE = 16_000
"""Numbers named in a filter at once."""

INDEXED = ("release", "published", "issuer", "language")
UNDATED = 0


def add_fields(schema: Any) -> None:
    """The scalar fields of a collection."""
    from pymilvus import DataType

    longest_bytes = LONGEST * 4
    schema.add_field("number", DataType.INT64, is_primary=True)
    schema.add_field("release", DataType.INT64)
    schema.add_field("published", DataType.INT64)
    for name in ("issuer", "language"):
        schema.add_field(name, DataType.VARCHAR, max_length=longest_bytes)
    schema.add_field(
        "fields",
        DataType.ARRAY,
        element_type=DataType.VARCHAR,
        max_capacity=MOST_FIELDS,
        max_length=longest_bytes,
    )


def as_row(number: int, facets: Facets) -> dict[str, Any]:
    """The scalar fields of one passage."""
    return {
        "number": number,
        "release": facets.release,
        "published": facets.published.toordinal() if facets.published else UNDATED,
        "issuer": facets.issuer[:LONGEST],
        "language": facets.language[:LONGEST],
        "fields": [_pair(name, value)[:LONGEST] for name, value in facets.fields[:MOST_FIELDS]],
    }


def expressions(allowed: Allowed | None) -> Iterator[str]:
    """Filters whose hits together are what is allowed; an empty one: everything.

    One over the scalar fields where they can say it; else some that name releases or passages.
    """
    if allowed is None:
        yield ""
    elif len(allowed.releases) == len(allowed.passages) == 0:
        return
    elif allowed.filters is not None and (said := _over_fields(allowed.filters)):
        yield said
    elif allowed.filters is not None or len(allowed.passages) == 0:
        yield from among("release", allowed.releases)
    else:
        yield from among("number", allowed.passages)


def among(name: str, numbers: Numbers) -> Iterator[str]:
    """Filters that each name no more numbers than the server takes."""
    for start in range(0, len(numbers), AT_ONCE):
        yield f"{name} in {numbers[start : start + AT_ONCE].tolist()}"


def _over_fields(filters: Filters) -> str | None:
    """The same filters over scalar fields, if they can be said so.

    Days that a text mentions, and ids of releases, are not there.
    """
    if filters.periods or filters.release_ids:
        return None
    of_metadata: dict[str, list[str]] = {}
    for name, value in filters.metadata:
        of_metadata.setdefault(name, []).append(_pair(name, value))
    named = [("issuer", filters.issuers), ("language", filters.languages)]
    values = [
        *filters.issuers,
        *filters.languages,
        *(v for one in of_metadata.values() for v in one),
    ]
    if any(len(value) > LONGEST or not value.isprintable() for value in values):
        return None
    parts = [f"{name} in {_literals(wanted)}" for name, wanted in named if wanted]
    parts += [f"array_contains_any(fields, {_literals(one)})" for one in of_metadata.values()]
    if filters.date_from is not None or filters.date_to is not None:
        parts.append(f"published > {UNDATED}")
    if filters.date_from is not None:
        parts.append(f"published >= {filters.date_from.toordinal()}")
    if filters.date_to is not None:
        parts.append(f"published <= {filters.date_to.toordinal()}")
    return " and ".join(parts) if parts else None


def _pair(name: str, value: str) -> str:
    """A field and its value in one string, no two of which are equal."""
    return f"{name.replace('%', '%25').replace('=', '%3D')}={value}"


def _literals(values: list[str] | tuple[str, ...]) -> str:
    """As a list of the server's language, which quotes as JSON does."""
    return json.dumps(list(values), ensure_ascii=False)
