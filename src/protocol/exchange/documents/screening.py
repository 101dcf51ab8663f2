"""A screening record as a file: JSON to keep and to read back, and a page to print, complete in itself."""

import json

from markupsafe import Markup
from pydantic import ValidationError

from protocol.eligibility.screening_record import CriterionRecord, EvidenceRecord, ScreeningRecord
from protocol.records import ProtocolError
from protocol.translation import _

STYLE = """
body { font: 10pt/1.4 "Noto Sans", "Noto Sans CJK SC", sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em;
  color: #111; background: #fff; }
h1 { font-size: 1.4em; margin-bottom: .2em; } h2 { font-size: 1.1em; } .answer { font-size: 1.3em; font-weight: 700; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em 1em; } dt { color: #555; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .3em .5em;
  border-bottom: 1px solid #bbb; } tr { break-inside: avoid; } thead { display: table-header-group; }
.words { color: #555; font-size: .9em; } .verdict { font-weight: 700; } .verdict .words { font-weight: 400; }
table { table-layout: fixed; } th:nth-child(2) { width: 15%; } th:nth-child(3) { width: 48%; } ul { margin: .2em 0;
  padding-left: 1.2em; } .part td:first-child { padding-left: 1.5em; } .sign { margin-top: 2.5em; display: flex;
  gap: 2em; } .sign span { border-top: 1px solid #555; flex: 1; padding-top: .2em; color: #555; }
"""

SIGNS = {"met": "✓", "not met": "✕", "unknown": "?", "not applicable": "–"}


def to_json(record: ScreeningRecord) -> bytes:
    """Write a record as JSON; the same record gives the same bytes."""
    content = record.model_dump(mode="json")
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def read_json(name: str, content: bytes) -> ScreeningRecord:
    """Read a record back.

    Raises
    ------
    ProtocolError
        Naming the file, when it is not the JSON of a screening record.
    """
    try:
        return ScreeningRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or _("the file")
        found = _("something else at {place}").format(place=place)
        raise ProtocolError(name, found, _("the JSON of a screening record")) from None


def file_name(record: ScreeningRecord, ending: str) -> str:
    """Name the file of a record: study id, gate and day."""
    return f"screening-{record.study_id}-{record.gate}-{record.as_of.isoformat()}.{ending}"


def printable(record: ScreeningRecord) -> str:
    """Return a record as one HTML page that needs nothing from anywhere."""
    title = _("Screening record of {study_id}").format(study_id=record.study_id)
    rows = Markup("").join(_rows(entry) for entry in record.criteria)
    headings = (_("Criterion"), _("Verdict"), _("Why, and what is known"))
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(text) for text in headings)
    signature = (_("Investigator"), _("Signature"), _("Date"))
    return str(
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{style}</style>'
            '<h1>{title}</h1><p class="answer">{answer}</p><p><b>{decides}</b></p>{about}'
            "<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{unusable}"
            '<p class="sign">{signature}</p></html>'
        ).format(
            title=title,
            style=Markup(STYLE),  # noqa: S704 - the lines above
            answer=_answer(record),
            decides=record.decides,
            about=_about(record),
            head=head,
            rows=rows,
            unusable=_unusable(record),
            signature=Markup("").join(Markup("<span>{}</span>").format(text) for text in signature),
        )
    )


def _answer(record: ScreeningRecord) -> str:
    if record.gate == "infusion":
        answers = {"ineligible": _("✕ Not to be infused"), "possibly eligible": _("? Not yet clear")}
        return answers.get(record.overall, _("✓ Nothing known stands against this infusion"))
    answers = {"ineligible": _("✕ Not eligible"), "possibly eligible": _("? Possibly eligible")}
    return answers.get(record.overall, _("✓ Eligible so far"))


def _about(record: ScreeningRecord) -> Markup:
    gates = {"enrolment": _("enrolment"), "infusion": _("an infusion")}
    lines = {
        _("Trial"): f"{record.trial_id}, {record.registry_version}",
        _("Phase and gate"): f"{record.phase}, {gates[record.gate]}",
        _("As of"): record.as_of.isoformat(),
        _("Interpretation"): record.interpretation_id,
        _("Rules"): record.rule_hash,
        _("Software"): record.software,
    }
    items = (Markup("<dt>{}</dt><dd>{}</dd>").format(label, value) for label, value in lines.items())
    return Markup("<dl>{}</dl>").format(Markup("").join(items))


def _rows(entry: CriterionRecord, is_part: bool = False) -> Markup:
    verdict = {"met": _("met"), "not met": _("not met"), "unknown": _("unknown")}
    word = verdict.get(entry.status, _("not applicable"))
    evidence = Markup("").join(Markup("<li>{}</li>").format(_evidence(item)) for item in entry.evidence)
    own = Markup(
        '<tr{}><td><b>{}</b> {}<div class="words" lang="en">{}</div></td><td class="verdict">{} {}{}{}</td>'
        "<td>{}{}</td></tr>"
    ).format(
        Markup(' class="part"') if is_part else "",
        entry.id,
        entry.title,
        entry.wording,
        SIGNS[entry.status],
        word,
        _still(entry),
        Markup('<div class="words">{}</div>').format(_origin(entry)) if entry.origin and not is_part else "",
        entry.reason,
        Markup("<ul>{}</ul>").format(evidence) if evidence else "",
    )
    return own + Markup("").join(_rows(part, is_part=True) for part in entry.parts)


def _origin(entry: CriterionRecord) -> str:
    origin = entry.origin.removeprefix("registry: ")
    kind = _("assumption of the workbook: {origin}") if entry.is_assumption else _("registry: {origin}")
    return kind.format(origin=origin) if entry.is_assumption or origin != entry.origin else origin


def _still(entry: CriterionRecord) -> Markup:
    if entry.provisional_until is None:
        return Markup("")
    until = _("provisional until: {stage}").format(stage=_(entry.provisional_until))
    day = f" ({entry.provisional_day.isoformat()})" if entry.provisional_day else ""
    return Markup('<div class="words">{}{}</div>').format(until, day)


def _evidence(item: EvidenceRecord) -> str:
    pieces = [f"{item.label}: {item.shown or _('nothing')}"]
    pieces += [_("measured {day}").format(day=item.measured.isoformat())] if item.measured else []
    pieces += [item.where] if item.where else []
    pieces += [_(item.problem)] if item.problem else []
    return "; ".join(pieces)


def _unusable(record: ScreeningRecord) -> Markup:
    if not record.unusable:
        return Markup("")
    items = (
        Markup("<li>{}: {}</li>").format(record.labels.get(name, name), _(why))
        for name, why in record.unusable.items()
    )
    return Markup("<h2>{}</h2><ul>{}</ul>").format(_("Found, but not usable"), Markup("").join(items))
