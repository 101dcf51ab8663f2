"""What can be kept of a cohort's screening: tables for a spreadsheet, and the flow diagram."""

from datetime import date

import pandas as pd
from markupsafe import Markup

from protocol.eligibility.groups import ALL, COMPUTABLE
from protocol.exchange import cohort_results
from protocol.exchange.flow import flow
from protocol.pages import elements
from protocol.pages.eligibility.screened import Screened
from protocol.translation import _

LEAD = _(
    "Each file says under which thresholds, readings and rules it was found, by which version and on which day. "
    "The groups' file hides what the page hides; the screening log has one line per participant."
)
LOG_AT_MOST = 50_000


class ResultsPanel:
    """The files."""

    def __init__(self, trial: str, today: date) -> None:
        self.trial, self.today = trial, today
        self.files, self.picture = elements.html(""), elements.html("")
        self.view = elements.section(_("To keep"), self.files, self.picture, lead=LEAD)

    def show(self, screened: Screened, order: str | list[str], rates: pd.DataFrame) -> None:
        """Make the files of the present state."""
        off = [name for name in screened.planes.ids if name in screened.off]
        under = cohort_results.stamp(
            screened.record, screened.phase, self.today, self.trial, off, [*map(screened.label, screened.changed)]
        )
        drawn = flow(screened.tally, order, under)
        table = cohort_results.attrition(screened.tally, order, under)
        links = [self._csv(_("Attrition (CSV)"), "attrition", table)]
        links.append(
            elements.download(_("Flow diagram (SVG)"), self._name("flow", "svg"), drawn.encode(), "image/svg+xml")
        )
        if len(rates):
            titles = screened.titles | {ALL: _("Any criterion"), COMPUTABLE: _("Any criterion but the judgements")}
            links.append(self._csv(_("Groups (CSV)"), "groups", cohort_results.groups(rates, titles, under)))
        links.append(self._log(screened, under))
        self.files.value = elements.dress(Markup(" ").join(links))
        picture = Markup(drawn)  # noqa: S704 - escaped where it is written
        self.picture.value = elements.dress(Markup('<div class="pw-figure">{}</div>').format(picture))

    def _csv(self, label: str, kind: str, content: bytes) -> Markup:
        return elements.download(label, self._name(kind, "csv"), content, "text/csv")

    def _log(self, screened: Screened, under: cohort_results.Stamp) -> Markup:
        if screened.planes.participants > LOG_AT_MOST:
            text = _("The screening log of more than {n:,} participants is written in Python, not on this page.")
            return elements.note(text.format(n=LOG_AT_MOST))
        content = cohort_results.screening_log(screened.screening, under, screened.tally)
        return self._csv(_("Screening log (CSV)"), "screening-log", content)

    def _name(self, kind: str, ending: str) -> str:
        return f"{self.trial}-{kind}-{self.today.isoformat()}.{ending}"
