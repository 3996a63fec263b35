import ast
import json
import re
import subprocess
import sys
import tokenize
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "qa_service"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"faiss", "torch", "sentence_transformers", "transformers", "tantivy", "uvicorn"}
MAX_LINES = 360


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def run(*command: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def loaded_after(statements: str) -> set[str]:
    """The top-level modules of a fresh Python after it ran ``statements``."""
    shown = (
        "import sys, json; sys.stderr.write(json.dumps([n for n in sys.modules if '.' not in n]))"
    )
    done = run(sys.executable, "-c", f"{statements}\n{shown}")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr))


def code_tokens(module: Path) -> list[tokenize.TokenInfo]:
    with tokenize.open(module) as file:
        return list(tokenize.generate_tokens(file.readline))


def names_in(module: Path) -> set[str]:
    return {token.string for token in code_tokens(module) if token.type == tokenize.NAME}


def string_constants(module: Path) -> Iterator[str]:
    """Every string of a module that is not a docstring."""
    tree = ast.parse(module.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose and isinstance(node.value, str):
            yield node.value


def modules_with(pattern: str) -> set[str]:
    found = re.compile(pattern)
    return {name_of(m) for m in MODULES if any(map(found.search, string_constants(m)))}


@pytest.mark.parametrize(
    "statements",
    [
        "import qa_service.app, qa_service.cli",
        "import qa_service.app as a; a.create_app()",
        "import sys; sys.argv = ['qa', '--help']\n"
        "import qa_service.cli as c\ntry: c.main()\nexcept SystemExit as e: assert not e.code",
    ],
    ids=["imports", "making the app", "qa --help"],
)
def test_nothing_heavy_is_loaded_before_it_is_used(statements: str) -> None:
    assert loaded_after(statements).isdisjoint(HEAVY)


def test_only_engines_name_heavy_libraries() -> None:
    imports = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)
    for module in MODULES:
        named = set(imports.findall(module.read_text())) & (HEAVY - {"uvicorn"})
        assert not named or name_of(module).startswith("engines/"), f"{module} imports {named}"


def test_no_module_is_longer_than_one_sitting() -> None:
    lengths = {name_of(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_the_corpus_folder_is_named_only_where_settings_become_a_plan() -> None:
    named = {name_of(module) for module in MODULES if "corpus_dir" in names_in(module)}
    assert named <= {
        "settings.py",
        "cli/asking.py",
        "cli/corpus.py",
        "cli/fetching.py",
        "cli/building.py",
        "wiring.py",
    }


def test_the_corpus_is_read_only_by_its_module_and_readers() -> None:
    reading = {"rglob", "iterdir", "read_bytes", "read_text", "open", "glob", "walk"}
    allowed = ("corpus.py", "fetching/", "readers/", "index/", "engines/")
    for module in MODULES:
        calls = {
            node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            for node in ast.walk(ast.parse(module.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
        }
        opens = calls & reading
        exempt = name_of(module).startswith(allowed) or name_of(module) in (
            "evaluation.py",
            "evidence.py",
            "judging.py",
            "api/reference.py",
            "feedback.py",
            "keys.py",
        )
        assert exempt or not opens, f"{module} calls {opens}"


def test_only_the_index_folder_names_the_files_of_an_index() -> None:
    named = modules_with(r"^CURRENT$|\.sqlite$|^manifest\.json$|^\.cache$|^\.build\.lock$")
    assert named
    assert all(name.startswith("index/") for name in named), named
    for module in MODULES:
        own = ("index/", "middlewares/windows.py")  # which counts requests in a file of its own
        outside = not name_of(module).startswith(own)
        assert not (outside and "sqlite3" in names_in(module)), module


def test_only_web_names_the_folder_of_the_page() -> None:
    named = modules_with(r"^(_web|web|templates|static)$|\w\.html$")
    assert named
    assert all(name.startswith("web/") for name in named), named
    templating = {name_of(m) for m in MODULES if "Jinja2Templates" in names_in(m)}
    assert templating == {"web/rendering.py"}


def test_data_folders_hold_no_code() -> None:
    for folder in ("corpus", "index", "web"):
        assert list((ROOT / folder).rglob("*.py")) == []


def test_every_data_folder_says_what_its_format_is() -> None:
    assert (ROOT / "corpus" / "README.md").is_file()
    assert (ROOT / "index" / "README.md").is_file()


def test_imports_go_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed: make check installs it")
    done = run(tool, "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a real wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = run(*pip, "wheel", ROOT, "--no-deps", "--quiet", "--wheel-dir", folder, cwd=folder)
    if done.returncode:
        pytest.skip(f"no wheel can be built here (no package index?): {done.stderr[-300:]}")
    [path] = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_wheel_holds_every_module_and_the_page(wheel: list[str]) -> None:
    assert {f"qa_service/{name_of(module)}" for module in MODULES} <= set(wheel)
    assert {"qa_service/engines/answerer_extractive.json", "qa_service/py.typed"} <= set(wheel)
    page = [path for path in (ROOT / "web").rglob("*") if path.is_file()]
    shipped = {f"qa_service/_web/{path.relative_to(ROOT / 'web').as_posix()}" for path in page}
    assert shipped
    assert shipped <= set(wheel)


def test_the_wheel_holds_nothing_else(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"qa_service"}
    unwanted = re.compile(r"corpus/|/tests?/|__pycache__|\.sqlite|CURRENT|\.jsonl|\.txt$")
    inside = [name for name in wheel if ".dist-info/" not in name]
    assert [name for name in inside if unwanted.search(name)] == []
