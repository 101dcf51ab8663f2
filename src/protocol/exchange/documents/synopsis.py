"""A synopsis of the whole record in the order of ICH M11, as Markdown or HTML."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from protocol.eligibility import Criterion
from protocol.exchange.documents.templates import render
from protocol.followup import FollowupRecord, Visit
from protocol.records import Provenance, Sourced
from protocol.translation import (
    _,
    about_renderings,
    labelled,
    list_of,
    marked,
    marked_rendering,
    paragraph_of,
    rendering_of,
)
from protocol.trial import Arm, Trial

__all__ = ["Line", "Quote", "Section", "SynopsisTable", "as_html", "as_markdown", "sections"]


def wording_lines(criterion: Criterion, said: Callable[[str], str] = str) -> list[str]:
    """Return the wording, as `said`, and below it those of its numbered parts that are not already in it."""
    parts = [part for part in criterion.parts if part.wording not in criterion.wording]
    return [said(criterion.wording), *(f"   {part.id.rpartition('.')[2]}. {said(part.wording)}" for part in parts)]


class Quote(str):
    """Words of the registry.

    Attributes
    ----------
    rendering : str
        What they say in the reader's language, marked as the workbook's own; "" in English, or if it is not known.
    """

    __slots__ = ("rendering",)
    rendering: str

    def __new__(cls, words: str, rendering: str) -> Self:
        """Return words with what they say."""
        quote = super().__new__(cls, words)
        quote.rendering = rendering
        return quote


@dataclass(frozen=True)
class Line:
    """A sentence or a value with its name and where it comes from."""

    text: str
    name: str = ""
    origin: Provenance | None = None
    is_reference: bool = False


@dataclass(frozen=True)
class SynopsisTable:
    """Rows under a head; a row ends with where it comes from."""

    head: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], Provenance | None], ...]


@dataclass(frozen=True)
class Section:
    """A numbered section of the synopsis."""

    number: str
    title: str
    content: tuple[Line | SynopsisTable, ...]


def sections(trial: Trial) -> tuple[Section, ...]:
    """Say the whole record in the order of ICH M11.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    tuple of Section
        The M11 sections the record has something for: 1 to 6, 8 and 11, and an appendix with the open questions.
        What the record does not state is named as not stated.
    """
    open_ones = _criteria(trial, "undecided")
    undecided = [Section("5", _("Criteria not known to admit or to exclude"), open_ones)] if open_ones else []
    return (
        Section("1.1.1", _("Objectives and endpoints"), _objectives(trial)),
        Section("1.1.2", _("Overall design"), _facts(trial, *_OVERALL)),
        Section("1.2", _("Trial schema"), (_schema(trial),)),
        Section("1.3", _("Schedule of activities"), (_activities(trial.followup),)),
        Section("2", _("Introduction"), _facts(trial, "purpose", "background")),
        Section("4.1", _("Description of trial design"), _design(trial)),
        Section("5.2", _("Inclusion criteria"), _criteria(trial, "inclusion")),
        Section("5.3", _("Exclusion criteria"), _criteria(trial, "exclusion")),
        *undecided,
        Section("6.1", _("Investigational trial intervention"), _intervention(trial)),
        Section("8.1", _("Trial assessments and procedures"), _assessments(trial.followup)),
        Section("11", _("Trial oversight: sites and contacts"), (_sites(trial),)),
        Section("A", _("What no public page states"), tuple(Line(item.label) for item in trial.identity.unknowns)),
        Section("B", _("Open questions to the sponsor"), (_questions(trial),)),
    )


_OVERALL = (
    *("nct_id", "study_type", "phase", "design", "allocation", "intervention_model", "primary_purpose", "masking"),
    *("who_masked", "conditions", "sponsor", "status", "why_stopped", "enrolment", "enrolment_type", "start_date"),
    *("start_date_type", "primary_completion_date", "primary_completion_date_type", "completion_date"),
    *("completion_date_type", "eligible_ages", "gender", "healthy_volunteers", "course", "follow_up"),
)


def _facts(trial: Trial, *names: str) -> tuple[Line, ...]:
    found = [trial.identity.get(name) for name in names]
    return tuple(Line(_value(fact.value), fact.label, fact) for fact in found if fact)


def _value(value: object) -> Quote:
    words = value if isinstance(value, tuple) else (str(value),)
    return Quote(list_of(words, "; "), marked_rendering(words))


def _objectives(trial: Trial) -> tuple[Line | SynopsisTable, ...]:
    outcomes = trial.identity.outcomes
    if not outcomes:
        return (*_facts(trial, "purpose"), Line(_("Outcome measures: not stated in the record.")))
    kinds = {"primary": _("primary"), "secondary": _("secondary"), "other": _("other")}
    rows = tuple(
        ((kinds[item.kind], *map(_value, (item.measure, item.time_frame, item.description))), item)
        for item in outcomes
    )
    return (
        *_facts(trial, "purpose"),
        SynopsisTable((_("Kind"), _("Measure"), _("Time frame"), _("Description")), rows),
    )


def _schema(trial: Trial) -> SynopsisTable:
    """Doses by frequencies, with the amount of each dose and the infusion days of each frequency."""
    days = {str(item.level): list_of(map(str, item.infusion_days)) for item in trial.followup.frequencies}
    levels = [level.id for level in trial.escalation.frequencies]
    head = [
        _("Frequency {level}: study days {days}").format(level=level, days=days.get(level, "?")) for level in levels
    ]
    rows = tuple(
        (
            (f"{dose.id}: {dose.amount.value:,.15g}", *(f"{dose.id}{level}" for level in levels)),
            dose.amount,
        )
        for dose in trial.escalation.doses
    )
    return SynopsisTable((_("Dose: {unit}").format(unit=trial.escalation.dose_unit), *head), rows)


def _activities(record: FollowupRecord) -> SynopsisTable:
    head = (_("Visit"), _("Counted from"), _("Offset"), _("Window"), _("Frequencies"), _("Procedures"))
    return SynopsisTable(head, tuple((_activity(record, visit), visit) for visit in record.all_visits))


def _activity(record: FollowupRecord, visit: Visit) -> tuple[str, ...]:
    names = {item.id: item.name for item in record.procedures}
    names |= {item.id: item.name for item in record.anchors}
    names |= {item.id: item.name for item in record.all_visits}
    window = f"-{visit.window.before} / +{visit.window.after}"
    if visit.window.is_assumption:
        window = _("{what} ({detail})").format(what=window, detail=_("assumption"))
    levels = visit.frequencies or tuple(item.level for item in record.frequencies)
    procedures = list_of(names[name] for name in visit.procedures)
    counted_from = names.get(visit.hangs_on, _("last infusion"))
    return visit.name, counted_from, visit.offset, window, list_of(map(str, levels)), procedures


def _design(trial: Trial) -> tuple[Line, ...]:
    arms = _arms(trial.identity.arms)
    if not trial.states("escalation"):
        return arms
    design = trial.escalation.design
    named: dict[str, Sourced[Any]] = {
        _("Escalation design"): design.name,
        _("First regimen"): design.start,
        _("Target rate of dose-limiting toxicity"): design.target,
        _("Cohort size"): design.cohort_size,
        _("Participants at most in the dose escalation"): design.maximum,
        _("Days in which a toxicity is dose-limiting"): trial.escalation.dlt_window_days,
    }
    return arms + tuple(Line(str(value.value), name, value) for name, value in named.items())


def _arms(arms: Iterable[Arm]) -> tuple[Line, ...]:
    lines = []
    for arm in arms:
        named = _("{what} ({detail})").format(what=rendering_of(arm.name), detail=rendering_of(arm.type))
        known = all(map(rendering_of, (arm.name, arm.type, arm.description)))
        rendering = marked(labelled(named, rendering_of(arm.description))) if known else ""
        lines.append(Line(Quote(arm.description, rendering), f"{arm.name} ({arm.type})", arm))
    return tuple(lines)


def _criteria(trial: Trial, kind: str) -> tuple[Line, ...]:
    found = [item for item in trial.eligibility.criteria if item.kind == kind]
    return tuple(Line(_wording(item), item.id, item) for item in found)


def _wording(criterion: Criterion) -> Quote:
    said = wording_lines(criterion, rendering_of) if rendering_of(criterion.wording) else []
    return Quote("\n".join(wording_lines(criterion)), marked("\n".join(said)))


def _intervention(trial: Trial) -> tuple[Line, ...]:
    products = _arms(trial.identity.interventions)
    doses = tuple(
        Line(
            f"{dose.amount.value:,.15g} {trial.escalation.dose_unit}",
            _("Dose {dose}").format(dose=dose.id),
            dose.amount,
        )
        for dose in trial.escalation.doses
    )
    levels = tuple(
        Line(
            _("infusions on study days {days}").format(days=list_of(map(str, item.infusion_days))),
            _("Frequency {level}").format(level=item.level),
            item,
        )
        for item in trial.followup.frequencies
    )
    return products + (doses if trial.states("escalation") else ()) + (levels if trial.states("followup") else ())


def _assessments(record: FollowupRecord) -> tuple[Line, ...]:
    procedures = tuple(Line(item.name, _("Procedure"), item) for item in record.procedures)
    wait = _("Waiting time before enrolment")
    waits = tuple(Line(labelled(item.name, item.lasts), wait, item) for item in record.lookbacks)
    periods = tuple(Line(labelled(item.name, item.lasts), _("Period"), item) for item in record.periods)
    return procedures + waits + periods


def _sites(trial: Trial) -> SynopsisTable:
    head = (_("Site"), _("Place"), _("Contact"), _("Telephone"), _("Mail"))
    rows = tuple(
        (
            (
                site.name,
                f"{site.city}, {site.province} {site.postcode}, {site.country}",
                *((site.contact.name, site.contact.phone, site.contact.mail) if site.contact else ("", "", "")),
            ),
            site,
        )
        for site in trial.sites
    )
    origin = Provenance(source="registry: central contacts")
    central = tuple(
        ((_("Central contact"), "", one.name, f"{one.phone} {one.phone_extension}".strip(), one.mail), origin)
        for one in trial.central_contacts
    )
    return SynopsisTable(head, rows + central)


def _questions(trial: Trial) -> SynopsisTable:
    head = (_("No."), _("Question"), _("Read until answered as"), _("Severity"))
    return SynopsisTable(
        head, tuple(((item.id, item.question, item.default, _(item.severity)), None) for item in trial.ambiguities)
    )


_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&]|^[-+]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")


def as_markdown(trial: Trial, day: date) -> str:
    """Write the synopsis as Markdown.

    Parameters
    ----------
    trial : Trial
    day : date
        Written into the head.
    """
    return markdown(_title(trial), _lead(trial, day), sections(trial))


def as_html(trial: Trial, day: date) -> str:
    """Write the synopsis as one HTML page, complete in itself; parameters as in :func:`as_markdown`."""
    return html(_title(trial), _lead(trial, day), sections(trial))


def markdown(title: str, lead: str, content: Iterable[Section]) -> str:
    """Write sections as Markdown, under a title and a paragraph."""
    parts = [f"# {_plain(title)}", _plain(lead)]
    for section in content:
        parts.append(f"## {section.number} {_plain(section.title)}")
        parts += map(_markdown, section.content)
    return "\n\n".join(parts) + "\n"


def html(title: str, lead: str, content: Iterable[Section]) -> str:
    """Write sections as one HTML page, complete in itself, under a title and a paragraph."""
    return render("sections.html", title=title, lead=lead, sections=tuple(content))


def _title(trial: Trial) -> str:
    title, number = trial.identity["title"].value, trial.identity["nct_id"].value
    return _("Synopsis of {number}: {title}").format(number=number, title=title)


def _lead(trial: Trial, day: date) -> str:
    count = sum(_is_assumption(item) for section in sections(trial) for item in _origins(section))
    lead = _(
        "Written on {day} from the workbook's record in the order of ICH M11. {count} entries are assumptions of the "
        "workbook, not the sponsor's, and are marked as such."
    ).format(day=day.isoformat(), count=count)
    title = trial.identity["title"].value
    said = (marked_rendering(str(title)), about_renderings(str(fact.value) for fact in trial.identity.facts))
    return paragraph_of([lead, *(_("{text}.").format(text=text) for text in said if text)])


def _origins(section: Section) -> list[Provenance | None]:
    return [
        origin
        for item in section.content
        for origin in ([row[1] for row in item.rows] if isinstance(item, SynopsisTable) else [item.origin])
    ]


def _is_assumption(origin: Provenance | None) -> bool:
    return origin is not None and origin.is_assumption


def _plain(text: str) -> str:
    """Escape what Markdown would read as its own."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _markdown_origin(origin: Provenance | None) -> str:
    if origin is None:
        return ""
    tag = _("**assumption:**")
    return f"{tag} {_plain(origin.origin)}" if origin.is_assumption else f"*{_plain(origin.origin)}*"


def _markdown(item: Line | SynopsisTable) -> str:
    return _markdown_table(item) if isinstance(item, SynopsisTable) else _markdown_line(item)


def _markdown_line(line: Line) -> str:
    head = f"**{_plain(line.name)}** " if line.name else ""
    return f"- {head}{_markdown_words(line.text)} {_markdown_origin(line.origin)}".rstrip()


def _markdown_words(text: str) -> str:
    pieces = (text, text.rendering) if isinstance(text, Quote) else (text,)
    return " ".join(_plain(piece) for piece in pieces if piece)


def _markdown_table(table: SynopsisTable) -> str:
    head = [*map(_plain, table.head), _("Where from")]
    rows = [[*map(_markdown_words, cells), _markdown_origin(origin)] for cells, origin in table.rows]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
