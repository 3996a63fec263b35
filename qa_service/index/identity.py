"""Who an index folder is, for engines elsewhere: what is theirs there must not be taken for another's."""

import secrets
from pathlib import Path

from qa_service.index.publishing import write_durably

FILE = ".identity"


def identity(index: Path) -> str:
    """Eight hexadecimal digits, the same for as long as the folder is; a copy of it is another.

    Made at the first call, which is a build's.
    """
    index.mkdir(parents=True, exist_ok=True)
    inode = str(index.stat().st_ino)
    path = index / FILE
    own, _, of = path.read_text().strip().partition(" ") if path.is_file() else ("", "", "")
    if of != inode or not own:
        own = secrets.token_hex(4)
        write_durably(path, f"{own} {inode}\n".encode())
    return own
