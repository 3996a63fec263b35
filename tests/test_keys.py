import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import Qa, in_process

from qa_service.errors import QueryError, SettingsError
from qa_service.keys import Keys


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.mark.parametrize("name", ["", " ", "two\nlines"])
def test_a_key_has_a_name_that_can_stand_in_a_log(qa: Qa, file: Path, name: str) -> None:
    refused = qa("keys", "add", name, "--file", file)
    assert refused.code == QueryError.exit_code
    assert "no name" in refused.err
    assert not file.exists()


def test_a_key_is_printed_once_and_kept_as_a_digest_that_only_its_owner_reads(
    qa: Qa, file: Path
) -> None:
    secret = qa("keys", "add", "Newsroom", "--file", file).out.strip()
    assert re.fullmatch(r"qa_[0-9a-f]{8}_[\w-]{43}", secret)
    kept = file.read_text()
    assert secret.split("_", 2)[2] not in kept
    assert secret not in kept
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = qa("keys", "list", "--file", file).out
    assert "Newsroom" in listed
    assert secret not in listed
    [shown] = json.loads(qa("keys", "list", "--json", "--file", file).out)
    assert (shown["name"], shown["scopes"], shown["revoked"]) == ("Newsroom", ["ask"], None)
    assert "sha256" not in shown
    assert secret.split("_")[1] == shown["key_id"]


def test_a_key_is_found_until_it_is_revoked_by_id_or_name(qa: Qa, file: Path) -> None:
    keys = Keys(file)
    asking, admin = (
        json.loads(qa("keys", "add", name, "--scope", scope, "--json", "--file", file).out)
        for name, scope in (("Page", "ask"), ("Builder", "admin"))
    )
    found = keys.find(asking["key"])
    assert found is not None
    assert (found.may("ask"), found.may("admin")) == (True, False)
    above = keys.find(admin["key"])
    assert above is not None
    assert above.may("ask")
    assert above.may("admin")
    assert qa("keys", "revoke", "Page", "--file", file).out == f"revoked 1: {asking['key_id']}\n"
    assert keys.find(asking["key"]) is None
    assert keys.find(admin["key"]) is not None
    assert qa("keys", "revoke", admin["key_id"], "--file", file).code == 0
    assert keys.find(admin["key"]) is None
    assert qa("keys", "revoke", "Page", "--file", file).out == "revoked 0: none\n"
    assert "revoked" in qa("keys", "list", "--file", file).out
    unknown = qa("keys", "revoke", "Nobody", "--file", file)
    assert (unknown.code, "qa keys list" in unknown.err) == (5, True)


def test_what_only_looks_like_a_key_is_none(file: Path) -> None:
    keys = Keys(file)
    key, secret = keys.add("Page", ("ask",))
    other = keys.add("Other", ("ask",))[1]
    mixed = f"qa_{key.key_id}_{other.rpartition('_')[2]}"
    for wrong in (
        "",
        "qa_",
        secret[:-1],
        secret + "x",
        secret.upper(),
        mixed,
        f" {secret}",
        "\x00é",
    ):
        assert keys.find(wrong) is None, wrong
    assert keys.find(secret) == key


def test_the_last_key_revoked_opens_nothing(file: Path) -> None:
    keys = Keys(file)
    assert not keys.are_wanted()
    keys.add("Builder", ("admin",))
    assert not keys.are_wanted()
    keys.add("Page", ("ask",))
    assert keys.are_wanted()
    keys.revoke("Page")
    assert keys.are_wanted()


def test_keys_that_are_made_at_once_are_all_kept(file: Path) -> None:
    def add(number: int) -> None:
        Keys(file).add(f"Key {number}", ("ask",))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert len(Keys(file).all()) == 24


def test_a_damaged_file_of_keys_is_said_to_be_one(qa: Qa, file: Path) -> None:
    file.write_text("{")
    with pytest.raises(SettingsError, match=r"keys\.json cannot be read"):
        Keys(file).all()
    assert qa("keys", "list", "--file", file).code == 2
