import inspect
from collections.abc import Iterator

import pytest

from qa_service import errors
from qa_service.errors import QaError


def every_error() -> Iterator[type[QaError]]:
    for _, member in inspect.getmembers(errors, inspect.isclass):
        if issubclass(member, QaError):
            yield member


EXPECTED = {
    "QaError": (1, 500),
    "SettingsError": (2, 500),
    "CorpusError": (3, 500),
    "GenerationError": (4, 503),
    "GenerationMissing": (4, 503),
    "GenerationCorrupt": (4, 503),
    "GenerationMismatch": (4, 503),
    "GenerationLocked": (4, 503),
    "QueryError": (5, 422),
    "NotFound": (5, 404),
    "ReleaseWithdrawn": (5, 410),
    "EngineError": (6, 502),
    "FetchError": (9, 502),
    "EngineTimeout": (6, 504),
    "TookTooLong": (6, 504),
    "AccessError": (7, 401),
    "Forbidden": (7, 403),
    "ServiceError": (8, 503),
    "AnswersPaused": (8, 503),
}


@pytest.mark.parametrize("error", list(every_error()))
def test_every_error_has_the_exit_code_and_status_of_the_table(error: type[QaError]) -> None:
    assert (error.exit_code, error.http_status) == EXPECTED[error.__name__]


@pytest.mark.parametrize("error", list(every_error()))
def test_every_error_stands_in_the_tree_that_the_module_draws(error: type[QaError]) -> None:
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__


def test_the_table_names_no_error_that_is_gone() -> None:
    assert EXPECTED.keys() == {error.__name__ for error in every_error()}
