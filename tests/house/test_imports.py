"""Imports between the modules of the package, those inside functions and those for types only included."""

import ast
import graphlib
import subprocess
import sys

import grimp
import pytest
from support.paths import ROOT

import protocol

GRAPH = grimp.build_graph("protocol", cache_dir=None)
SOURCES = sorted((ROOT / "src" / "protocol").rglob("*.py"))


def test_no_modules_import_each_other_in_a_circle():
    imports = {module: GRAPH.find_modules_directly_imported_by(module) for module in GRAPH.modules}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_no_module_imports_the_package_root():
    assert GRAPH.find_modules_that_directly_import("protocol") == set()


def test_import_protocol_loads_no_topic_and_its_names_are_there():
    code = "import sys, protocol; sys.exit(bool({'pandas', 'pydantic', 'protocol.trial'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert all(getattr(protocol, name) is not None for name in protocol.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        protocol.no_such_name  # noqa: B018


def type_only(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (one.module for one in node.body if isinstance(one, ast.ImportFrom) and one.module)


@pytest.mark.parametrize(
    "package", ["conduct", "followup", "dashboard", "figures", "chart"], ids=lambda package: package
)
def test_no_module_imports_another_one_for_types_only(package):
    found = {
        path.name: module
        for path in SOURCES
        if package in path.parts
        for module in type_only(path.read_text(encoding="utf-8"))
        if module.startswith("protocol")
    }
    assert found == {}
