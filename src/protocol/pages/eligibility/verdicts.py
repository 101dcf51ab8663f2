"""Verdicts in words: the answer of a gate, and every criterion with its parts, reasons and evidence."""

from collections.abc import Collection, Iterable

from markupsafe import Markup

from protocol.eligibility import Answer, Change, Criterion, Node, Provisional, Verdict
from protocol.eligibility.criteria import Catalogue
from protocol.eligibility.screening import overall_of
from protocol.eligibility.verdicts import SIGNS, signed
from protocol.pages.eligibility.facts_form import KINDS
from protocol.pages.kit import assumption, details, joined, macros, note_on_renderings, origin, paragraph
from protocol.records import Ambiguity
from protocol.translation import _, list_of, ngettext

_HTML = macros("eligibility")

MOST_LINKS = 6
"""Criteria named in the line of the verdict."""


def verdict_line(
    answers: tuple[Answer, ...], gate: str, answered: tuple[int, int], refused: list[tuple[str, str]], *, empty: bool
) -> Markup:
    """Say the answer of a gate in one line, how much is answered, and what excludes and what is unknown, as links.

    Parameters
    ----------
    answers : tuple of Answer
    gate : {"enrolment", "infusion"}
    answered : (int, int)
        Facts that are answered, and these with those that are asked for.
    refused : list of (str, str)
        Id and label of each fact whose value cannot be used.
    empty : bool
        Whether no fact of the person is known yet.
    """
    kind, answer = _sentence(overall_of(item.verdict for item in answers), gate)
    if empty:
        answer = _("{answer}: nothing is entered yet").format(answer=answer)
    counted = _("{n} of {all} answered").format(n=answered[0], all=answered[1])
    unusable = ngettext("{n} value cannot be used:", "{n} values cannot be used:", len(refused)).format(
        n=len(refused)
    )
    lists = [
        (unusable, "bad", [(fact, label, "") for fact, label in refused]),
        (_("Excludes:"), "bad", _links(answers, "excludes")),
        (_("Unknown:"), "open", _links(answers, "unknown")),
    ]
    shown = [
        (lead, style, links[:MOST_LINKS], _more(len(links) - MOST_LINKS)) for lead, style, links in lists if links
    ]
    return _HTML.verdict_line(kind, answer, counted, shown)


def _more(left: int) -> str:
    return ngettext("and {n} more", "and {n} more", left).format(n=left) if left > 0 else ""


def _links(answers: Iterable[Answer], status: str) -> list[tuple[str, str, str]]:
    """Return the criteria with a verdict: the field to look at, the id, and the title."""
    return [
        (decisive(item), item.verdict.id, item.verdict.title) for item in answers if item.verdict.status == status
    ]


def decisive(answer: Answer) -> str:
    """Return the fact that a criterion waits for, or the first that makes it exclude; "" if there is none."""
    if answer.verdict.status == "unknown":
        return next((gap.fact for gap in answer.verdict.gaps if gap.fact), "")
    failing = _failing(answer.tree, answer) if answer.tree else []
    return next(iter([*failing, *(item.fact for item in answer.evidence)]), "")


def _failing(tree: Node, answer: Answer) -> list[str]:
    """Return the facts of the parts that exclude, or of the statements if there are no parts."""
    parts = {part.id for part in answer.verdict.parts if part.status == "excludes"}
    nodes = [one for one in tree.children if one.says.partition(" ")[0] in parts] or [tree]
    return [name for node in nodes for leaf in node.leaves() if leaf.state == tree.state for name in leaf.facts]


def reasons(answers: tuple[Answer, ...], catalogue: Catalogue, changes: tuple[Change, ...], gate: str) -> Markup:
    """Count the verdicts, list what excludes with the changes that would let it pass, and what is confirmed later.

    Parameters
    ----------
    answers : tuple of Answer
    catalogue : Catalogue
        Its criteria are those of the gate.
    changes : tuple of Change
        Single changes of facts, for the criteria that exclude.
    gate : {"enrolment", "infusion"}
    """
    once = _counted_once(answers, catalogue.criteria)
    counts = {status: sum(one == status for one in once.values()) for status in SIGNS}
    line = " · ".join(f"{signed(status)} {count}" for status, count in counts.items() if count)
    twice = [item.verdict.id for item in answers if item.verdict.id not in once]
    if twice:
        line += _(" · {criteria} counted with others").format(criteria=list_of(twice))
    failed = [
        (
            decisive(item),
            item.verdict.id,
            item.verdict.title,
            item.verdict.reason,
            _changes(item.verdict, changes),
        )
        for item in answers
        if item.verdict.status == "excludes"
    ]
    confirm = _about_infusions(catalogue) if gate == "infusion" else _to_confirm(answers, catalogue)
    decision = _("Decision support; the investigator decides.")
    return _HTML.reasons(line, failed, confirm, decision)


def verdict_list(answers: tuple[Answer, ...], catalogue: Catalogue, ambiguities: Iterable[Ambiguity]) -> Markup:
    """List the criteria by verdict, each with its reason; it opens to wording, tree, evidence and what is unclear.

    What passes and what does not apply is folded away.

    Parameters
    ----------
    answers, catalogue, ambiguities
        Of one gate.
    """
    known = {ambiguity.id: ambiguity for ambiguity in ambiguities}
    rules = {criterion.id: criterion for criterion in catalogue.criteria}
    added = {criterion.id for criterion in catalogue.infusion_criteria}
    groups = []
    for status in ("excludes", "unknown", "passes", "not applicable"):
        some = [answer for answer in answers if answer.verdict.status == status]
        listed = [_criterion(answer, rules[answer.verdict.id], known, added) for answer in some]
        if listed:
            groups.append((f"{signed(status)} ({len(some)})", status in ("excludes", "unknown"), listed))
    return _HTML.criteria(groups, note_on_renderings(answer.verdict.wording for answer in answers))


# The answer of a gate


def _sentence(answer: str, gate: str) -> tuple[str, str]:
    kinds = {"ineligible": "bad", "possibly eligible": "open", "eligible so far": "good"}
    enrolment = {
        "ineligible": _("✕ Not eligible"),
        "possibly eligible": _("? Possibly eligible"),
        "eligible so far": _("✓ Eligible so far"),
    }
    infusion = {
        "ineligible": _("✕ Not to be infused"),
        "possibly eligible": _("? Not yet clear"),
        "eligible so far": _("✓ Nothing known stands against this infusion"),
    }
    return kinds[answer], (infusion if gate == "infusion" else enrolment)[answer]


def _counted_once(answers: Iterable[Answer], criteria: Iterable[Criterion]) -> dict[str, str]:
    """Return the status of every criterion that is counted.

    A mirror is never counted; an implied criterion is counted where the one it follows from passes.
    """
    status = {item.verdict.id: item.verdict.status for item in answers}
    said = {"excludes", "unknown"}
    twice = {
        one.id
        for one in criteria
        if one.mirrors in status or (one.implied_by in status and status[str(one.implied_by)] in said)
    }
    return {name: one for name, one in status.items() if name not in twice}


def _changes(verdict: Verdict, changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    """Say which single changes are enough, and which remove one of several obstacles."""
    own = [change for change in changes if change.criterion == verdict.id]
    enough = " · ".join(change.says for change in own if change.sufficient)
    steps = " · ".join(change.says for change in own if not change.sufficient)
    return [(_("Passes with any of these:"), enough), (_("Each removes one obstacle:"), steps)]


def _about_infusions(catalogue: Catalogue) -> Markup:
    words = _("The registry lists no criteria for an infusion. Assumed for it: {criteria}.")
    assumed = list_of(criterion.id for criterion in catalogue.criteria if criterion.is_assumption)
    return paragraph(joined([assumption(""), words.format(criteria=assumed)], " "))


def _to_confirm(answers: tuple[Answer, ...], catalogue: Catalogue) -> Markup | str:
    """List what is confirmed later, so that an early answer is not taken for the last one."""
    if any(item.verdict.status == "excludes" for item in answers):
        return ""
    later = [
        (item.verdict.id, item.verdict.title, _until(item.provisional))
        for item in answers
        if item.provisional and item.provisional.stage in ("therapy start", "infusion", "follow-up")
    ]
    infusion = _until(Provisional("infusion", None))
    later += [(one.id, catalogue.title(one), infusion) for one in catalogue.infusion_criteria]
    return _HTML.to_confirm(_("Still to confirm:"), later) if later else ""


def _until(still: Provisional) -> str:
    """Say when a provisional answer becomes final."""
    stages = {
        "consent": _("at the consent"),
        "enrolment": _("on the day of enrolment"),
        "therapy start": _("on the day anti-cancer therapy starts"),
        "infusion": _("before each infusion"),
        "follow-up": _("during follow-up"),
    }
    stage = stages[still.stage]
    return _("{stage}, {day}").format(stage=stage, day=still.until.isoformat()) if still.until else stage


# One criterion


def _criterion(
    answer: Answer, criterion: Criterion, ambiguities: dict[str, Ambiguity], added: Collection[str]
) -> Markup:
    unclear = [
        (name, entry.problem, _("Read here as:"), entry.default)
        for name in criterion.ambiguities
        if (entry := ambiguities.get(name))
    ]
    return _HTML.criterion(
        _line(answer.verdict, answer.provisional),
        criterion.wording,
        _origin(criterion, answer.provisional, added),
        [(_line(part), part.wording) for part in answer.verdict.parts],
        _evidence(answer),
        _tree(answer, criterion),
        _("What the words leave open"),
        unclear,
    )


def _line(verdict: Verdict, still: Provisional | None = None) -> Markup:
    early = still is not None and verdict.status in ("passes", "excludes")
    mark = _("provisional") if early else ""
    kind = KINDS[verdict.status]
    return _HTML.line(verdict.id, kind, signed(verdict.status), verdict.title, mark, verdict.reason)


def _origin(criterion: Criterion, still: Provisional | None, added: Collection[str]) -> Markup:
    kinds = {
        "inclusion": _("Inclusion criterion {id}"),
        "exclusion": _("Exclusion criterion {id}"),
        "undecided": _("Criterion {id}, not known whether it admits or excludes"),
    }
    of_list = kinds[criterion.kind].format(id=criterion.id)
    which = _("Before an infusion, no criterion of the list") if criterion.id in added else of_list
    final = _("provisional, final {when}").format(when=_until(still)) if still else _("final")
    return joined([which, final, origin(criterion)], " · ")


def _evidence(answer: Answer) -> Markup | str:
    """List the facts behind a verdict: value with unit, day, where it came from, and why one is not used."""
    if not answer.evidence:
        return ""
    columns = [_("What is known"), _("Value"), _("Measured"), _("Where from")]
    rows = [
        (item.label, item.shown or "–", item.problem and _(item.problem), item.measured or "", item.where)
        for item in answer.evidence
    ]
    return _HTML.evidence(_("Evidence for {rule}").format(rule=answer.verdict.id), columns, rows)


def _tree(answer: Answer, criterion: Criterion) -> Markup | str:
    """Show the parts of a compound criterion and how they are joined; nothing for a single statement."""
    if answer.tree is None or not answer.tree.children:
        return ""
    leads = {"inclusion": _("Required, part by part"), "exclusion": _("Excluded when this is true")}
    lead = leads.get(criterion.kind, _("Not known whether this admits or excludes"))
    return details(lead, _HTML.tree(_node(answer.tree)))


def _node(node: Node) -> Markup:
    states = {"true": ("true", _("● true")), "false": ("off", _("○ false")), "unknown": ("open", _("? unknown"))}
    joins = {
        "and": _("all of these"),
        "or": _("at least one of these"),
        "not": _("not"),
        "unclear": _("a question to the sponsor, when"),
        "too early": _("cannot be judged yet, when"),
    }
    if node.join in ("and", "or") and len(node.children) == 1:  # a part with one statement
        says = _("{part}: {statement}").format(part=node.says, statement=node.children[0].says)
        return _HTML.node(*states[node.state], says, "", [])
    join = joins[node.join] if node.join else ""
    return _HTML.node(*states[node.state], node.says or "", join, [_node(child) for child in node.children])
