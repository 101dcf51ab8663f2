"""From which day on the next first infusion may be given, and why: the wait after a first participant."""

from datetime import date

from markupsafe import Markup

from protocol.briefing import NextInfusion
from protocol.pages.kit import joined, note, origin, paragraph
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _, list_of, ngettext


def next_infusion_words(desk: Desk) -> Markup | None:
    """Return who of the open cohort may be infused from which day on; None if the record has no such rule."""
    now, rule = desk.briefing, desk.trial.escalation.stagger
    if now.next_infusion is None or rule is None:
        return None
    found = now.next_infusion
    said = [_when(found, now.as_of), *_waiting(found)]
    holds = found.until is not None and found.until > now.as_of
    text = joined((*said, origin(rule.days)), " ")
    return note(text) if holds else paragraph(text, "off")


def _when(found: NextInfusion, as_of: date) -> str:
    if found.until is None:
        words = _(
            "Nobody of the open cohort at {regimen} is infused yet: one participant may have the first infusion now, "
            "the others {days} days after it."
        )
        if found.of == "regimen":
            words = _(
                "Nobody is infused at {regimen} yet: one participant may have the first infusion now, the others "
                "{days} days after it."
            )
        return words.format(regimen=found.regimen, days=found.days)
    if found.until > as_of:
        words = _(
            "First infusions at {regimen} from {day} on: the first participant is observed alone for {days} days."
        )
    else:
        words = _(
            "First infusions at {regimen} are free since {day}: the {days} days in which the first participant is "
            "observed alone are over."
        )
    return words.format(regimen=found.regimen, day=found.until, days=found.days)


def _waiting(found: NextInfusion) -> list[str]:
    said = [_("Enrolled and not infused: {names}.").format(names=list_of(found.waiting))] if found.waiting else []
    if found.others and not found.waiting:
        said.append(
            ngettext(
                "{n} participant is enrolled and not infused.",
                "{n} participants are enrolled and not infused.",
                found.others,
            ).format(n=found.others)
        )
    elif found.others:
        said.append(
            ngettext("{n} more waits at another site.", "{n} more wait at other sites.", found.others).format(
                n=found.others
            )
        )
    return said
