"""Pieces of a generated page as docutils nodes, so that no text of a record has to be escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from docutils import nodes

Cell = Any
"""Text, a node, or a sequence of both."""


def inline(*parts: Cell) -> list[nodes.Node]:
    """Return text and nodes in a row as nodes."""
    return [part if isinstance(part, nodes.Node) else nodes.Text(str(part)) for part in parts]


def paragraph(*parts: Cell) -> nodes.paragraph:
    """Return one paragraph."""
    return nodes.paragraph("", "", *inline(*parts))


def code(text: object) -> nodes.literal:
    """Return an id or an expression."""
    return nodes.literal(str(text), str(text))


def section(title: str, *content: nodes.Node, anchor: str) -> nodes.section:
    """Return a section with a stable anchor."""
    found = nodes.section(ids=[nodes.make_id(anchor)], names=[nodes.fully_normalize_name(anchor)])
    found += nodes.title(title, title)
    found.extend(content)
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> nodes.table:
    """Return a table with one line of header."""
    group = nodes.tgroup(cols=len(header))
    group.extend(nodes.colspec(colwidth=1) for _name in header)
    group += nodes.thead("", _row(header))
    group += nodes.tbody("", *(_row(row) for row in rows))
    return nodes.table("", group, classes=["docutils"])


def _row(cells: Sequence[Cell]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _block(cell)) for cell in cells))


def _block(cell: Cell) -> nodes.Node:
    if isinstance(cell, nodes.Body) and not isinstance(cell, nodes.Inline):
        return cell
    return paragraph(*cell) if isinstance(cell, (list, tuple)) else paragraph(cell)


def folded(title: str, content: nodes.Node) -> nodes.container:
    """Return content that the reader opens; a browser keeps it closed until then."""
    opening = nodes.raw("", f"<details><summary>{escape(title)}</summary>", format="html")
    return nodes.container("", opening, content, nodes.raw("", "</details>", format="html"))


def fields(pairs: Iterable[tuple[str, Cell]]) -> nodes.field_list:
    """Return names with their values, without those that are empty."""
    found = nodes.field_list(classes=["details"])
    for name, value in pairs:
        if value not in ("", None, [], ()):
            found += nodes.field("", nodes.field_name(name, name), nodes.field_body("", _block(value)))
    return found
