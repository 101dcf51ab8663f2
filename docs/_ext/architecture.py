"""The floors of the package, drawn from its imports when the site is built.

``python docs/_ext/architecture.py drawing.svg`` writes the drawing alone.
"""

import ast
import sys
import tomllib
from collections import Counter, defaultdict
from html import escape
from math import log2
from pathlib import Path
from typing import Any

import grimp
import nodes_of
from docutils import nodes
from docutils.parsers.rst import Directive

ROOT = Path(__file__).parents[2]
PACKAGE = "protocol"
WIDTH, FLOOR, HEIGHT, MARGIN = 1000, 96, 46, 24
Imports = Counter[tuple[str, str]]


def contracts() -> list[dict[str, Any]]:
    """Return the contracts of import-linter in ``pyproject.toml``."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    found: list[dict[str, Any]] = tools["importlinter"]["contracts"]
    return found


def floors() -> list[list[str]]:
    """Return the floors from the top down, as the contract has them."""
    layers = [one for one in contracts() if one["type"] == "layers"]
    contract = next(one for one in layers if one.get("containers") == [PACKAGE])
    return [[name.strip(" ()") for name in layer.replace(":", "|").split("|")] for layer in contract["layers"]]


def imports(graph: grimp.ImportGraph) -> Counter[tuple[str, str]]:
    """Count the imports between modules, by the module that imports and the one that is imported."""
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            found[module, other] += 1
    return found


def topic(module: str) -> str:
    """Return the topic that a module belongs to: the second part of its name."""
    return module.split(".")[1] if "." in module else ""


def between_topics(modules: Counter[tuple[str, str]]) -> Imports:
    """Fold the imports between modules into those between topics."""
    found: Imports = Counter()
    for (one, other), count in modules.items():
        if topic(one) != topic(other) and topic(one) and topic(other):
            found[topic(one), topic(other)] += count
    return found


def drawing(rows: list[list[str]], arrows: Imports, sizes: Counter[str]) -> str:
    """Draw the floors as SVG: a box for each topic, a curve for each pair of topics, wider for more imports."""
    middle = {
        name: (_across(number, place, len(row)), MARGIN + FLOOR * number + HEIGHT / 2)
        for number, row in enumerate(rows)
        for place, name in enumerate(row)
    }
    height = MARGIN * 2 + FLOOR * (len(rows) - 1) + HEIGHT
    title = "The floors of the package and the imports between them"
    lines = [
        f'<svg class="floors" viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{title}</title>",
    ]
    for number in range(1, len(rows)):
        y = MARGIN + FLOOR * number - (FLOOR - HEIGHT) / 2
        lines.append(f'<line class="floor" x1="0" x2="{WIDTH}" y1="{y:g}" y2="{y:g}"/>')
    for (one, other), count in sorted(arrows.items()):
        if one in middle and other in middle:
            lines.append(_arrow(middle[one], middle[other], f"{one} → {other}: {count}", count))
    for name, (x, y) in middle.items():
        lines.append(_box(name, x, y, sizes[name]))
    return "\n".join([*lines, "</svg>"])


def _across(floor: int, place: int, boxes: int) -> float:
    """Spread the boxes of a floor; a box alone stands left or right in turn, so that arrows pass beside it."""
    if boxes == 1:
        return WIDTH * (0.4 if floor % 2 else 0.6)
    return WIDTH * (2 * place + 1) / (2 * boxes)


def _arrow(one: tuple[float, float], other: tuple[float, float], words: str, count: int) -> str:
    (x, y), (to_x, to_y) = one, other
    y, to_y = y + HEIGHT / 2, to_y - HEIGHT / 2
    bend = (to_y - y) / 2
    path = f"M{x:g} {y:g} C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"
    wide = f"{1 + log2(count):.1f}"
    return f'<path class="arrow" d="{path}" stroke-width="{wide}"><title>{escape(words)}</title></path>'


def _box(name: str, x: float, y: float, modules: int) -> str:
    width = max(84, 9 * len(name) + 20)
    size = f"{modules} module{'s' if modules > 1 else ''}"
    left, top = x - width / 2, y - HEIGHT / 2
    return (
        f'<g><rect class="box" x="{left:g}" y="{top:g}" width="{width}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{x:g}" y="{y - 1:g}">{escape(name)}</text>'
        f'<text class="small" x="{x:g}" y="{y + 15:g}">{size}</text></g>'
    )


class Contracts(Directive):
    """A row for each contract: its name and what it is about."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        rows = [[one["name"], one["type"].replace("_", " "), self._about(one)] for one in contracts()]
        return [nodes_of.table(["contract", "type", "what"], rows)]

    @staticmethod
    def _about(one: dict[str, Any]) -> str:
        match one["type"]:
            case "layers":
                return "from the top down: " + "; ".join(one["layers"])
            case "forbidden":
                return "must not import " + ", ".join(one["forbidden_modules"])
        return ", ".join(one.get("modules", one.get("ancestors", [])))


class Architecture(Directive):
    """The drawing, the counts behind it, and the rooms of every topic."""

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        graph = grimp.build_graph(PACKAGE, cache_dir=None)
        modules, rows = imports(graph), floors()
        names = [name for row in rows for name in row]
        arrows = between_topics(modules)
        sizes = Counter(topic(module) for module in graph.modules)
        picture = nodes.raw("", drawing(rows, arrows, sizes), format="html")
        told = [[nodes.strong(name, name), _says(f"{PACKAGE}.{name}")] for name in names]
        floor_table = nodes_of.section("Floors", nodes_of.table(["name", "what it is"], told), anchor="floors")
        counts = nodes_of.section("Imports between topics", *_counts(names, arrows), anchor="imports-between-topics")
        rooms = [_rooms(name, sorted(graph.modules), modules) for name in names if sizes[name] > 1]
        return [picture, floor_table, counts, nodes_of.section("Rooms", *rooms, anchor="rooms")]


def _counts(names: list[str], arrows: Imports) -> list[nodes.Node]:
    told = "A row imports a column; the number counts pairs of modules. Below the diagonal everything is empty."
    rows = [
        [nodes.strong(one, one), *(str(arrows[one, other] or "") for other in names[1:])]
        for one in names[:-1]
        if any(arrows[one, other] for other in names)
    ]
    return [nodes_of.paragraph(told), nodes_of.table(["", *names[1:]], rows)]


def _rooms(name: str, modules: list[str], found: Counter[tuple[str, str]]) -> nodes.section:
    own = [module for module in modules if module.startswith(f"{PACKAGE}.{name}.")]
    inside: dict[str, int] = defaultdict(int)
    outside: dict[str, int] = defaultdict(int)
    for (one, other), count in found.items():
        (inside if topic(one) == topic(other) else outside)[other] += count
    rows = [
        [nodes_of.code(module.removeprefix(f"{PACKAGE}.{name}.")), _says(module), inside[module], outside[module]]
        for module in own
    ]
    header = ["module", "what it is", "imported inside", "imported outside"]
    return nodes_of.section(name, nodes_of.table(header, rows), anchor=f"rooms-{name}")


def _says(module: str) -> str:
    place = ROOT / "src" / Path(*module.split("."))
    package = place / "__init__.py"
    file = package if package.exists() else place.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n\n")[0].replace("\n", " ").replace("``", "")


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("architecture", Architecture)
    app.add_directive("contracts", Contracts)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    every = grimp.build_graph(PACKAGE, cache_dir=None)
    picture = drawing(floors(), between_topics(imports(every)), Counter(topic(module) for module in every.modules))
    style = (ROOT / "docs" / "_static" / "site.css").read_text(encoding="utf-8")
    Path(sys.argv[1]).write_text(picture.replace("<title>", f"<style>{style}</style><title>", 1), encoding="utf-8")
