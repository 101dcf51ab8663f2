"""Verdicts as people read them: the answer of a gate, every criterion with its parts, reasons and evidence."""

from collections.abc import Iterable

from markupsafe import Markup

from protocol.eligibility import Answer, Change, Criterion, Evidence, Node, Provisional, Verdict
from protocol.eligibility.screening import overall_of
from protocol.figures.eligibility import SIGNS
from protocol.pages.kit import text as elements
from protocol.records import Ambiguity
from protocol.translation import _


def tree(answer: Answer, criterion: Criterion) -> Markup:
    """Show the parts of a compound criterion and how they are joined; nothing for a single statement."""
    if answer.tree is None or not answer.tree.children:
        return Markup("")
    lead = _("Required, part by part") if criterion.kind == "inclusion" else _("Excluded when this is true")
    return elements.details(lead, Markup('<ul class="pw-tree">{}</ul>').format(_node(answer.tree)))


def _node(node: Node) -> Markup:
    if node.join in ("and", "or") and len(node.children) == 1:  # a part with one statement
        says = _("{part}: {statement}").format(part=node.says, statement=node.children[0].says)
        return Markup("<li>{} {}</li>").format(_state(node.state), says)
    inner = Markup("").join(_node(child) for child in node.children)
    nested = Markup("<ul>{}</ul>").format(inner) if inner else ""
    return Markup("<li>{} {}{}</li>").format(_state(node.state), _words(node), nested)


def _words(node: Node) -> Markup:
    joins = {
        "and": _("all of these"),
        "or": _("at least one of these"),
        "not": _("not"),
        "unclear": _("a question to the sponsor, when"),
        "too early": _("cannot be judged yet, when"),
    }
    pieces = [Markup("{}").format(node.says)] if node.says else []
    if node.join:
        pieces.append(Markup("<i>{}</i>").format(joins[node.join]))
    return Markup(": ").join(pieces)


def _state(state: str) -> Markup:
    shown = {
        "true": ("pw-true", _("● true")),
        "false": ("pw-off", _("○ false")),
        "unknown": ("pw-open", _("? unknown")),
    }
    style, words = shown[state]
    return Markup('<span class="pw-state {}">{}</span>').format(style, words)


def evidence(answer: Answer) -> Markup:
    """List the facts behind a verdict: value with unit, day, where it came from, and why one is not used."""
    if not answer.evidence:
        return Markup("")
    rows = Markup("").join(_row(item) for item in answer.evidence)
    headings = (_("What is known"), _("Value"), _("Measured"), _("From"))
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(text) for text in headings)
    return Markup(
        '<div class="pw-scroll" tabindex="0" role="region" aria-label="{}"><table class="pw-table pw-evidence">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(_("Evidence for {rule}").format(rule=answer.verdict.id), head, rows)


def _row(item: Evidence) -> Markup:
    problem = Markup(' <span class="pw-open">{}</span>').format(_(item.problem)) if item.problem else ""
    return Markup('<tr><td>{}</td><td>{}{}</td><td class="pw-date">{}</td><td>{}</td></tr>').format(
        item.label, item.shown or "–", problem, item.measured.isoformat() if item.measured else "", item.where
    )


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


def overall(
    answers: tuple[Answer, ...], criteria: Iterable[Criterion], changes: tuple[Change, ...], gate: str, *, empty: bool
) -> Markup:
    """Say the answer of a gate in one large line, and below it what fails and what would have to be different.

    `empty` says that nothing is known of the person yet.
    """
    style, answer = _sentence(overall_of(item.verdict for item in answers), gate)
    if empty:
        answer = _("{answer}: nothing is entered yet").format(answer=answer)
    once = counted_once(answers, criteria)
    counts = {status: sum(one == status for one in once.values()) for status in SIGNS}
    line = " · ".join(f"{words(status)} {count}" for status, count in counts.items() if count)
    twice = [item.verdict.id for item in answers if item.verdict.id not in once]
    if twice:
        line += _(" · {criteria} counted with others").format(criteria=", ".join(twice))
    failed = [item.verdict for item in answers if item.verdict.status == "not met"]
    because = Markup("").join(
        Markup("<li><b>{}</b> {}: {}{}</li>").format(v.id, v.title, v.reason, _changes(v, changes)) for v in failed
    )
    return Markup(
        '<div class="pw-card"><p class="pw-answer {}">{}</p><p>{}</p><ul>{}</ul>{}<p class="pw-off">{}</p></div>'
    ).format(
        style,
        answer,
        line,
        because,
        _no_gate_of_the_registry() if gate == "infusion" else still_to_confirm(answers),
        _("Decision support; the investigator decides."),
    )


def counted_once(answers: Iterable[Answer], criteria: Iterable[Criterion]) -> dict[str, str]:
    """Return the status of every criterion that says something of its own.

    A mirror says what its criterion says; an implied one counts where the one it follows from is met.
    """
    status = {item.verdict.id: item.verdict.status for item in answers}
    said = {"not met", "unknown"}
    twice = {
        one.id
        for one in criteria
        if one.mirrors in status or (one.implied_by in status and status[str(one.implied_by)] in said)
    }
    return {name: one for name, one in status.items() if name not in twice}


def _sentence(answer: str, gate: str) -> tuple[str, str]:
    enrolment = {
        "ineligible": ("pw-bad", _("✕ Not eligible")),
        "possibly eligible": ("pw-open", _("? Possibly eligible")),
        "eligible so far": ("pw-good", _("✓ Eligible so far")),
    }
    infusion = {
        "ineligible": ("pw-bad", _("✕ Not to be infused")),
        "possibly eligible": ("pw-open", _("? Not yet clear")),
        "eligible so far": ("pw-good", _("✓ Nothing known stands against this infusion")),
    }
    return (infusion if gate == "infusion" else enrolment)[answer]


def _changes(verdict: Verdict, changes: tuple[Change, ...]) -> Markup:
    """Say which single changes would do, and which would remove one of several obstacles."""
    own = [change for change in changes if change.criterion == verdict.id]
    enough = " · ".join(change.says for change in own if change.sufficient)
    steps = " · ".join(change.says for change in own if not change.sufficient)
    lines = [(_("Met with:"), enough), (_("Each removes one obstacle:"), steps)]
    return Markup("").join(
        Markup('<br><span class="pw-change">{} {}</span>').format(lead, text) for lead, text in lines if text
    )


def _no_gate_of_the_registry() -> Markup:
    words = _(
        "No gate of the registry: its title asks for D1, and E15 is about these days; the re-checks are assumed."
    )
    return Markup("<p>{} {}</p>").format(elements.assumption(""), words)


def still_to_confirm(answers: tuple[Answer, ...]) -> Markup:
    """List what is provisional whatever the answer is now, so that nobody takes an early answer for the last one."""
    if any(item.verdict.status == "not met" for item in answers):
        return Markup("")
    later = [
        Markup("<li><b>{}</b> {}: {}</li>").format(item.verdict.id, item.verdict.title, until(item.provisional))
        for item in answers
        if item.provisional and item.provisional.stage in ("therapy start", "infusion", "follow-up")
    ]
    gap = _("Treatment-induced myelosuppression, which the title and the arms require and no criterion does: {when}")
    later.append(Markup("<li>{}</li>").format(gap.format(when=until(Provisional("infusion", None)))))
    return Markup("<p>{}</p><ul>{}</ul>").format(
        _("Still to confirm, whatever the answer is now:"), Markup("").join(later)
    )


def until(still: Provisional) -> str:
    """Say when a provisional answer becomes final."""
    stages = {
        "consent": _("at the consent"),
        "enrolment": _("on the day of enrolment"),
        "therapy start": _("on the day anti-cancer therapy starts"),
        "infusion": _("before each infusion"),
        "follow-up": _("during follow-up"),
    }
    return stages[still.stage] + (f", {still.until.isoformat()}" if still.until else "")


def verdict_list(
    answers: tuple[Answer, ...], criteria: Iterable[Criterion], ambiguities: Iterable[Ambiguity], status: str
) -> Markup:
    """List the criteria with verdict and reason; each opens to words, tree, evidence and what is unclear."""
    known = {ambiguity.id: ambiguity for ambiguity in ambiguities}
    rules = {criterion.id: criterion for criterion in criteria}
    shown = [answer for answer in answers if status in ("any", answer.verdict.status)]
    if not shown:
        return elements.note(_("No criterion has this verdict."))
    items = Markup("").join(_criterion(answer, rules[answer.verdict.id], known) for answer in shown)
    return Markup('<div class="pw-verdicts">{}</div>').format(items)


def _criterion(answer: Answer, criterion: Criterion, ambiguities: dict[str, Ambiguity]) -> Markup:
    verdict = answer.verdict
    unclear = Markup("").join(
        Markup("<li><b>{}</b> {} <i>{}</i> {}</li>").format(name, entry.problem, _("Read here as:"), entry.default)
        for name in criterion.ambiguities
        if (entry := ambiguities.get(name))
    )
    return Markup(
        '<details class="pw-details"><summary>{}</summary><blockquote lang="en">{}</blockquote>'
        "<p>{}</p>{}{}{}{}</details>"
    ).format(
        _line(verdict, answer.provisional),
        criterion.wording,
        _origin(criterion, answer.provisional),
        Markup("").join(_part(part) for part in verdict.parts),
        evidence(answer),
        tree(answer, criterion),
        elements.details(_("What the words leave open"), Markup("<ul>{}</ul>").format(unclear)) if unclear else "",
    )


def _origin(criterion: Criterion, still: Provisional | None) -> Markup:
    kinds = {"I": _("Inclusion {n}"), "E": _("Exclusion {n}"), "D": _("Before an infusion, no criterion of the list")}
    which = kinds[criterion.id[0]].format(n=criterion.id[1:])
    final = _("provisional, final {when}").format(when=until(still)) if still else _("final")
    return Markup("{} · {} · {}").format(which, final, elements.origin(criterion))


def _line(verdict: Verdict, still: Provisional | None = None) -> Markup:
    early = still is not None and verdict.status in ("met", "not met")
    mark = Markup(' <span class="pw-tag">{}</span>').format(_("provisional")) if early else ""
    return Markup(
        '<span class="pw-line"><span class="pw-id">{}</span><span class="{}">{}</span><span>{}{}</span>'
        '<span class="pw-reason">{}</span></span>'
    ).format(verdict.id, CLASSES[verdict.status], words(verdict.status), verdict.title, mark, verdict.reason)


def _part(part: Verdict) -> Markup:
    return Markup('<div class="pw-part">{}<blockquote lang="en">{}</blockquote></div>').format(
        _line(part), part.wording
    )
