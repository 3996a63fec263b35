"""Everything that can go wrong, as one tree.

    QaError                        CLI exit  HTTP
    ├── SettingsError                  2      500   a setting is missing or wrong
    ├── CorpusError                    3      500   a release cannot be read
    ├── GenerationError                4      503   the index cannot be used
    │   ├── GenerationMissing                       nothing has been published, or not under that id
    │   ├── GenerationCorrupt                       a file disagrees with the manifest
    │   ├── GenerationMismatch                      built by another embedder or schema
    │   └── GenerationLocked                        another build is at work
    ├── QueryError                     5      422   the caller's query is unusable
    │   └── NotFound                          404   no release or passage has that id
    │       └── ReleaseWithdrawn              410   it was withdrawn, or excluded
    ├── EngineError                    6      502   a model or remote engine failed
    │   └── EngineTimeout                     504   ... by not answering in time
    │       └── TookTooLong                   504   a request took longer than it may
    ├── AccessError                    7      401   who asks is not known
    │   └── Forbidden                         403   who asks may not do this
    ├── ServiceError                   8      503   the service cannot be reached, or has no room
    │   └── AnswersPaused                     503   answers are switched off; searches are not
    └── FetchError                     9      502   a page or feed could not be fetched

A message says what is wrong, where, and the command that mends it.
Finding nothing is not an error: it is an answer with status ``no_evidence``.
"""

from typing import ClassVar


class QaError(Exception):
    """The root: whatever this package raises on purpose."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"


class SettingsError(QaError):
    """A setting is missing or wrong."""

    exit_code = 2
    title = "A setting is wrong"


class CorpusError(QaError):
    """A release cannot be read."""

    exit_code = 3
    title = "A release cannot be read"


class GenerationError(QaError):
    """The index cannot be used."""

    exit_code = 4
    http_status = 503
    title = "The index cannot be used"


class GenerationMissing(GenerationError):
    """Nothing has been published, or not under that id."""

    title = "There is no such generation"


class GenerationCorrupt(GenerationError):
    """A file disagrees with the manifest."""

    title = "The index is damaged"


class GenerationMismatch(GenerationError):
    """Built by another embedder or schema than can be loaded here."""

    title = "The index was built by something else"


class GenerationLocked(GenerationError):
    """Another build is at work in the same index folder."""

    title = "Another build is at work"


class QueryError(QaError):
    """The caller's query is unusable."""

    exit_code = 5
    http_status = 422
    title = "The question cannot be used"


class NotFound(QueryError):
    """Nothing has that id or name: no release or passage of the current generation, job or model."""

    http_status = 404
    title = "Not found"


class ReleaseWithdrawn(NotFound):
    """The release was withdrawn, or excluded: it is no longer shown or answered from."""

    http_status = 410
    title = "This release was withdrawn"


class EngineError(QaError):
    """A model or a remote engine failed."""

    exit_code = 6
    http_status = 502
    title = "A model failed"


class EngineTimeout(EngineError):
    """A model or a remote engine did not answer in time."""

    http_status = 504
    title = "A model did not answer in time"


class TookTooLong(EngineTimeout):
    """A request took longer than it may."""

    title = "This took too long"


class AccessError(QaError):
    """Who asks is not known."""

    exit_code = 7
    http_status = 401
    title = "A key is needed"


class Forbidden(AccessError):
    """Who asks may not do this."""

    http_status = 403
    title = "The key may not do this"


class ServiceError(QaError):
    """The service cannot be reached, or has no room for another request."""

    exit_code = 8
    http_status = 503
    title = "The service cannot take the request"


class AnswersPaused(ServiceError):
    """Answers are switched off for now; searches and releases are not."""

    title = "Answers are paused"


class FetchError(QaError):
    """A page or feed could not be fetched."""

    exit_code = 9
    http_status = 502
    title = "A page could not be fetched"
