"""The requirements with what shows each: tests, reference values, second implementations, and the last result.

Tests carry the ids (``@pytest.mark.requirement``); pytest keeps their last results in its cache.
"""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
QUALIFICATION = ROOT / "src/protocol/qualification"
RESULTS = ROOT / ".pytest_cache/v/requirements/results"


class Carrier(NamedTuple):
    """A test that carries a requirement: its file below the clone, and its name."""

    file: str
    name: str

    @property
    def sentence(self) -> str:
        """The name of the test as a sentence."""
        return self.name.removeprefix("test_").replace("_", " ")


def carriers() -> dict[str, list[Carrier]]:
    """Return the tests that carry each id, from the decorators in the files of the tests."""
    found: dict[str, list[Carrier]] = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "mark.requirement(" not in text:
            continue
        for function in ast.walk(ast.parse(text)):
            for decorator in getattr(function, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.requirement":
                    for argument in decorator.args:
                        test = Carrier(str(file.relative_to(ROOT)), function.name)  # type: ignore[attr-defined]
                        found[str(ast.literal_eval(argument))].append(test)
    return found


def checked() -> set[str]:
    """Return the ids that the checks of ``protocol-workbook qualify`` name."""
    texts = (file.read_text(encoding="utf-8") for file in QUALIFICATION.glob("*.py"))
    return {name for text in texts for name in re.findall(r'"(R-[A-Z]+-\d\d)"', text)}


def results() -> dict[str, dict[str, str]]:
    """Return the last outcome and day of each test that was run in this clone, by file and name."""
    found: dict[str, dict[str, str]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    return found


def last_result(tests: list[Carrier], known: dict[str, dict[str, str]]) -> str:
    """Return the worst last outcome of some tests in words, with the first day of them."""
    runs = [known.get(f"{one.file}::{one.name}") for one in tests]
    there = [run for run in runs if run]
    if not there:
        return "not run here"
    day = min(run["day"] for run in there)
    outcomes = {run["outcome"] for run in there}
    if "failed" in outcomes:
        return f"FAILED {day}"
    if len(there) < len(runs) or "skipped" in outcomes:
        passed = sum(run["outcome"] == "passed" for run in there)
        return f"{passed} of {len(runs)} passed {day}"
    return f"passed {day}"


def setup(app: Any) -> dict[str, bool]:
    """Register the table."""
    import nodes_of
    from docutils import nodes
    from docutils.parsers.rst import Directive

    from protocol.qualification import requirements

    class Traceability(Directive):
        """A row for each requirement."""

        def run(self) -> list[nodes.Node]:
            """Return the table."""
            tests, known, by_command = carriers(), results(), checked()
            rows = [
                [
                    nodes_of.code(one.id),
                    [one.text, *([f" ({one.origin})"] if one.origin else [])],
                    _shown_by(tests[one.id], one),
                    "yes" if one.id in by_command else "",
                    last_result(tests[one.id], known),
                ]
                for one in requirements()
            ]
            return [nodes_of.table(["id", "requirement", "shown by", "qualify", "last result"], rows)]

    def _shown_by(tests: list[Carrier], one: Any) -> nodes.Node:
        files = [
            *(f"tests/vectors/{name}" for name in one.vectors),
            *(f"tests/twins/{name}.py" for name in one.twins),
        ]
        items = [[test.sentence, " (", nodes_of.code(test.file), ")"] for test in tests]
        items += [[nodes_of.code(file)] for file in files]
        counts = ((len(tests), "test"), (len(one.vectors), "vector"), (len(one.twins), "twin"))
        title = ", ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count)
        rows = [nodes.list_item("", nodes_of.paragraph(*item)) for item in items]
        return nodes_of.folded(title, nodes.bullet_list("", *rows))

    app.add_directive("traceability", Traceability)
    return {"parallel_read_safe": True}
