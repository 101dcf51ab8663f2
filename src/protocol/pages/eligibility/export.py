"""A screened cohort as files: tables, the flow diagram, REDCap and FHIR."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord
from protocol.eligibility.cohort import reader, taken
from protocol.eligibility.frames import IDENTITY
from protocol.eligibility.subgroups import ALL, COMPUTABLE
from protocol.exchange.cohort import results as cohort_results
from protocol.exchange.documents.flow import flow_diagram
from protocol.pages.eligibility.screened_cohort import Screened, plain
from protocol.pages.kit import text as elements
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
        off = [name for name in screened.tally.ids if name in screened.off]
        under = cohort_results.stamp(
            screened.record, screened.phase, self.today, self.trial, off, [*map(screened.label, screened.changed)]
        )
        drawn = flow_diagram(screened.tally, order, under)
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
        if screened.tally.participants > LOG_AT_MOST:
            text = _("The screening log of more than {n:,} participants is written in Python, not on this page.")
            return elements.note(text.format(n=LOG_AT_MOST))
        content = cohort_results.screening_log(screened.screening, under, screened.tally)
        return self._csv(_("Screening log (CSV)"), "screening-log", content)

    def _name(self, kind: str, ending: str) -> str:
        return f"{self.trial}-{kind}-{self.today.isoformat()}.{ending}"


LARGEST = 5_000
"""Participants that fit into links of a page; more are for Python."""


class HandingOver:
    """Prepares the files of the present cohort when asked to."""

    def __init__(
        self, record: EligibilityRecord, trial_id: str, today: date, screened: Callable[[], Screened | None]
    ) -> None:
        self.record, self.trial_id, self.today, self.screened = record, trial_id, today, screened
        self.prepare = widgets.Button(description=_("Prepare files of the cohort"))
        self.links = elements.html("", role="status")
        self.view = elements.section(
            _("To REDCap and FHIR"),
            elements.row(self.prepare, elements.html(self._dictionary())),
            self.links,
            lead=_("Study ids only. Import the dictionary into an empty REDCap project first, then the cohort."),
        )
        self.prepare.on_click(self.refresh)

    def refresh(self, _button: Any = None) -> None:
        """Write the files of the cohort as it is screened now."""
        found = self.screened()
        if found is None:
            note = elements.note(_("Open a cohort of your own first; the example is invented."))
        elif len(found.cohort) > LARGEST:
            note = elements.note(_("More than {n} participants: write the files in Python.").format(n=LARGEST))
        else:
            note = self._files(found)
        self.links.value = elements.dress(note, "status")

    def forget(self) -> None:
        """Take the files away: they no longer are what the page shows."""
        if self.links.value:
            self.links.value = ""

    def _files(self, found: Screened) -> Markup:
        from protocol.exchange.cohort.fhir_group import group
        from protocol.exchange.cohort.redcap import import_file
        from protocol.exchange.cohort.results import stamp

        off, changed = [name for name in found.tally.ids if name in found.off], [*map(found.label, found.changed)]
        under = stamp(found.record, found.phase, self.today, self.trial_id, off, changed)
        kinds = {"eligible so far": _("FHIR Group: eligible so far"), "possibly eligible": _("FHIR Group: possibly")}
        links = [
            elements.download(label, f"group_{kind.split()[0]}.json", resource, "application/fhir+json")
            for kind, label in kinds.items()
            for resource in [group(found.screening, found.tally, under, kind)]
        ]
        cohort = import_file(frame_of(found), self.record)
        links.append(elements.download(_("REDCap import (CSV)"), "redcap_import.csv", cohort, "text/csv"))
        return Markup(" ").join(links)

    def _dictionary(self) -> Markup:
        from protocol.exchange.cohort.redcap import dictionary

        return elements.download(
            _("REDCap data dictionary (CSV)"), "redcap_dictionary.csv", dictionary(self.record), "text/csv"
        )


def frame_of(found: Screened) -> pd.DataFrame:
    """Return the facts of a cohort as a table, one row per participant."""
    kinds = {fact.id: fact.type for fact in found.record.facts}
    columns: dict[str, list[Any]] = {}
    for rows, values in reader(found.cohort)([*kinds], np.arange(len(found.cohort))):
        for name, value in values.items():
            cells = [plain(taken(value, np.array([row])), kinds[name]) for row in range(len(rows))]
            columns.setdefault(name, []).extend(cells)
    known = {name: pd.Series(cells, dtype=object) for name, cells in columns.items()}
    return pd.DataFrame({IDENTITY: [*found.cohort.participants], **known})
