"""Generations of the index: built, published atomically, opened, verified, pruned.

The one package that opens a file in ``index/``.
"""

from qa_service.engines import Bar, Progress
from qa_service.index.build import build
from qa_service.index.generation import Engines, Generation, open_current
from qa_service.index.identity import identity
from qa_service.index.manifest import EmbedderSpec, Manifest
from qa_service.index.pausing import pause, resume
from qa_service.index.plan import BuildPlan, BuildReport
from qa_service.index.publishing import (
    current_id,
    generation_ids,
    manifest_of,
    prune,
    publish,
    trim_cache,
    verify,
)
from qa_service.index.serving import Serving
from qa_service.index.shares import Share, ShareReport, embed_share, take_vectors

__all__ = [
    "Bar",
    "BuildPlan",
    "BuildReport",
    "EmbedderSpec",
    "Engines",
    "Generation",
    "Manifest",
    "Progress",
    "Serving",
    "Share",
    "ShareReport",
    "build",
    "current_id",
    "embed_share",
    "generation_ids",
    "identity",
    "manifest_of",
    "open_current",
    "pause",
    "prune",
    "publish",
    "resume",
    "take_vectors",
    "trim_cache",
    "verify",
]
