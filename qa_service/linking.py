"""Files that are written once and never again: a second name for one is as good as a copy."""

import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy where the file system has no such links."""
    try:
        os.link(source, target)
    except OSError:  # what else is wrong with the folder, copying says
        shutil.copyfile(source, target)
