"""Verdicts as people read them: the answer, what to find out next, and every criterion with its reason."""

from collections.abc import Iterable

from markupsafe import Markup

from protocol.eligibility import Criterion, EligibilityRecord, Screening, Verdict
from protocol.figures.eligibility import SIGNS
from protocol.pages import elements
from protocol.records import Ambiguity
from protocol.translation import _, ngettext

CLASSES = {"met": "pw-good", "not met": "pw-bad", "unknown": "pw-open", "not applicable": "pw-off"}


def words(status: str) -> str:
    """Return a verdict in the reader's language, with its sign."""
    names = {
        "met": _("met"),
        "not met": _("not met"),
        "unknown": _("unknown"),
        "not applicable": _("not applicable"),
    }
    return f"{SIGNS[status]} {names[status]}"


def overall(screening: Screening, record: EligibilityRecord) -> Markup:
    """Say the answer in one large line, and what stands behind it in a second."""
    answers = {
        "ineligible": ("pw-bad", _("✕ Not eligible")),
        "possibly eligible": ("pw-open", _("? Possibly eligible")),
        "eligible so far": ("pw-good", _("✓ Eligible so far")),
    }
    style, answer = answers[screening.overall]
    counts = {status: sum(v.status == status for v in screening.verdicts) for status in SIGNS}
    line = " · ".join(f"{words(status)} {count}" for status, count in counts.items())
    failed = [verdict for verdict in screening.verdicts if verdict.status == "not met"]
    because = Markup("").join(Markup("<li><b>{}</b> {}: {}</li>").format(v.id, v.title, v.reason) for v in failed)
    return Markup(
        '<div class="pw-card"><p class="pw-answer {}">{}</p><p>{}</p><ul>{}</ul>{}<p class="pw-off">{}</p></div>'
    ).format(
        style,
        answer,
        line,
        because,
        still_to_confirm(screening, record),
        _("Decision support; the investigator decides."),
    )


def still_to_confirm(screening: Screening, record: EligibilityRecord) -> Markup:
    """List what can only be confirmed after enrolment, so that nobody takes an early answer for the last one."""
    if screening.overall == "ineligible":
        return Markup("")
    later = {
        "therapy start": _("on the day anti-cancer therapy starts"),
        "infusion": _("before each infusion"),
        "follow-up": _("during follow-up"),
    }
    items = [
        Markup("<li><b>{}</b> {}: {}</li>").format(criterion.id, record.title(criterion), later[criterion.confirm])
        for criterion in record.criteria
        if criterion.confirm in later
    ]
    gate = _("Treatment-induced myelosuppression, which the title and the arms require and no criterion does: {when}")
    items.append(Markup("<li>{}</li>").format(gate.format(when=later["infusion"])))
    return Markup("<p>{}</p><ul>{}</ul>").format(
        _("Still to confirm, whatever the answer is now:"), Markup("").join(items)
    )


def next_questions(screening: Screening) -> Markup:
    """List what to find out next, most useful first."""
    if screening.overall == "ineligible":
        return elements.note(_("Nothing more needs to be found out unless a value above changes."))
    if not screening.questions:
        return Markup("")
    items = Markup("").join(
        Markup("<li>{} <span class='pw-off'>{}</span></li>").format(question.label, ", ".join(question.criteria))
        for question in screening.questions[:8]
    )
    more = len(screening.questions) - 8
    rest = ngettext("and {n} more", "and {n} more", more).format(n=more) if more > 0 else ""
    return Markup("<h3>{}</h3><ol>{}</ol><p class='pw-off'>{}</p>").format(_("What to find out next"), items, rest)


def verdict_list(
    screening: Screening, record: EligibilityRecord, ambiguities: Iterable[Ambiguity], status: str
) -> Markup:
    """List the criteria with verdict and reason; each opens to the registry's words and what is unclear in them."""
    known = {ambiguity.id: ambiguity for ambiguity in ambiguities}
    criteria = {criterion.id: criterion for criterion in record.criteria}
    shown = [verdict for verdict in screening.verdicts if status in ("any", verdict.status)]
    if not shown:
        return elements.note(_("No criterion has this verdict."))
    items = Markup("").join(_criterion(verdict, criteria[verdict.id], known) for verdict in shown)
    return Markup('<div class="pw-verdicts">{}</div>').format(items)


def _criterion(verdict: Verdict, criterion: Criterion, ambiguities: dict[str, Ambiguity]) -> Markup:
    kind = _("Inclusion") if criterion.kind == "inclusion" else _("Exclusion")
    unclear = Markup("").join(
        Markup("<li><b>{}</b> {} <i>{}</i> {}</li>").format(name, entry.problem, _("Read here as:"), entry.default)
        for name in criterion.ambiguities
        if (entry := ambiguities.get(name))
    )
    return Markup(
        '<details class="pw-details"><summary>{}</summary><blockquote lang="en">{}</blockquote>'
        "<p>{} {} · {} {} · {}</p>{}{}</details>"
    ).format(
        _line(verdict),
        criterion.wording,
        kind,
        criterion.id[1:],
        _("can be confirmed at:"),
        _(criterion.confirm),
        elements.origin(criterion),
        Markup("").join(_part(part) for part in verdict.parts),
        Markup("<p>{}</p><ul>{}</ul>").format(_("What the words leave open"), unclear) if unclear else "",
    )


def _line(verdict: Verdict) -> Markup:
    return Markup(
        '<span class="pw-line"><span class="pw-id">{}</span><span class="{}">{}</span><span>{}</span>'
        '<span class="pw-reason">{}</span></span>'
    ).format(verdict.id, CLASSES[verdict.status], words(verdict.status), verdict.title, verdict.reason)


def _part(part: Verdict) -> Markup:
    return Markup('<div class="pw-part">{}<blockquote lang="en">{}</blockquote></div>').format(
        _line(part), part.wording
    )
