"""Reports of serious adverse events in words: what is to be done, and where the days come from."""

from markupsafe import Markup, escape

from protocol.effect import reporting_days
from protocol.pages.kit import in_english, joined, origin, paragraph
from protocol.translation import _
from protocol.trial import Trial

RECORDED_AS = {"sponsor": "known_on", "first": "reported_on", "completed": "completed_on"}
"""The field of the log that says that a report was made; a judgement has none."""


def reporting_words(trial: Trial) -> Markup:
    """Say by when what is reported, with the origin of each part; or that the record names no rule."""
    rule = trial.effect.reporting if trial.effect else None
    if rule is None:
        return paragraph(_("The record names no rule by which serious adverse events are reported."), "off")
    days = reporting_days(rule.value)
    words = _(
        "Serious adverse events: {hours} hours from the site to the sponsor. Those that are related and unexpected: "
        "{fatal} days to the first report if fatal or life-threatening, and {more} more to the completed one; "
        "{other} days for the others. Calendar days from the day on which the sponsor first knew, holidays included."
    ).format(hours=days.sponsor_hours, fatal=days.fatal_days, more=days.follow_up_days, other=days.other_days)
    said = escape(_("The days: {source}. The hours, an assumption: {assumption}.")).format(
        source=in_english(days.source.removeprefix("page: ")), assumption=in_english(days.sponsor_assumption)
    )
    return joined((paragraph(joined((words, origin(rule)), " "), "off"), paragraph(said, "off")))
