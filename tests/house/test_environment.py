"""The lists of dependencies agree with each other and with what is installed; documented commands exist."""

import re
import tomllib
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
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
