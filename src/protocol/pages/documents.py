"""The documents that pages offer, without a page: from Python, from the shell, and for a page in another language."""

import argparse
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from typing import Any

from protocol.exchange.documents.archive import zipped
from protocol.exchange.documents.screening import read_screening
from protocol.pages import AFTER_ESCALATION
from protocol.pages.kit.both_languages import ABOUT, MadeDocument, in_both_languages, other_language, version_of
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


def _screening_record(trial: Trial, _desk: Desk | None, _day: date, inputs: Mapping[str, Any]) -> Files:
    from protocol.pages.eligibility.screening_files import screened_again, screening_pages

    kept = read_screening(_("screening record"), json.dumps(inputs.get("record")).encode())
    return screening_pages(screened_again(trial, kept))


def _statistical_section(trial: Trial, desk: Desk | None, day: date, inputs: Mapping[str, Any]) -> Files:
    from protocol.pages.effect.settings import EffectSettings, phase_two_text
    from protocol.pages.escalation.statistical_section import section_again

    return section_again(trial, day, phase_two_text(EffectSettings(trial, desk)), inputs)


DOCUMENTS: dict[str, Callable[[Trial, Desk | None, date, Mapping[str, Any]], Files]] = {
    "questions": _questions,
    "synopsis": _synopsis,
    "meeting-pack": _meeting_pack,
    "safety-report": _safety_report,
    "screening-record": _screening_record,
    "statistical-section": _statistical_section,
}
"""What makes each document: from the record, the log, the reader's day, and what else stands on its page."""

_OF_PAGES = {"meeting-pack": "overview", "safety-report": "effect", "statistical-section": "escalation"}
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
    name : {"questions", "synopsis", "meeting-pack", "safety-report", "screening-record", "statistical-section"}
    folder : str or Path
        As for :func:`protocol.load_trial`. The log is that of the environment, as for a page.
    day : date, optional
        The reader's day; today if left out.
    both : bool
        In both languages side by side. The other language is made by another process, which takes some ten seconds.
    **inputs
        ``since`` of the meeting pack: the day of the last meeting, as ISO text; that of the last decision if left
        out. ``record`` of the screening record: what :func:`protocol.exchange.screening_json` wrote, read from JSON;
        it is answered again in the present language. ``settings`` of the statistical section: values of the design
        lab by their names in the address of the page; ``trials`` and ``seed`` of its simulation, none if left out.

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
    day = day or trial.today()
    files, sight = _made(name, trial, day, inputs)
    if not both:
        return files
    if not other_language():
        raise ProtocolError(_("In both languages"), _("one language only"), _("the document without it"))
    steps = in_both_languages(MadeDocument(name, day, files, inputs, sight), trial, version_of(trial))
    [(found, _done)] = deque(steps, maxlen=1)
    return dict(found)


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
    """Write a document into a folder: ``protocol-workbook document``. With ``-`` it answers a page."""
    if arguments == ["-"]:
        with redirect_stdout(sys.stderr):  # the answer alone goes out
            content = answer(sys.stdin.buffer.read())
        sys.stdout.buffer.write(content)
        return 0
    parser = argparse.ArgumentParser(
        prog="protocol-workbook document", description=_("Write a document that a page offers.")
    )
    parser.add_argument("name", choices=DOCUMENTS, metavar=_("NAME"), help=" | ".join(DOCUMENTS))
    parser.add_argument("folder", metavar=_("FOLDER"), help=_("of the record of the trial"))
    parser.add_argument("--both", action="store_true", help=_("in both languages side by side"))
    parser.add_argument("--day", type=date.fromisoformat, help=_("the day of the document (default: today)"))
    parser.add_argument(
        "--since", type=date.fromisoformat, help=_("the day of the last meeting, for the meeting pack")
    )
    parser.add_argument("--record", type=Path, help=_("the JSON of a screening, for the screening record"))
    parser.add_argument(
        "--trials", type=int, help=_("simulated trials of each scenario, for the statistical section")
    )
    parser.add_argument("--to", type=Path, default=Path(), metavar=_("FOLDER"), help=_("where to (default: here)"))
    asked = parser.parse_args(arguments)
    inputs = {"since": asked.since and asked.since.isoformat(), "trials": asked.trials}
    try:
        if asked.record:
            kept = read_screening(asked.record.name, asked.record.read_bytes())
            inputs["record"] = kept.model_dump(mode="json")
        inputs = {name: value for name, value in inputs.items() if value is not None}
        files = documents(asked.name, asked.folder, day=asked.day, both=asked.both, **inputs)
    except ProtocolError as error:
        print(error, file=sys.stderr)
        return 1
    for name, content in files.items():
        (asked.to / name).write_bytes(content)
        print(asked.to / name)
    return 0
