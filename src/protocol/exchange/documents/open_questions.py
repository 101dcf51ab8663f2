"""The open questions to the sponsor as a page to print, complete in itself."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType

from markupsafe import Markup

from protocol.records import Ambiguity
from protocol.translation import _

STYLE = """
body { font: 11pt/1.45 "Noto Sans", "Noto Sans CJK SC", sans-serif; max-width: 46em; margin: 2em auto;
  padding: 0 1em; }
article { border-top: 1px solid #999; padding: .6em 0; break-inside: avoid; }
h1 { font-size: 1.4em; } h2 { font-size: 1em; margin: 0 0 .3em; } p { margin: .2em 0; }
.answer { border-bottom: 1px solid #999; height: 2.2em; }
"""

ORDER = ("high", "medium", "low")

NOBODY: Mapping[str, int] = MappingProxyType({})


def printable(
    trial_id: object, ambiguities: Iterable[Ambiguity], day: date, decided: Mapping[str, int] = NOBODY
) -> str:
    """Return one HTML page with every question, the gravest first, and room for the sponsor's answer.

    `decided` has for some of the questions how many participants of a cohort the answer decides; those that decide
    more come first among equally grave ones.
    """
    ranked = sorted(ambiguities, key=lambda one: (ORDER.index(one.severity), -decided.get(one.id, 0)))
    articles = Markup("").join(_article(ambiguity, decided) for ambiguity in ranked)
    lead = _("{count} places where the registry's words allow more than one reading; {day}.")
    return str(
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{style}</style>'
            "<h1>{title}</h1><p>{lead}</p>{articles}</html>"
        ).format(
            title=_("Questions to the sponsor of {trial}").format(trial=trial_id),
            style=Markup(STYLE),  # noqa: S704 - the lines above
            lead=lead.format(count=len(ranked), day=day.isoformat()),
            articles=articles,
        )
    )


def _counted(ambiguity: Ambiguity, decided: Mapping[str, int]) -> Markup:
    if ambiguity.id not in decided:
        return Markup("")
    text = _("decides {n:,} participants of the cohort screened").format(n=decided[ambiguity.id])
    return Markup(" · <b>{}</b>").format(text)


def _article(ambiguity: Ambiguity, decided: Mapping[str, int]) -> Markup:
    return Markup(
        "<article><h2>{}. {}</h2><p>{}</p><p><b>{}</b> {}</p><p><b>{}</b> {} · <b>{}</b> {}{}</p>"
        '<p class="answer">{}</p></article>'
    ).format(
        ambiguity.id,
        ambiguity.question,
        ambiguity.problem,
        _("Read until answered as:"),
        ambiguity.default,
        _("Concerns"),
        ", ".join(ambiguity.concerns),
        _("Severity"),
        _(ambiguity.severity),
        _counted(ambiguity, decided),
        _("Answer:"),
    )
