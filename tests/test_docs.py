import re
from typing import Any

import pytest
import typer
from conftest import ROOT

from qa_service import __version__, errors
from qa_service.cli import app
from qa_service.errors import QaError
from qa_service.settings import PREFIX, Settings

README = (ROOT / "README.md").read_text()
GUIDES = sorted(
    [ROOT / name for name in ("README.md", "CHANGELOG.md", "corpus/README.md", "index/README.md")]
)
GUIDES += sorted((ROOT / "docs").glob("*.md"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
SETTINGS = {PREFIX + name.upper(): field for name, field in Settings.model_fields.items()}


def verbs() -> dict[str, Any]:
    group = typer.main.get_command(app)
    return dict(getattr(group, "commands", {}))


def options(verb: Any) -> set[str]:
    """Of a verb, and of those below it."""
    own = {name for param in verb.params for name in (*param.opts, *param.secondary_opts)}
    return own.union(*(options(below) for below in getattr(verb, "commands", {}).values()))


def code_spans() -> list[str]:
    """What README sets as code: spans, and the lines of blocks."""
    fences = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`]+)`", prose), *"".join(fences).splitlines()]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    table = README.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def leaves(error: type[QaError]) -> list[type[QaError]]:
    return [error, *(leaf for one in error.__subclasses__() for leaf in leaves(one))]


def test_the_readme_lists_every_verb_and_no_other() -> None:
    listed = [re.fullmatch(r"`qa (\w+).*`", row[0]) for row in rows("verb")]
    assert sorted(match[1] for match in listed if match) == sorted(verbs())
    assert len(listed) == len(verbs())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_guide_mentions_exists(guide: Any) -> None:
    text = guide.read_text()
    mentioned = re.findall(r"(?:`|\.venv/bin/|^\s*)qa ((?:\w|-)+)(.*?)(?:`|$)", text, re.MULTILINE)
    for verb, rest in mentioned:
        assert verb in verbs(), f"qa {verb}"
        known = options(verbs()[verb])
        assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)) <= known, f"qa {verb} {rest}"


def test_options_that_the_readme_mentions_exist() -> None:
    known = {option for verb in verbs().values() for option in options(verb)}
    spans = " ".join(span for span in code_spans() if span.startswith("--")).split()
    assert {word for word in spans if word.startswith("--")} <= known | {"--help"}


def test_every_verb_says_what_it_does() -> None:
    assert all(command.help for command in verbs().values())


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    listed = {row[0].strip("`"): row[1:] for row in rows("variable")}
    assert list(listed) == list(SETTINGS)
    for name, field in SETTINGS.items():
        default = "" if field.default is None else f"`{field.default}`"
        assert listed[name] == [default, field.description], name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_that_a_guide_mentions_exists(guide: Any) -> None:
    assert set(re.findall(r"\bQA_\w+", guide.read_text())) <= set(SETTINGS)


def test_the_readme_lists_every_route_and_no_other(client: Any) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    routes = {f"{verb.upper()} {path}" for path, verbs in paths.items() for verb in verbs}
    assert {row[0].strip("`") for row in rows("route")} == routes
    mentioned = {span for span in code_spans() if re.match(r"(GET|POST|PUT|DELETE) /", span)}
    assert mentioned <= routes


def test_the_parameters_that_the_readme_names_exist(client: Any) -> None:
    reference = client.get("/openapi.json").json()
    parameters = reference["paths"]["/api/search"]["get"]["parameters"]
    shown = {row[0].strip("`"): row[1] for row in rows("route")}
    for parameter in parameters:
        assert re.search(rf"\b{parameter['name']}\b", shown["GET /api/search"])
    for field in reference["components"]["schemas"]["AnswerBody"]["properties"]:
        assert f'"{field}"' in shown["POST /api/answer"]


def test_the_question_that_the_readme_posts_is_accepted(client: Any) -> None:
    [body] = re.findall(r"-d '(.*?)'", README)
    reply = client.post("/api/answer", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 200


def test_the_readme_and_the_help_list_every_exit_code() -> None:
    codes = {0} | {leaf.exit_code for leaf in leaves(QaError) if leaf is not QaError}
    for text in (README, app.info.help or ""):
        [sentence] = re.findall(r"Exit codes: (.*?)\.(?:\s|$)", text, re.DOTALL)
        assert {int(code) for code in re.findall(r"\b(\d+) \w", sentence)} == codes


def test_the_error_tree_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"[├└]── (\w+) +(\d )? +(\d{3})?", errors.__doc__ or "")
    by_name = {leaf.__name__: leaf for leaf in leaves(QaError)[1:]}
    ours = {name for name, leaf in by_name.items() if leaf.__module__ == errors.__name__}
    assert {name for name, _, _ in drawn} == ours
    for name, code, status in drawn:
        assert not code or by_name[name].exit_code == int(code), name
        assert not status or by_name[name].http_status == int(status), name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(guide: Any) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", guide.read_text())
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (guide.parent / link).exists()] == []


def test_files_that_the_readme_names_exist() -> None:
    named = {s for s in code_spans() if re.fullmatch(r"(qa_service|corpus|tests|web)/[\w./]*", s)}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_make_target_is_explained_and_exists() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    mentioned = set(re.findall(r"(?:`|^)make (\w+)", README, re.MULTILINE))
    assert mentioned == set(phony.split())


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] in ("Unreleased", "[Unreleased]")
    kinds = set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    released = headings[1:]
    assert all(re.fullmatch(r"\[?\d+\.\d+\.\d+\]? - \d{4}-\d\d-\d\d", one) for one in released)
    assert not released or __version__ in released[0]
