"""A document in both languages: this page makes one, another process the other, and they stand side by side."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any

import ipywidgets as widgets

from protocol.conduct import protocol_version
from protocol.pages.kit.fields import button
from protocol.pages.kit.task import PAUSE_SECONDS, Steps, Task
from protocol.pages.kit.text import Text, coded_data, download
from protocol.records import ProtocolError
from protocol.translation import NAMES, _, language, languages
from protocol.trial import Trial

USUAL_SECONDS = 15.0
"""Of the other process, for the words about the time left: it loads the whole workbook."""

ABOUT = "about.json"
"""In the answer of the other process: what its reader sees, beside the files."""


@dataclass(frozen=True)
class MadeDocument:
    """A document that a page has made in its own language, and what it was made from.

    Attributes
    ----------
    document : str
        Its name in :data:`protocol.pages.documents.DOCUMENTS`.
    day : date
        The reader's day.
    files : mapping of str to bytes
        The document by its file name, in the language of this process.
    inputs : mapping of str
        What else it was made from, in the types of JSON.
    sight : mapping of str
        Whose log, up to which entry; see :attr:`protocol.pages.trial_log.desk.Desk.sight`. Empty for a document of
        the record alone.
    names_participants : bool
        Whether study ids are in it.
    """

    document: str
    day: date
    files: Mapping[str, bytes]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    sight: Mapping[str, Any] = field(default_factory=dict)
    names_participants: bool = False


def other_language() -> str:
    """Return the language that texts are not in now; "" if there is one language only."""
    return next((code for code in languages() if code != language()), "")


def version_of(trial: Trial) -> str:
    """Return which version of the record its files hold now; "" for a record that was not read from files."""
    return protocol_version(trial.folder.glob("*.toml")) if trial.folder else ""


class BothLanguages:
    """The choice "In both languages" beside a download: its button, and below it the progress and the files.

    Parameters
    ----------
    trial : Trial
        As it was read from its folder.
    ask : callable
        Called by the button: makes the document in the language of this page; raises ProtocolError if it cannot.

    Attributes
    ----------
    make : ipywidgets.Button
        Not shown if there is one language only.
    files : Text
        The files, or what is wrong.
    view : ipywidgets.VBox
        Everything but the button.
    """

    def __init__(self, trial: Trial, ask: Callable[[], MadeDocument]) -> None:
        self._trial, self._ask, self._names_participants = trial, ask, False
        self._version = version_of(trial)
        names = " · ".join(NAMES.get(code, code) for code in (language(), other_language()) if code)
        self.make = button(_("In both languages"), self._asked, tooltip=names)
        self.files = Text()
        self.view = widgets.VBox([self.files])
        self.show()

    @cached_property
    def task(self) -> Task:
        """The progress of the work, with Stop; built when it is first needed."""
        made = Task(self._offer, refuse=self.files.show, stopped=_("Stopped: no document was made."))
        self.view.children = (made.view, self.files)
        return made

    def show(self, is_there: bool = True) -> None:
        """Offer the choice, or hide it with what it made."""
        is_there = is_there and bool(other_language()) and self._trial.folder is not None
        self.make.layout.display = None if is_there else "none"
        self.forget()

    def forget(self) -> None:
        """Remove the files and stop what is under way, because the page shows something else now."""
        if "task" in vars(self):
            self.task.end()
        self.files.show(None)

    def _asked(self) -> None:
        if self.task.is_running:
            return
        self.files.show(None)
        try:
            made = self._ask()
        except ProtocolError as error:
            self.files.show(error)
            return
        self._names_participants = made.names_participants
        self.task.begin(in_both_languages(made, self._trial, self._version))

    def _offer(self, files: Mapping[str, bytes]) -> None:
        saved = [
            download(_("Save {name}").format(name=name), name, *_typed(name, data)) for name, data in files.items()
        ]
        self.files.show(*saved, coded_data() if self._names_participants else None)


def _typed(name: str, content: bytes) -> tuple[bytes, str]:
    return content, "application/zip" if name.endswith(".zip") else "text/html"


def in_both_languages(made: MadeDocument, trial: Trial, version: str) -> Steps:
    """Have the other document made, and put both side by side.

    Parameters
    ----------
    made : MadeDocument
    trial : Trial
    version : str
        Of the record from which `made` was made.

    Yields
    ------
    dict of str to bytes or None, float
        The files by their names at the end; the part that is done.

    Raises
    ------
    ProtocolError
        If the other process fails, or if it sees another record, log or entry, or as another reader.
    """
    from protocol.exchange.documents.side_by_side import in_both  # here, so that a page opens without it

    request = {
        "document": made.document,
        "folder": str(Path(trial.folder or "").resolve()),
        "day": made.day.isoformat(),
        "inputs": dict(made.inputs),
    }
    answer = yield from _answered(json.dumps(request).encode())
    with zipfile.ZipFile(BytesIO(answer)) as files:
        _compare({"record": version, **made.sight}, json.loads(files.read(ABOUT)))
        others = {name: files.read(name) for name in files.namelist() if name != ABOUT}
    yield (
        {
            both_name(name): in_both(name, own, others[name]) if name in others else own
            for name, own in made.files.items()
        },
        1.0,
    )


def both_name(name: str) -> str:
    """Return what a file is called in both languages."""
    stem, _dot, ending = name.rpartition(".")
    codes = "-".join(code.partition("_")[0] for code in (language(), other_language()))
    return f"{stem}-{codes}.{ending}"


def _answered(request: bytes) -> Generator[tuple[None, float], None, bytes]:
    """Run the other process and return what it answers. It ends with this iterator."""
    code, started, given = other_language(), monotonic(), request
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "protocol", "document", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PROTOCOL_LANGUAGE": code},  # the same log, account and rights as here
    ) as process:
        try:
            while True:
                try:
                    answer, said = process.communicate(given or None, timeout=PAUSE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    given = b""
                    yield None, min(0.9, (monotonic() - started) / USUAL_SECONDS)
        finally:
            process.kill()
    if process.returncode:
        sys.stderr.write(said.decode(errors="replace"))
        found = _("no document in {language}").format(language=NAMES.get(code, code))
        write = _("it in one language, and tell the person who runs the workbook what its own output says")
        raise ProtocolError(_("In both languages"), found, write)
    return answer


def _compare(here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Refuse a document of the other process that saw something else."""
    if dict(here) == dict(there):
        return
    where = _("In both languages")
    if here["record"] != there["record"]:
        raise ProtocolError(
            where, _("files of the record that have changed since"), _("it again on a page opened anew")
        )
    if {**here, "head": ""} == {**there, "head": ""}:
        raise ProtocolError(where, _("new entries in the trial log"), _("it again when the page shows them"))
    raise ProtocolError(where, _("another log, day or role than on this page"), _("it again on a page opened anew"))
