"""A screened cohort as files: tables, the flow diagram, REDCap and FHIR."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord
from protocol.eligibility.cohort import reader, taken
from protocol.eligibility.frames import IDENTITY
from protocol.exchange.cohort import results as cohort_results
from protocol.exchange.documents.flow import flow_diagram
from protocol.pages.eligibility.cohort_counts import ScreenedCohort, plain
from protocol.pages.kit import Panel, Text, button, coded_data, download, joined, macros, note, row, section
from protocol.translation import _

LOG_AT_MOST = 50_000
"""Participants in the screening log of the page."""

LARGEST = 5_000
"""Participants in the files for REDCap and FHIR of the page."""


def stamp(screened: ScreenedCohort, today: date, trial_id: str) -> cohort_results.Stamp:
    """Return under which thresholds, readings and rules a cohort was screened."""
    changed = [*map(screened.label, screened.changed)]
    return cohort_results.stamp(screened.record, screened.phase, today, trial_id, screened.left_out, changed)


class ExportPanel(Panel):
    """Tables and the flow diagram of the present cohort."""

    def __init__(self, trial_id: str, today: date) -> None:
        self.trial_id, self.today = trial_id, today
        self.files, self.picture = Text(role=""), Text(role="")
        lead = _(
            "Each file states the thresholds, readings and rules, the software version and the day. "
            "The file of the subgroups hides what the page hides; the screening log has one line per participant."
        )
        self.view = section(_("Export"), self.files, self.picture, lead=lead)

    def draw(self, screened: ScreenedCohort, order: str | list[str], rates: pd.DataFrame) -> None:
        """Make the files: attrition in this order, and the exclusion rates of the subgroups if there are any."""
        under = stamp(screened, self.today, self.trial_id)
        drawn = flow_diagram(screened.tally, order, under)
        links = [
            self._csv(_("Attrition (CSV)"), "attrition", cohort_results.attrition(screened.tally, order, under)),
            download(_("Flow diagram (SVG)"), self._name("flow", "svg"), drawn.encode(), "image/svg+xml"),
        ]
        if len(rates):
            groups = cohort_results.groups(rates, screened.titles, under)
            links.append(self._csv(_("Subgroups (CSV)"), "groups", groups))
        links.append(self._log(screened, under))
        self.files.show(joined(links, " "), coded_data())
        picture = Markup(drawn)  # noqa: S704 - escaped where it is written
        self.picture.show(macros("eligibility").figure(picture, _("Participant flow")))

    def _csv(self, label: str, kind: str, content: bytes) -> Markup:
        return download(label, self._name(kind, "csv"), content, "text/csv")

    def _log(self, screened: ScreenedCohort, under: cohort_results.Stamp) -> Markup:
        if screened.tally.participants > LOG_AT_MOST:
            text = _("The screening log of more than {n:,} participants is written in Python, not on this page.")
            return note(text.format(n=LOG_AT_MOST))
        content = cohort_results.screening_log(screened.screening, under, screened.tally)
        return self._csv(_("Screening log (CSV)"), "screening-log", content)

    def _name(self, kind: str, ending: str) -> str:
        return f"{self.trial_id}-{kind}-{self.today.isoformat()}.{ending}"


class HandoverPanel:
    """Prepares the files of the present cohort for REDCap and FHIR."""

    def __init__(
        self, record: EligibilityRecord, trial_id: str, today: date, screened: Callable[[], ScreenedCohort | None]
    ) -> None:
        self.record, self.trial_id, self.today, self.screened = record, trial_id, today, screened
        self.prepare, self.links = button(_("Prepare files of the cohort"), self.refresh), Text()
        lead = _("Study ids only. Import the dictionary into an empty REDCap project first, then the cohort.")
        above = row(self.prepare, Text(self._dictionary(), role=""))
        self.view = section(_("Export to REDCap and FHIR"), above, self.links, lead=lead)

    def refresh(self) -> None:
        """Write the files of the cohort as it is screened now."""
        found = self.screened()
        if found is None:
            self.links.show(note(_("Open a cohort of your own first; the example is invented.")))
        elif len(found.cohort) > LARGEST:
            text = _("More than {n} participants: write the files in Python.")
            self.links.show(note(text.format(n=LARGEST)))
        else:
            self.links.show(self._files(found), coded_data())

    def forget(self) -> None:
        """Remove the files, because the page shows something else now."""
        self.links.show(None)

    def _files(self, found: ScreenedCohort) -> Markup:
        from protocol.exchange.cohort.fhir_group import group
        from protocol.exchange.cohort.redcap import import_file

        under = stamp(found, self.today, self.trial_id)
        kinds = {"eligible so far": _("FHIR Group: eligible so far"), "possibly eligible": _("FHIR Group: possibly")}
        links = [
            download(label, f"group_{kind.split()[0]}.json", resource, "application/fhir+json")
            for kind, label in kinds.items()
            for resource in [group(found.screening, found.tally, under, kind)]
        ]
        cohort = import_file(frame_of(found), self.record)
        links.append(download(_("REDCap import (CSV)"), "redcap_import.csv", cohort, "text/csv"))
        return joined(links, " ")

    def _dictionary(self) -> Markup:
        from protocol.exchange.cohort.redcap import dictionary

        content = dictionary(self.record)
        return download(_("REDCap data dictionary (CSV)"), "redcap_dictionary.csv", content, "text/csv")


def frame_of(found: ScreenedCohort) -> pd.DataFrame:
    """Return the facts of a cohort as a table, one row per participant."""
    kinds = {fact.id: fact.type for fact in found.record.facts}
    columns: dict[str, list[Any]] = {}
    for rows, values in reader(found.cohort)([*kinds], np.arange(len(found.cohort))):
        for name, value in values.items():
            cells = [plain(taken(value, np.array([row])), kinds[name]) for row in range(len(rows))]
            columns.setdefault(name, []).extend(cells)
    known = {name: pd.Series(cells, dtype=object) for name, cells in columns.items()}
    return pd.DataFrame({IDENTITY: [*found.cohort.participants], **known})
