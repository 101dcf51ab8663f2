"""When this participant could be enrolled: the answer in words, and a lane for each criterion that depends on it."""

from collections.abc import Mapping
from datetime import date

from markupsafe import Markup

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord, Lane, Timeline
from protocol.figures import eligibility as figures
from protocol.pages.kit import Panel, Text, joined, paragraph, section, span, strong
from protocol.translation import _, list_of, ngettext


class TimelinePanel(Panel):
    """The days of enrolment of one participant.

    Attributes
    ----------
    answer : Text
        The earliest day, what binds, what closes.
    picture : Chart
        One lane for each criterion that depends on the day; hidden if there is none.
    """

    def __init__(self, record: EligibilityRecord) -> None:
        self.labels = {fact.id: fact.label for fact in record.facts}
        self.labels |= {name: procedure.label for procedure in record.procedures for name in procedure.facts}
        self.answer = Text()
        self.picture = Chart(figures.clocks, description=_("On which days of enrolment each criterion passes"))
        self.view = section(_("Days of enrolment"), self.answer, self.picture)

    def draw(self, when: Timeline) -> None:
        """Show a timeline."""
        self.answer.show(in_words(when, self.labels))
        self.picture.layout.display = "" if when.lanes else "none"
        if when.lanes:
            self.picture.draw(figures.clock_rows(when))


def in_words(when: Timeline, labels: Mapping[str, str]) -> Markup:
    """Say the earliest day and the criterion that passes last, the last day and what ends it, and what to test again.

    Parameters
    ----------
    when : Timeline
    labels : mapping of str to str
        The label of each fact, or of the procedure that measures it, by the fact's id.
    """
    lines = [_opens(when), _closes(when), _again(when, labels), _never(when), _undecided(when)]
    return joined(paragraph(line) for line in lines if line)


def _opens(when: Timeline) -> Markup | str:
    if not when.lanes:
        return _("With what is known, no verdict depends on the day of enrolment.")
    if when.possibly_from is not None:
        return _may_open(when, when.possibly_from)
    if when.earliest is None:
        return _(
            "With the present tests, the criteria that depend on the day do not all pass on any day of enrolment."
        )
    if when.earliest == when.first:
        return strong(_("On {day}, all criteria that depend on the day pass.").format(day=when.first))
    line = _("From {day} on, all criteria that depend on the day pass; the last one:").format(day=when.earliest)
    return strong(line, _names(when.binding))


def _may_open(when: Timeline, day: date) -> Markup | str:
    line = _("Possibly from {day} on; still to be known, or to be done again: {facts}.")
    last = _("The last one: {names}").format(names=_names(when.binding)) if when.binding else ""
    return strong(line.format(day=day, facts=list_of(when.awaited)), last)


def _closes(when: Timeline) -> str:
    if when.possibly_until is not None:
        last = _("Possibly until {day}. After it, no longer passed:").format(day=when.possibly_until)
    elif when.latest is not None:
        last = _("Last day: {day}. After it, no longer passed:").format(day=when.latest)
    else:
        return ""
    return f"{last} {_names(when.closing)}"


def _again(when: Timeline, labels: Mapping[str, str]) -> Markup | str:
    if when.earliest is not None or when.waited is None or not when.to_repeat:
        return ""
    tests = list_of(dict.fromkeys(labels[name] for name in when.to_repeat))
    waits = _("Waiting is over on {day}; to be done again by then: {tests}.")
    line = _("No waiting, but to be done again: {tests}.") if when.waited == when.first else waits
    line = line.format(day=when.waited, tests=tests)
    return strong(line)


def _never(when: Timeline) -> Markup | str:
    if not when.steadily_failing:
        return ""
    words = _("Excludes on every day: {rules}.").format(rules=list_of(when.steadily_failing))
    return span(words, "bad")


def _undecided(when: Timeline) -> Markup | str:
    count = sum(status == "unknown" for status in when.steady.values())
    words = ngettext(
        "{n} criterion or part is unknown on every day.",
        "{n} criteria or parts are unknown on every day.",
        count,
    )
    return span(words.format(n=count), "open") if count else ""


def _names(lanes: tuple[Lane, ...]) -> str:
    return list_of((f"{lane.rule.id} {lane.title}" for lane in lanes), "; ")
