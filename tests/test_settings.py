from pathlib import Path

import pytest

from qa_service.errors import SettingsError
from qa_service.settings import Settings, read_settings
from qa_service.wiring import make_answerer, make_engines


def test_a_variable_sets_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_PORT", "9001")
    assert read_settings().port == 9001


def test_an_option_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_PORT", "9001")
    assert read_settings(port=9002, host=None).port == 9002


def test_a_dotenv_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("QA_INDEX_DIR=elsewhere\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    assert read_settings().index_dir == Path("elsewhere")


def test_a_misspelt_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        SettingsError, match="QA_CORPUS_DIRR is not a setting; did you mean QA_CORPUS_DIR"
    ):
        read_settings({"QA_CORPUS_DIRR": "x"})


def test_an_unknown_variable_is_refused_with_the_known_names() -> None:
    with pytest.raises(SettingsError, match=r"QA_ZZZZ is not a setting; known: .*QA_PORT"):
        read_settings({"QA_ZZZZ": "x"})


@pytest.mark.parametrize(
    ("name", "value"), [("QA_PORT", "many"), ("QA_PORT", "70000"), ("QA_PRECISION", "fp8")]
)
def test_a_wrong_value_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}='{value}'"):
        read_settings()


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().port = 1  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("kind", ["dense", "lexical"])
def test_an_unknown_engine_lists_the_known_ones(kind: str) -> None:
    engines = make_engines(read_settings())
    with pytest.raises(
        SettingsError, match=rf"QA_{kind.upper()}=x is not known; known: (faiss|tantivy)"
    ):
        getattr(engines, kind)("x")


def test_an_unknown_answerer_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="QA_ANSWERER=x is not known; known: extractive"):
        make_answerer(read_settings(answerer="x"))


def test_milvus_needs_to_be_told_where_it_is() -> None:
    engines = make_engines(read_settings(dense="milvus"))
    with pytest.raises(SettingsError, match=r"QA_DENSE=milvus needs QA_MILVUS_URI"):
        engines.dense("milvus")
