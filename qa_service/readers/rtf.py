"""Rich Text Format, by striprtf."""

import re
from dataclasses import replace

from qa_service.errors import CorpusError
from qa_service.readers.extract import Block, Extract, compose, facts_from
from qa_service.readers.letterhead import usable_title

_TITLE = re.compile(r"\{\\title ([^{}\\]{1,300})\}")


def read_rtf(data: bytes) -> Extract:
    """One release.

    Raises:
        CorpusError: damaged, or without text.
    """
    from striprtf.striprtf import rtf_to_text

    source = data.decode("latin-1")
    try:
        text = rtf_to_text(source, errors="replace")  # type: ignore[no-untyped-call]
    except (ValueError, IndexError, KeyError, LookupError, TypeError, RecursionError) as error:
        raise CorpusError(f"not readable RTF ({error}): it may be damaged") from error
    lines = (re.sub(r"[ \r]+", " ", line).strip() for line in text.split("\n"))
    extract = compose(Block(line) for line in lines)
    if not extract.text:
        raise CorpusError("the RTF file has no text")
    title = _TITLE.search(source)
    return replace(
        extract, facts=facts_from("file properties", title=usable_title(title[1]) if title else "")
    )
