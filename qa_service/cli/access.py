"""The verbs of keys: add, list, revoke."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from qa_service.cli.options import Json, print_json, say
from qa_service.keys import Key, Keys
from qa_service.settings import read_settings

KeysFile = Annotated[
    Path | None, typer.Option("--file", help="The file of keys.", show_default="keys.json")
]


class Scope(StrEnum):
    """What a key may do."""

    ask = "ask"
    admin = "admin"


keys = typer.Typer(
    help="Make, list and revoke the keys of the service; its file has only their digests.",
    no_args_is_help=True,
)


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for: it stands in the log.")],
    scope: Annotated[
        Scope, typer.Option(help="ask: search and answer; admin: also build and see metrics.")
    ] = Scope.ask,
    file: KeysFile = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it: this once, for it is kept nowhere. A running server knows it at once."""
    key, secret = _keys(file).add(name, (scope.value,))
    say(as_json, {**_shown(key), "key": secret}, secret)


@keys.command("list")
def list_keys(file: KeysFile = None, as_json: Json = False) -> None:
    """List the keys, without their secrets."""
    known = _keys(file).all()
    if as_json:
        print_json([_shown(key) for key in known])
        return
    for key in known:
        ended = f", revoked {key.revoked:%Y-%m-%d}" if key.revoked else ""
        print(f"{key.key_id} {','.join(key.scopes):5} {key.created:%Y-%m-%d} {key.name}{ended}")


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The id or the name of the key, as listed.")],
    file: KeysFile = None,
    as_json: Json = False,
) -> None:
    """End a key; a running server refuses it from the next request on."""
    ended = [key.key_id for key in _keys(file).revoke(name)]
    say(as_json, {"revoked": ended}, f"revoked {len(ended)}: {', '.join(ended) or 'none'}")


def _keys(file: Path | None) -> Keys:
    return Keys(read_settings(keys_file=file).keys_file)


def _shown(key: Key) -> dict[str, Any]:
    return key.model_dump(mode="json", exclude={"sha256"})
