"""When this participant could be enrolled: the answer in words and a lane for every clock."""

from collections.abc import Mapping
from datetime import date

from markupsafe import Markup

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord, Lane, Timeline
from protocol.figures import eligibility as figures
from protocol.pages.kit import text as elements
from protocol.translation import _, ngettext


class ClocksPart:
    """The part of the participant panel about days.

    Attributes
    ----------
    answer : ipywidgets.HTML
        The earliest day, what binds, what closes.
    picture : Chart
        One lane per clock; hidden when no clock turns.
    view : ipywidgets.VBox
        The part.
    """

    def __init__(self, record: EligibilityRecord) -> None:
        self.labels = {fact.id: fact.label for fact in record.facts}
        self.labels |= {name: procedure.label for procedure in record.procedures for name in procedure.facts}
        self.answer = elements.html("", role="status")
        self.picture = Chart(figures.clocks, description=_("On which days of enrolment each clock allows it"))
        self.view = elements.section(_("When"), self.answer, self.picture)

    def show(self, when: Timeline) -> None:
        """Show a timeline."""
        self.answer.value = elements.dress(in_words(when, self.labels), "status")
        self.picture.layout.display = "" if when.lanes else "none"
        if when.lanes:
            self.picture.draw(figures.clock_rows(when))


def in_words(when: Timeline, labels: Mapping[str, str]) -> Markup:
    """Say the earliest day and the clock that binds, the last day and what closes it, and what to test again."""
    lines = [_opens(when), _closes(when), _again(when, labels), _never(when), _undecided(when)]
    shown = [line for line in lines if line]
    return Markup("").join(Markup("<p>{}</p>").format(line) for line in shown)


def _opens(when: Timeline) -> Markup:
    if not when.lanes:
        return Markup("{}").format(_("No verdict changes with the day of enrolment on what is known."))
    if when.possibly_from is not None:
        return _may_open(when, when.possibly_from)
    if when.earliest is None:
        return Markup("{}").format(_("On no day do all clocks allow enrolment with the tests at hand."))
    if when.earliest == when.first:
        return Markup("<b>{}</b>").format(_("Every clock allows enrolment on {day}.").format(day=when.first))
    line = _("Every clock allows enrolment from {day} on; the last one to open:").format(day=when.earliest)
    return Markup("<b>{}</b> {}").format(line, _names(when.binding))


def _may_open(when: Timeline, day: date) -> Markup:
    line = _("Possibly from {day} on; still to be known, or to be done again: {facts}.")
    shown = Markup("<b>{}</b>").format(line.format(day=day, facts=", ".join(when.awaited)))
    if not when.binding:
        return shown
    return shown + Markup(" {} {}").format(_("The last one to open:"), _names(when.binding))


def _closes(when: Timeline) -> Markup:
    if when.possibly_until is not None:
        last = _("Possibly until {day}. Then closes or expires:").format(day=when.possibly_until)
        return Markup("{} {}").format(last, _names(when.closing))
    if when.latest is None:
        return Markup("")
    last = _("Last day: {day}. Then closes or expires:").format(day=when.latest)
    return Markup("{} {}").format(last, _names(when.closing))


def _again(when: Timeline, labels: Mapping[str, str]) -> Markup:
    if when.earliest is not None or when.waited is None or not when.to_repeat:
        return Markup("")
    tests = ", ".join(dict.fromkeys(labels[name] for name in when.to_repeat))
    waits = _("Waiting is over on {day}; to be done again by then: {tests}.")
    line = _("No waiting, but to be done again: {tests}.") if when.waited == when.first else waits
    line = line.format(day=when.waited, tests=tests)
    return Markup("<b>{}</b>").format(line)


def _never(when: Timeline) -> Markup:
    if not when.steadily_failing:
        return Markup("")
    words = _("Whatever the day, not met: {rules}.").format(rules=", ".join(when.steadily_failing))
    return Markup('<span class="pw-bad">{}</span>').format(words)


def _undecided(when: Timeline) -> Markup:
    count = sum(status == "unknown" for status in when.steady.values())
    words = ngettext(
        "{n} criterion or part is unknown whatever the day.",
        "{n} criteria or parts are unknown whatever the day.",
        count,
    )
    return Markup('<span class="pw-open">{}</span>').format(words.format(n=count)) if count else Markup("")


def _names(lanes: tuple[Lane, ...]) -> str:
    return "; ".join(f"{lane.rule.id} {lane.title}" for lane in lanes)
