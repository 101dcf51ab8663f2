"""The reasons of one criterion as people read them: its tree, and the evidence behind it."""

from markupsafe import Markup

from protocol.eligibility import Answer, Criterion, Evidence, Node
from protocol.pages import elements
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
