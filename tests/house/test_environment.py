"""The lists of dependencies agree with each other and with what is installed; documented commands exist."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]


def conda_requirements():
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    nested = next(line["pip"] for line in lines if isinstance(line, dict))
    plain = [line for line in lines if isinstance(line, str)]
    return [Requirement(line) for line in plain + nested if not line.startswith("--")]


def test_conda_and_pip_install_the_same_ranges():
    conda = {canonicalize_name(one.name): one.specifier for one in conda_requirements()}
    assert conda.pop("python") == PROJECT["requires-python"]
    conda.pop("pip")
    assert conda == {canonicalize_name(one.name): one.specifier for one in REQUIREMENTS}


@pytest.mark.requirement("R-SYS-02")
@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda one: one.name)
def test_what_is_installed_lies_in_the_range(requirement):
    assert requirement.specifier.contains(version(requirement.name), prereleases=True)


@pytest.mark.parametrize("command", ["make dashboard", "make test", "make quick", "make bench"])
def test_the_readme_names_commands_that_exist(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^{command.removeprefix('make ')}:", makefile, re.MULTILINE)


def test_continuous_integration_runs_the_command_people_run():
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda one: one.name)
def test_every_dependency_has_a_lowest_version(requirement):
    assert [one.operator for one in requirement.specifier if one.operator in {">=", ">", "~=", "=="}] == [">="]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


WITH_ANOTHER = {
    "pydantic_core": "of the version that pydantic pins",
    "pyarrow": "comes with Spark, whose batches it is",
}


@pytest.mark.slow
def test_every_package_that_the_code_imports_is_named_with_its_range():
    named = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    used = set().union(*(imported(path) for path in (ROOT / "src").rglob("*.py"))) - {"protocol"}
    distributions = packages_distributions()
    outside = {name for name in used - set(sys.stdlib_module_names) if name in distributions} - set(WITH_ANOTHER)
    assert {name for name in outside if not named & set(map(canonicalize_name, distributions[name]))} == set()


CLAIMED = [
    line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: Python :: 3\.", line)
]  # the versions that the tests were run on


def test_no_version_of_python_is_claimed_that_the_tests_were_not_run_on():
    claimed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}" in claimed] == CLAIMED


@pytest.mark.parametrize("place", ["README.md", "CONTRIBUTING.md", "docs/tutorial.md", "Makefile"])
def test_the_guides_name_the_versions_of_python_that_are_claimed(place):
    *others, last = CLAIMED
    text = (ROOT / place).read_text(encoding="utf-8")
    assert f"Python {', '.join(others)} or {last}" in text
