"""Checks of the installation: files against the wheel, versions against their ranges, the record, the system."""

import csv
import json
import platform
import sqlite3
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zoneinfo import ZoneInfo

import zmq
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from protocol.conduct import protocol_version
from protocol.qualification.checks import Check
from protocol.translation import _, list_of
from protocol.trial import load_trial
from protocol.version import SHARED

PACKAGE = "protocol-workbook"

NAMED_FILES = 5
"""Files that a check names; of more it says how many."""


def installation() -> Iterator[Check]:
    """Yield the checks of the installation."""
    package = distribution(PACKAGE)
    python = SpecifierSet(package.metadata["Requires-Python"])
    version = platform.python_version()
    yield Check(
        ("R-SYS-02",), _("Python"), _("within {range}").format(range=python), _within(version, python, str(python))
    )
    yield listed_files(package)
    needed = [Requirement(line) for line in package.requires or ()]
    direct = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    for one in sorted(direct, key=lambda one: one.name.lower()):
        try:
            found = distribution(one.name).version
        except PackageNotFoundError:
            found = ""
        yield Check(
            ("R-SYS-02",),
            f"{one.name} {found}",
            _("within {range}").format(range=one.specifier),
            _within(found, one.specifier, str(one.specifier)) if found else _("not installed"),
        )
    for other in _dependencies(direct):
        if problems := _changed(other):
            yield Check(
                ("R-SYS-01",), f"{other.metadata['Name']} {other.version}", _("files as installed"), _named(problems)
            )
    folders = sorted(file.parent for file in (SHARED / "data").glob("*/trial.toml"))
    for folder in folders:
        trial = load_trial(folder)
        what = _("record {name}, SHA-256 {hash}").format(
            name=folder.name, hash=protocol_version(folder.glob("*.toml"))
        )
        yield Check((), what, folder.name, str(trial.identity.trial_id))
        zone = str(trial.zone)
        yield Check((), _("time zone of the trial"), zone, ZoneInfo(zone).key)
    sealed = zmq.has("curve")
    yield Check(("R-ACC-05",), _("pages and their kernels can encrypt"), _("yes"), _("yes") if sealed else _("no"))


def system() -> dict[str, str]:
    """Return what is to be known about the machine and the installation, as names and values."""
    package = distribution(PACKAGE)
    return {
        _("Workbook"): package.version,
        _("Fingerprint of the installed files"): fingerprint(package),
        _("Installed in"): str(package.locate_file("")),
        _("Python"): f"{platform.python_version()}, {sys.executable}",
        _("System"): platform.platform(),
        _("Machine"): platform.node(),
        _("SQLite"): sqlite3.sqlite_version,
    }


def fingerprint(package: Distribution) -> str:
    """Return the SHA-256 of the names and hashes of a package's files, in the order of their names."""
    lines = sorted(f"{name}={digest}\n" for name, digest in _listed(package).items() if _is_ours(name))
    return sha256("".join(lines).encode()).hexdigest()


def _listed(package: Distribution) -> dict[str, str]:
    """Return the files of a package's list and the SHA-256 of each, as it is written there.

    ``Distribution.files`` leaves out what is not there, from Python 3.12 on.
    """
    lines = filter(None, csv.reader((package.read_text("RECORD") or "").splitlines()))
    return {name: digest.removeprefix("sha256=") for name, digest, _size in lines if digest.startswith("sha256=")}


def _is_ours(file: str) -> bool:
    """Whether a file is of the wheel, and not made by the program that installed it."""
    return file.startswith("protocol/")


def _within(version: str, specifier: SpecifierSet, words: str) -> str:
    if specifier.contains(version, prereleases=True):
        return _("within {range}").format(range=words)
    return version


def listed_files(package: Distribution) -> Check:
    """Return the check of a package's files against the list that came with its wheel."""
    what = _("files of the workbook, each with its SHA-256 in the wheel")
    expected = _("{count} files as in the wheel")
    if json.loads(package.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        return Check(("R-SYS-01",), what, _("a wheel that was installed"), _("a clone, whose files may change"))
    listed = {name for name in _listed(package) if _is_ours(name)}
    problems = _changed(package)
    here = Path(str(package.locate_file("protocol")))
    there = {str(Path("protocol") / file.relative_to(here)) for file in here.rglob("*") if file.is_file()}
    added = {name for name in there - {str(Path(name)) for name in listed} if "__pycache__" not in name}
    problems += [_("{name} (added)").format(name=name) for name in sorted(added)]
    found = _named(problems) if problems or not listed else expected.format(count=len(listed))
    return Check(("R-SYS-01",), what, expected.format(count=len(listed)), found)


def _changed(package: Distribution) -> list[str]:
    """Return the names of a package's files that differ from its list, or are not there."""
    problems = []
    for name, digest in _listed(package).items():
        try:
            content = Path(str(package.locate_file(name))).read_bytes()
        except OSError:
            problems.append(_("{name} (missing)").format(name=name))
            continue
        if urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode() != digest:
            problems.append(_("{name} (changed)").format(name=name))
    return problems


def _named(problems: list[str]) -> str:
    more = len(problems) - NAMED_FILES
    named = list_of(problems[:NAMED_FILES]) or _("no list of files")
    return named if more <= 0 else _("{named} and {more} more").format(named=named, more=more)


def _dependencies(requirements: list[Requirement]) -> list[Distribution]:
    """Return every package that is needed, directly or by another one, and is installed."""
    found: dict[str, Distribution] = {}
    waiting = [(one.name, frozenset(one.extras)) for one in requirements]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name.lower(), extras) in seen:
            continue
        seen.add((name.lower(), extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[str(package.metadata["Name"]).lower()] = package
        for line in package.requires or ():
            one = Requirement(line)
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
                waiting.append((one.name, frozenset(one.extras)))
    return [found[name] for name in sorted(found)]
