"""The documents that pages offer, without a page: from Python, from the shell, and for a page in another language."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from typing import Any

from protocol.exchange.documents.archive import zipped
from protocol.pages import AFTER_ESCALATION, today_there
from protocol.pages.kit.both_languages import ABOUT, Wanted, in_both_languages, other_language, version_of
from protocol.pages.trial_log.desk import Desk, open_desk
from protocol.records import ProtocolError
from protocol.translation import _, list_of
from protocol.trial import Trial, load_trial

Files = dict[str, bytes]
"""File name to content."""


def _questions(trial: Trial, _desk: Desk | None, day: date, _inputs: Mapping[str, Any]) -> Files:
    from protocol.pages.overview.protocol_facts import question_files

    return question_files(trial, day)


def _synopsis(trial: Trial, _desk: Desk | None, day: date, _inputs: Mapping[str, Any]) -> Files:
    from protocol.pages.overview.record_files import synopsis_files

    return synopsis_files(trial, day)


def _meeting_pack(_trial: Trial, desk: Desk | None, _day: date, inputs: Mapping[str, Any]) -> Files:
    from protocol.pages.overview.meeting import meeting_files

    since = inputs.get("since")
    return meeting_files(_needed(desk), date.fromisoformat(since) if since else None)


def _safety_report(trial: Trial, desk: Desk | None, _day: date, _inputs: Mapping[str, Any]) -> Files:
    from protocol.pages.effect.report import safety_files
    from protocol.pages.effect.settings import EffectSettings

    return safety_files(_needed(desk), EffectSettings(trial, desk))


DOCUMENTS: dict[str, Callable[[Trial, Desk | None, date, Mapping[str, Any]], Files]] = {
    "questions": _questions,
    "synopsis": _synopsis,
    "meeting-pack": _meeting_pack,
    "safety-report": _safety_report,
}
"""What makes each document: from the record, the log, the reader's day, and what else stands on its page."""

_OF_PAGES = {"meeting-pack": "overview", "safety-report": "effect"}
"""The page whose log a document shows; the others are of the record alone."""


def _needed(desk: Desk | None) -> Desk:
    if desk is None:
        raise ProtocolError("PROTOCOL_LOG", _("no log, and no example"), _("the log of the trial"))
    return desk


def documents(
    name: str, folder: str | Path, *, day: date | None = None, both: bool = False, **inputs: Any
) -> dict[str, bytes]:
    """Make a document that a page offers.

    Parameters
    ----------
    name : {"questions", "synopsis", "meeting-pack", "safety-report"}
    folder : str or Path
        As for :func:`protocol.load_trial`. The log is that of the environment, as for a page.
    day : date, optional
        The reader's day; today if left out.
    both : bool
        In both languages side by side. The other language is made by another process, which takes some ten seconds.
    **inputs
        ``since`` of the meeting pack: the day of the last meeting, as ISO text; that of the last decision if left out.

    Returns
    -------
    dict of str to bytes
        The files that the page offers, by their names.

    Raises
    ------
    ProtocolError
        If there is no such document, or if the record or the log cannot be used.
    """
    if name not in DOCUMENTS:
        raise ProtocolError(_("document"), repr(name), _("one of {names}").format(names=list_of(DOCUMENTS)))
    trial = load_trial(folder)
    day = day or today_there(trial)
    files, sight = _made(name, trial, day, inputs)
    if not both:
        return files
    if not other_language():
        raise ProtocolError(_("In both languages"), _("one language only"), _("the document without it"))
    found: dict[str, bytes] | None = None
    for found, _done in in_both_languages(Wanted(name, day, files, inputs, sight), trial, version_of(trial)):
        pass
    return found or {}


def _made(name: str, trial: Trial, day: date, inputs: Mapping[str, Any]) -> tuple[Files, dict[str, Any]]:
    """Return the files, and what the reader of this process sees."""
    page = _OF_PAGES.get(name)
    desk = None
    if page:
        shown = trial.in_phase_two() if page in AFTER_ESCALATION else trial
        desk = open_desk(shown, os.environ, lambda: day)
    return DOCUMENTS[name](trial, desk, day, inputs), desk.sight if desk else {}


def answer(request: bytes) -> bytes:
    """Return the answer to a page of another language: a ZIP file with the files and :data:`ABOUT`."""
    asked = json.loads(request)
    trial, day = load_trial(asked["folder"]), date.fromisoformat(asked["day"])
    version = version_of(trial)
    files, sight = _made(asked["document"], trial, day, asked["inputs"])
    return zipped(files | {ABOUT: json.dumps({"record": version, **sight}).encode()}, day)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a document into a folder: ``protocol-workbook document``. With ``-`` answer a page; see :func:`answer`."""
    if arguments == ["-"]:
        with redirect_stdout(sys.stderr):  # the answer alone goes out
            content = answer(sys.stdin.buffer.read())
        sys.stdout.buffer.write(content)
        return 0
    parser = argparse.ArgumentParser(
        prog="protocol-workbook document", description=_("Write a document that a page offers.")
    )
    parser.add_argument("name", choices=DOCUMENTS, metavar=_("NAME"), help=" | ".join(DOCUMENTS))
    parser.add_argument("folder", metavar=_("FOLDER"), help=_("of the trial, such as data/NCT05672420"))
    parser.add_argument("--both", action="store_true", help=_("in both languages side by side"))
    parser.add_argument("--day", type=date.fromisoformat, help=_("the day of the document (default: today)"))
    parser.add_argument("--since", help=_("the day of the last meeting, for the meeting pack"))
    parser.add_argument("--to", type=Path, default=Path(), metavar=_("FOLDER"), help=_("where to (default: here)"))
    asked = parser.parse_args(arguments)
    inputs = {"since": date.fromisoformat(asked.since).isoformat()} if asked.since else {}
    try:
        files = documents(asked.name, asked.folder, day=asked.day, both=asked.both, **inputs)
    except ProtocolError as error:
        print(error, file=sys.stderr)
        return 1
    for name, content in files.items():
        (asked.to / name).write_bytes(content)
        print(asked.to / name)
    return 0

