"""The reference: one page for each package with public names, made from ``__all__`` and the docstrings.

A module that a package exports, such as ``protocol.exchange.ctgov``, has a page under the name that users import.
"""

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.nodes import make_refnode

PACKAGE = "protocol"
VALUE_LIMIT = 300
"""Characters of a constant's value that are shown."""


class Name(NamedTuple):
    """A public name: where it is exported, its kind, and for a constant its words and value."""

    module: str
    name: str
    kind: str
    words: str = ""
    value: str = ""


@cache
def public() -> tuple[Name, ...]:
    """Return every name that the package, the modules directly below it and the modules they export offer."""
    root = importlib.import_module(PACKAGE)
    below = [importlib.import_module(f"{PACKAGE}.{found.name}") for found in pkgutil.iter_modules(root.__path__)]
    found = [one for module in (root, *below) for one in _offered(module.__name__, module)]
    known = {id(getattr(importlib.import_module(one.module), one.name)) for one in found}
    for one in [one for one in found if one.kind == "module"]:
        module, where = getattr(importlib.import_module(one.module), one.name), f"{one.module}.{one.name}"
        sys.modules.setdefault(where, module)  # autodoc imports the module by the name of its page
        found += [inner for inner in _offered(where, module) if id(getattr(module, inner.name)) not in known]
    return tuple(found)


def _offered(where: str, module: ModuleType) -> list[Name]:
    return [_name(where, module, name) for name in getattr(module, "__all__", ())]


def _name(where: str, module: ModuleType, name: str) -> Name:
    item = getattr(module, name)
    if inspect.ismodule(item):
        return Name(where, name, "module")
    if inspect.isclass(item):
        return Name(where, name, "class")
    if inspect.isroutine(item):
        return Name(where, name, "function")
    words, value = constant(module.__name__, name)
    return Name(where, name, "data", words, value)


def constant(module: str, name: str) -> tuple[str, str]:
    """Return the words below a constant, and its value as written, from the module that defines it."""
    file = importlib.import_module(module).__file__
    body = ast.parse(Path(file or "").read_text(encoding="utf-8")).body
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    return constant(statement.module, alias.name)
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            said = after.value if isinstance(after, ast.Expr) else None
            words = inspect.cleandoc(said.value) if isinstance(said, ast.Constant) else ""
            value = ast.unparse(statement.value) if getattr(statement, "value", None) else ""  # type: ignore[attr-defined]
            return words, value if len(value) <= VALUE_LIMIT else ""
    return "", ""


def write_pages(app: Any) -> None:
    """Write the page of each package into ``reference/api``; a page that did not change keeps its time."""
    folder = Path(app.srcdir) / "reference" / "api"
    folder.mkdir(exist_ok=True)
    modules = list(dict.fromkeys(name.module for name in public()))
    wanted = {folder / f"{module}.rst": "\n".join(_page(module)) for module in modules}
    for file in folder.glob("*.rst"):
        if file not in wanted:
            file.unlink()
    for file, text in wanted.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def _page(module: str) -> Iterator[str]:
    names = sorted((name for name in public() if name.module == module), key=lambda one: one.name.lower())
    yield from (module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", "")
    yield from (f".. currentmodule:: {module}", "")
    modules = [name for name in names if name.kind == "module"]
    if modules:
        yield from ("Modules", "-------", "")
        yield from (f"- :doc:`{module}.{name.name}`" for name in modules)
        yield ""
    for title, kind in (("Functions", "function"), ("Classes", "class"), ("Constants and types", "data")):
        of_kind = [name for name in names if name.kind == kind]
        if of_kind:
            yield from (title, "-" * len(title), "")
        for name in of_kind:
            yield from _entry(name)


def _entry(name: Name) -> Iterator[str]:
    if name.kind == "data":
        yield f".. py:data:: {name.name}"
        if name.value:
            yield f"   :value: {name.value}"
        yield ""
        yield from (f"   {line}" for line in name.words.splitlines())
    else:
        yield f".. auto{name.kind}:: {name.name}"
        if name.kind == "class":
            yield "   :members:"
    yield ""


@cache
def _found(target: str) -> Any:
    """Import what a dotted name names; None when there is nothing."""
    parts = target.split(".")
    for length in range(len(parts), 0, -1):
        try:
            item = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            item = getattr(item, part, None) or getattr(item, "model_fields", {}).get(part)
        return item
    return None


def resolve(app: Any, env: Any, node: pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Lead a reference to a name, from wherever it is written, to the place where the name is documented."""
    if node.get("refdomain") != "py":
        return None
    target = node.get("reftarget", "")
    item = _candidate(node)
    for name in public():
        if item is not None and getattr(importlib.import_module(name.module), name.name) is item:
            full = f"{name.module}.{name.name}"
            entry = env.domains["py"].objects.get(full)
            if entry and target != full:
                return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, full)
    return None


def _candidate(node: pending_xref) -> Any:
    """Import what a reference names, by its whole name or as seen from where it stands."""
    target, module = node.get("reftarget", ""), node.get("py:module") or ""
    places = [target, f"{module}.{target}", f"{module}.{node.get('py:class')}.{target}"]
    _file, _of, home = (nodes_source(node) or "").partition("docstring of ")
    while "." in home:  # the module in which the docstring stands, which may not be the one that exports it
        home = home.rpartition(".")[0]
        places.append(f"{home}.{target}")
    for place in places:
        item = _found(place)
        if item is not None:
            return item
    return None


def nodes_source(node: nodes.Node | None) -> str | None:
    """Return where a node comes from: its own source or that of a node around it."""
    while node is not None and not node.source:
        node = node.parent
    return node.source if node is not None else None


def allow(_app: Any, domain: Any, node: pending_xref) -> bool | None:
    """Pass over a type in words, a name of another package, and a name of ours that exists without being public.

    What is written as a reference in a docstring (``:func:`...```) and names nothing stays a warning.
    """
    if domain is None or domain.name != "py":
        return None
    written = node.get("reftype") not in ("class", "obj", "exc") or node.get("refspecific") or "refexplicit" in node
    ours = _candidate(node) is not None
    return True if ours or not (written and _in_docstring(node)) else None


def _in_docstring(node: pending_xref) -> bool:
    """Whether a person wrote the reference as one: its text is a literal."""
    return any(isinstance(child, nodes.literal) for child in node.children)


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before anything is read, and resolve references to re-exported names."""
    app.connect("builder-inited", write_pages)
    app.connect("missing-reference", resolve)
    app.connect("warn-missing-reference", allow)
    return {"parallel_read_safe": True}
