"""The decisions so far: their path through the grid, and one after another with what was known then."""

from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing, KnownThen
from protocol.chart import Chart
from protocol.figures import conduct as figures
from protocol.pages.kit import Pager, Text, as_written, classed, macros, narrow, paragraph, row
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _, list_of, ngettext, paragraph_of
from protocol.trial import Trial


class DecisionSteps:
    """The path of the decisions, and one of them with what was known when it was made; the last one at first.

    Parameters
    ----------
    desk : Desk

    Attributes
    ----------
    picture : Chart
        The path. A click on a decision chooses it.
    pager : Pager
        Its `page` is the decision that is shown, from 0.
    card : Text
    view : ipywidgets.VBox
        Not displayed without a decision.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._count = desk, 0
        self.picture = Chart(figures.path, description=_("The path of the decisions through the grid"))
        self.pager = Pager(1, self._show, _("Previous decision"), _("Next decision"))
        self.card = Text(role="")
        one = classed(widgets.VBox([self.pager.view, self.card]), "pw-decision")
        counted = _("The fractions: with a DLT / evaluable, of those enrolled between this decision and the next.")
        about = paragraph(paragraph_of((counted, _("Click a point to read about that decision."))), "off")
        self._path = narrow(self.picture)
        self.view = widgets.VBox([row(self._path, one), Text(about, role="")])
        self.picture.observe(self._pick, "picked")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the present decisions; whoever looks at the last one is shown the new one."""
        known, self._count = self._count, len(self._desk.briefing.decisions)
        if self.pager.page >= known - 1:
            self.pager.page = max(self._count - 1, 0)
        self.view.layout.display = None if self._count else "none"
        if self._count:
            self._show()

    def _show(self) -> None:
        now, trial = self._desk.briefing, self._desk.trial
        words = ngettext("Decision {first} of {n}", "Decision {first} of {n}", self._count)
        self.pager.part(self._count, words)
        number = self.pager.page + 1
        rows = decision_rows(now, trial, number)
        self._path.layout.display = None if len(rows) else "none"
        if len(rows):
            self.picture.draw(rows, regimens=opened_regimens(now, trial))
        decision = now.decisions.iloc[number - 1].to_dict()
        self.card.show(_card(decision, self._desk.known_then(number), trial.escalation.grid.labels))

    def _pick(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.pager.page = int(change["new"]["number"]) - 1
            self._show()


def opened_regimens(now: Briefing, trial: Trial) -> tuple[str, ...]:
    """Return the labels of the regimens that were opened, in the order of the grid."""
    opened = set(now.decisions["chosen"].dropna())
    return tuple(label for label in trial.escalation.grid.labels if label in opened)


def decision_rows(now: Briefing, trial: Trial, shown: int = 0) -> pd.DataFrame:
    """Return the decisions that opened a regimen, for :func:`protocol.figures.conduct.path`.

    Parameters
    ----------
    now : Briefing
    trial : Trial
    shown : int
        The number of the decision that is marked, from 1.
    """
    grid, rows = trial.escalation.grid, []
    before, above = -1, False
    for number, one in enumerate(now.decisions.to_dict("records"), start=1):
        if one["chosen"] is None:
            continue
        at = grid.index(one["chosen"])
        above = not above if at == before else at > before  # where the path does not come from
        before = at
        rows.append(
            {
                "number": number,
                "day": one["day"],
                "chosen": one["chosen"],
                "recommended": one["recommended"] or _("stop"),
                "kind": "as recommended" if one["chosen"] == one["recommended"] else "otherwise",
                "words": one["why"],
                "seen": one["seen"],
                "side": "above" if above else "below",
                "marked": number == shown,
            }
        )
    names = ["number", "day", "chosen", "recommended", "kind", "words", "seen", "side", "marked"]
    return pd.DataFrame(rows, columns=names)


def _card(decision: dict[Any, Any], known: KnownThen, labels: tuple[str, ...]) -> Markup:
    recommended, chosen = decision["recommended"], decision["chosen"]
    if chosen == recommended:
        said, kind = _("The decision is what the rule recommended."), ""
    elif recommended is None or recommended in labels:
        said, kind = _("◆ The decision differs from what the rule recommended."), "open"
    else:
        said, kind = _("◆ The committee decided before the rule recommended anything."), "open"
    since = _("{fraction} (with a DLT / evaluable)").format(fraction=decision["seen"])
    pairs = [
        (_("Day"), decision["day"]),
        (_("Regimen before"), known.regimen or _("no regimen")),
        *([(_("Outcomes there by that day"), _seen(known))] if known.regimen else []),
        (_("Recommended"), recommended or _("stop")),
        (_("Decided"), chosen or _("stop")),
        (_("Decided by"), as_written(decision["decided_by"])),
        (_("Reason"), as_written(decision["why"])),
    ]
    if chosen:
        pairs.append((_("Enrolled under it"), _("nobody evaluable yet") if decision["seen"] == "–" else since))
    return macros("escalation").decision(said, kind, pairs)


def _seen(known: KnownThen) -> str:
    """Say how many had a DLT at the open regimen, and how many outcomes were not known."""
    n, pending = known.evaluable, known.pending
    found = ngettext(
        "{count} of {n} evaluable participant had a DLT", "{count} of {n} evaluable participants had a DLT", n
    )
    waits = [_("{n} pending").format(n=pending)] if pending else []
    return list_of([found.format(count=known.dlts, n=n) if n else _("nobody evaluable yet"), *waits], "; ")
