"""The committee's decisions: their history, the form for the next, and who is enrolled on which regimen."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing
from protocol.chart import Chart
from protocol.conduct import event
from protocol.escalation import STOP, Outcomes, choose
from protocol.figures import conduct as figures
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.recorder import Days, Recorder, Wanted, day_in, field, offer, refusal
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial

NONE = ""  # the choice to stop enrolment


class DecisionPanel:
    """What the committee decided so far, what it has to decide now, and the form that records it.

    Attributes
    ----------
    chosen, why, decided_by, on : ipywidgets
        The decision.
    participant, regimen, reason, enrolled_on : ipywidgets
        An enrolment.
    view, past : ipywidgets.VBox
        What is to be decided, and the history.
    decide, enrol : Recorder
        Their buttons.
    """

    def __init__(self, desk: Desk, today: date) -> None:
        self._desk = desk
        self.picture = Chart(figures.path, description=_("The path of the decisions through the grid"))
        self.history, self.state = elements.html(""), elements.html("", role="status")
        self._make_forms(today)
        self._days = Days(today, self.on, self.enrolled_on)
        self.view = self._arranged()
        self._framed = elements.narrow(self.picture)
        self.past = elements.section(_("Decisions so far"), self._framed, self.history)
        self.participant.observe(self._choose, "value")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the present briefing; what stands in the forms stays as it is."""
        now = self._desk.briefing
        if not now.invented:
            self._days.move(now.as_of)
        self.state.value = elements.dress(where_it_stands(now, self._desk.trial), role="status")
        rows = decision_rows(now)
        self._framed.layout.display = None if len(rows) else "none"
        if len(rows):
            self.picture.draw(rows, regimens=regimens_of(now, self._desk.trial))
        self.history.value = elements.dress(history(now))
        self._offer()

    def _make_forms(self, today: date) -> None:
        labels = list(self._desk.trial.escalation.grid.labels)
        options = [*((label, label) for label in labels), (_("no regimen: enrolment stops"), NONE)]
        self.chosen = field(widgets.Dropdown, _("Regimen chosen"), options=options, value=self._advised())
        self.why = field(widgets.Textarea, _("Why"), rows=2, width="min(640px, 100%)")
        self.decided_by = field(widgets.Text, _("Decided by"), value=_("steering committee"))
        self.on = field(Day, _("Day of the decision"), value=today)
        form = (self.chosen, self.why, self.decided_by, self.on)
        self.decide = Recorder(self._desk, _("Record the decision"), self._decision, self._decided, form)
        self.participant = field(widgets.Dropdown, _("Participant"), options=[])
        self._put_in = self._desk.briefing.open_regimen or labels[0]
        self.regimen = field(widgets.Dropdown, _("Regimen"), options=labels, value=self._put_in)
        self.reason = field(widgets.Text, _("Reason"), width="min(640px, 100%)")
        self.enrolled_on = field(Day, _("Enrolled on"), value=today)
        enrolment = (self.participant, self.regimen, self.reason, self.enrolled_on)
        self.enrol = Recorder(self._desk, _("Record the enrolment"), self._enrolment, self._enrolled, enrolment)

    def _arranged(self) -> widgets.VBox:
        label = elements.html(elements.invented() if self._desk.invented else "")
        refused = refusal(self._desk)
        if refused is not None:
            return elements.section(_("The next decision"), label, self.state, elements.html(refused))
        enrolment = elements.section(
            _("Enrol a participant"), elements.row(self.participant, self.regimen, self.enrolled_on), self.reason,
            self.enrol.view, lead=_("Another regimen than the open one, or a doubtful eligibility, needs a reason."),
        )  # fmt: skip
        hint = _("While the design must wait, the record says that nothing was recommended, and what that waits for.")
        decision = [
            elements.row(self.chosen, self.on, self.decided_by), self.why,
            elements.html(Markup('<p class="pw-off">{}</p>').format(hint)), self.decide.view,
        ]  # fmt: skip
        if self._desk.reader.role != "coordinator":
            decision = [elements.html(elements.note(_("Decisions are recorded by the coordinator.")))]
        return widgets.VBox([elements.section(_("The next decision"), self.state, *decision), enrolment])

    def _offer(self) -> None:
        """Offer who can be enrolled."""
        ready = [
            name
            for name, course in self._desk.courses.items()
            if course.screenings and not course.enrolled and not course.withdrawn and course.overall != "ineligible"
        ]
        if tuple(ready) != tuple(self.participant.options):
            offer(self.participant, ready)

    def _choose(self, _change: Any = None) -> None:
        """Begin with a participant: the open regimen is put in until somebody chooses another."""
        self.enrol.show_afresh()
        now = self._desk.briefing
        if self.regimen.value == self._put_in and now.open_regimen:
            self.regimen.value = self._put_in = now.open_regimen

    def _decided(self) -> None:
        self.chosen.value, self.why.value = None, ""

    def _enrolled(self) -> None:
        self.participant.value, self.reason.value = None, ""

    def _advised(self) -> str | None:
        """Return what is put in: what is recommended, nothing while nothing is."""
        following = self._desk.briefing.following
        if following is None:
            return None
        return NONE if following == STOP else self._desk.trial.escalation.grid.labels[following]

    def _decision(self) -> Wanted:
        if self.chosen.value is None:
            raise ProtocolError(_("Regimen chosen"), _("nothing chosen"), _("what the committee decided"))
        chosen, why = self.chosen.value or None, self.why.value.strip()
        if not why:
            raise ProtocolError(_("Why"), _("no reason"), _("why the committee decided so"))
        self._refuse_choice(chosen)
        advised = self._advised()
        basis = {"waits_for": self._desk.briefing.waits_for} if advised is None else {"recommended": advised or None}
        values = {
            "kind": "decision", "on": day_in(self.on), "chosen": chosen, "why": why,
            "decided_by": self.decided_by.value,
        }  # fmt: skip
        return event(values | basis), "", ""

    @property
    def _waits(self) -> bool:
        """Whether the design recommends nothing yet."""
        now = self._desk.briefing
        return now.following is None and now.open_regimen is not None

    def _refuse_choice(self, chosen: str | None) -> None:
        """Return when the committee may choose a regimen; see :func:`protocol.escalation.choose`."""
        now, escalation = self._desk.briefing, self._desk.trial.escalation
        opened = now.decisions["chosen"].dropna()
        if self._waits and chosen == now.open_regimen and len(opened):
            found = _("{regimen}, open already, while nothing is recommended").format(regimen=chosen)
            raise ProtocolError(_("Regimen chosen"), found, _("another one, or this one when the design recommends"))
        at = now.open_regimen or (opened.iloc[-1] if len(opened) else escalation.design.start.value)
        outcomes = Outcomes.parse(escalation.grid, now.notation)
        choose(escalation.designed(), outcomes, escalation.grid.index(at), chosen)

    def _enrolment(self) -> Wanted:
        name = self.participant.value
        if not name:
            raise ProtocolError(_("Participant"), _("nobody chosen"), _("who is enrolled"))
        values = {
            "kind": "enrolled",
            "on": day_in(self.enrolled_on),
            "participant": name,
            "regimen": self.regimen.value,
        }
        course = self._desk.courses.get(name)
        return event(values), course.site if course else "", self.reason.value.strip()


def regimens_of(now: Briefing, trial: Trial) -> tuple[str, ...]:
    """Return the regimens that were opened, the lowest first."""
    opened = set(now.decisions["chosen"].dropna())
    return tuple(label for label in trial.escalation.grid.labels if label in opened)


def decision_rows(now: Briefing) -> pd.DataFrame:
    """Prepare the picture of the decisions that opened a regimen."""
    rows = []
    for number, row in enumerate(now.decisions.to_dict("records"), start=1):
        if row["chosen"] is not None:
            kind = "as recommended" if row["chosen"] == row["recommended"] else "otherwise"
            rows.append(
                (number, row["day"], row["chosen"], row["recommended"] or _("stop"), kind, row["why"], row["seen"])
            )
    names = ["number", "day", "chosen", "recommended", "kind", "words", "seen"]
    return pd.DataFrame(rows, columns=names)


def history(now: Briefing) -> Markup:
    """Tabulate the decisions, the last one first."""
    rows = [
        {
            _("Day"): row["day"], _("Recommended"): row["recommended"] or _("stop"),
            _("Chosen"): _chosen(row["chosen"], row["recommended"]), _("Why"): row["why"],
            _("Decided by"): row["decided_by"], _("DLTs under it"): row["seen"],
        }
        for row in now.decisions.to_dict("records")[::-1]
    ]  # fmt: skip
    if not rows:
        return Markup("<p>{}</p>").format(_("No decision is recorded yet."))
    counted = _("The fractions: participants with a DLT, of the evaluable enrolled there before the next decision.")
    table = elements.table(pd.DataFrame(rows, dtype=object), _("The last one first"))
    return elements.details(_("Every decision with its reason"), table) + Markup('<p class="pw-off">{}</p>').format(
        counted
    )


def _chosen(chosen: str | None, recommended: str | None) -> Markup:
    shown = chosen or _("stop")
    if chosen == recommended:
        return Markup("{}").format(shown)
    return Markup('<b class="pw-open">◆ {}</b>').format(shown)


def where_it_stands(now: Briefing, trial: Trial) -> Markup:
    """Say what the design recommends now, or what the next decision waits for."""
    if now.open_regimen is None:
        return Markup("<p><b>{}</b></p>").format(_("Enrolment is stopped by the last decision."))
    head = Markup("<p><b>{}</b></p>").format(_("Regimen {regimen} is open.").format(regimen=now.open_regimen))
    if now.following is not None:
        what = (
            _("The design recommends to stop.")
            if now.following == STOP
            else _("The design recommends {regimen}.").format(regimen=trial.escalation.grid.labels[now.following])
        )
        return head + Markup("<p><b>▶ {}</b> {}</p>").format(what, now.why)
    waits = [] if not now.free_places else [_("{n} more enrolled at it").format(n=now.free_places)]
    waits += [_waits(row) for row in now.waiting.to_dict("records")]
    items = Markup("").join(Markup("<li>{}</li>").format(text) for text in waits)
    when = _("not before {day}").format(day=now.earliest) if now.earliest else _("on a day not yet known")
    lead = _("Nothing is recommended yet. The next decision can be taken {when}; it waits for:").format(when=when)
    return head + Markup("<p>{}</p><ul>{}</ul>").format(lead, items)


def _waits(row: Mapping[Any, Any]) -> str:
    who = str(row["participant"]) or _("a participant")
    if pd.isna(row["window_ends"]):
        return _("{who}: first infusion not given yet").format(who=who)
    if row["progress"] == "assessment missing":
        return _("{who}: the assessment for DLT is missing").format(who=who)
    return _("{who}: evaluable from {day}").format(who=who, day=row["window_ends"])
