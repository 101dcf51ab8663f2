"""Public names are documented, snippets print what the pages show, decisions have a date."""

import ast
import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from protocol import exchange
from protocol.eligibility import conditions

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
DECISIONS = [page for page in sorted((DOCS / "decisions").glob("*.md")) if page.stem != "index"]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"print\(.*\)  # (.*)")
IMPORTED = re.compile(r"^\s*(?:from|import) (protocol[\w.]*)", re.MULTILINE)
DEEPEST = 2
"""The most parts of a module's name that a snippet may import from, as in ``protocol.escalation``."""


def exporting() -> list[str]:
    """Every module of the package, at any depth, that has an ``__all__``."""
    source = ROOT / "src"
    files = [file for file in sorted(source.rglob("*.py")) if "\n__all__ = " in file.read_text(encoding="utf-8")]
    return [".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__") for file in files]


def public_names() -> list[tuple[str, str]]:
    """Every name that a module of the package exports with ``__all__``, with its module."""
    return [(module, name) for module in exporting() for name in importlib.import_module(module).__all__]


def said_of_constant(module: str, name: str) -> str:
    """The words below a constant, in the module that gives it its value."""
    body = ast.parse(Path(importlib.import_module(module).__file__).read_text(encoding="utf-8")).body
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    return said_of_constant(statement.module, alias.name)
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            said = after.value if isinstance(after, ast.Expr) else None
            return str(said.value) if isinstance(said, ast.Constant) else ""
    return ""


def words(module: str, name: str) -> str:
    item = getattr(importlib.import_module(module), name, None) or importlib.import_module(f"{module}.{name}")
    if inspect.isclass(item):  # a docstring of its own, not that of its base or the one that a dataclass makes
        own = item.__dict__.get("__doc__") or ""
        return "" if own.startswith(f"{item.__name__}(") else own
    said_by_itself = inspect.isroutine(item) or inspect.ismodule(item)
    return item.__doc__ or "" if said_by_itself else said_of_constant(module, name)


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name"), public_names())
def test_a_public_name_is_documented(module: str, name: str) -> None:
    assert words(module, name).strip(), f"{module}.{name} has no docstring"


def test_every_topic_says_what_is_public() -> None:
    topics = {"conduct", "effect", "eligibility", "escalation", "exchange", "followup", "sites", "trial"}
    inside = {"clinical", "cohort", "contacts", "documents", "registry"}
    wanted = {f"protocol.{name}" for name in topics} | {f"protocol.exchange.{name}" for name in inside}
    assert wanted <= set(exporting())


def test_a_module_that_the_exchange_offers_says_what_is_public() -> None:
    offered = [getattr(exchange, name) for name in exchange.__all__]
    assert [one.__name__ for one in offered if inspect.ismodule(one) and not hasattr(one, "__all__")] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")],
                         ids=lambda page: str(page.relative_to(ROOT)))  # fmt: skip
def test_a_snippet_prints_what_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The snippets of a page run in order, in an empty folder that has the project's ``data``.

    What a snippet prints stands behind each ``print`` as a comment, or in the ``text`` block that follows.
    """
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "snippet"}
    text = page.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        language, source = block.groups()
        if language != "python":
            continue
        line = text.count("\n", 0, block.start()) + 1
        exec(compile("\n" * line + source, str(page), "exec"), names)
        follows = after is not None and after[1] == "text" and not text[block.end() : after.start()].strip()
        expected = after[2].splitlines() if follows else SHOWN.findall(source)
        printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert printed == expected, f"{page.name}, line {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_import_from_short_paths(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    code = "\n".join(source for language, source in blocks if language == "python")
    assert [name for name in IMPORTED.findall(code) if name.count(".") >= DEEPEST] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_a_date_a_reason_and_what_would_change_it(page: Path) -> None:
    _head, *decisions = page.read_text(encoding="utf-8").split("\n## ")
    assert decisions
    for decision in decisions:
        title, _line, rest = decision.partition("\n")
        assert re.match(r"\n\*20\d\d-\d\d-\d\d\*\n", rest), title
        for part in ("Decision", "Why", "Would change it"):
            assert f"\n**{part}.** " in rest, (title, part)


@pytest.mark.slow
@pytest.mark.parametrize("folder", sorted((ROOT / "data").glob("*/trial.toml")), ids=lambda file: file.parent.name)
def test_the_published_schemas_admit_the_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "_ext")
    record_schema = importlib.import_module("record_schema")
    for stem in record_schema.models():
        content = tomllib.loads((folder.parent / f"{stem}.toml").read_text(encoding="utf-8"))
        as_json = json.loads(json.dumps(content, default=str))  # a date is text in JSON
        jsonschema.validate(as_json, record_schema.schema(stem))


def test_the_pages_name_files_that_exist() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for place in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (ROOT / place).exists(), f"{page.name}: {place}"


def test_the_page_on_conditions_names_every_function_of_the_language() -> None:
    page = (DOCS / "record" / "conditions.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+)\([a-z, ]+\)`", page)) == set(conditions.FUNCTIONS)
