"""A screening record as a file: JSON to keep and to read back, and a page to print."""

import json

from pydantic import ValidationError

from protocol.eligibility.screening_record import CriterionRecord, EvidenceRecord, ScreeningRecord
from protocol.eligibility.verdicts import LABELS, SIGNS
from protocol.exchange.documents.templates import render
from protocol.records import ProtocolError
from protocol.translation import _, labelled, list_of

_STAGES = {
    "screening": _("screening"),
    "consent": _("consent"),
    "enrolment": _("enrolment"),
    "therapy start": _("therapy start"),
    "infusion": _("infusion"),
    "follow-up": _("follow-up"),
}
"""When a provisional answer becomes final."""


def screening_json(record: ScreeningRecord) -> bytes:
    """Write a record as JSON; the same record gives the same bytes."""
    content = record.model_dump(mode="json")
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def read_screening(name: str, content: bytes) -> ScreeningRecord:
    """Read a record back.

    Parameters
    ----------
    name : str
        What the file is called in messages.
    content : bytes
        What :func:`screening_json` wrote.

    Raises
    ------
    ProtocolError
        If it is not the JSON of a screening record; the message names the file.
    """
    try:
        return ScreeningRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or _("the file")
        found = _("something else at {place}").format(place=place)
        raise ProtocolError(name, found, _("the JSON of a screening record")) from None


def screening_file_name(record: ScreeningRecord, ending: str) -> str:
    """Name the file of a record: study id, gate and day."""
    return f"screening-{record.study_id}-{record.gate}-{record.as_of.isoformat()}.{ending}"


def screening_page(record: ScreeningRecord) -> str:
    """Return a record as one HTML page, complete in itself, with room for the investigator's signature."""
    gates = {"enrolment": _("enrolment"), "infusion": _("an infusion")}
    registry = _("registry record of {day}").format(day=record.registry_version or _("no known day"))
    about = {
        _("Trial"): list_of((record.trial_id, registry)),
        _("Phase and gate"): list_of((record.phase, gates[record.gate])),
        _("As of"): record.as_of.isoformat(),
        _("Interpretation"): record.interpretation_id,
        _("Rules"): record.rule_hash,
        _("Software"): _("protocol workbook {version}").format(version=record.software),
    }
    return render(
        "screening.html",
        stages=_STAGES,
        title=_("Screening record of {study_id}").format(study_id=record.study_id),
        record=record,
        answer=_answer(record),
        about=about,
        signs=SIGNS,
        verdicts=LABELS,
        origin=_origin,
        evidence=_evidence,
    )


def _answer(record: ScreeningRecord) -> str:
    if record.gate == "infusion":
        answers = {"ineligible": _("✕ Not to be infused"), "possibly eligible": _("? Not yet clear")}
        return answers.get(record.overall, _("✓ Nothing known stands against this infusion"))
    answers = {"ineligible": _("✕ Not eligible"), "possibly eligible": _("? Possibly eligible")}
    return answers.get(record.overall, _("✓ Eligible so far"))


def _origin(entry: CriterionRecord) -> str:
    origin = entry.origin.removeprefix("registry: ")
    kind = _("assumption of the workbook: {origin}") if entry.is_assumption else _("registry: {origin}")
    return kind.format(origin=origin) if entry.is_assumption or origin != entry.origin else origin


def _evidence(item: EvidenceRecord) -> str:
    pieces = [labelled(item.label, item.shown or _("nothing"))]
    pieces += [_("measured {day}").format(day=item.measured.isoformat())] if item.measured else []
    pieces += [item.where] if item.where else []
    pieces += [_(item.problem)] if item.problem else []
    return list_of(pieces, "; ")
