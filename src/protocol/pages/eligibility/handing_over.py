"""A screened cohort for other systems: REDCap and FHIR."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord
from protocol.eligibility.cohort import IDENTITY
from protocol.eligibility.rows import reader, taken
from protocol.pages import elements
from protocol.pages.eligibility.screened import Screened, plain
from protocol.translation import _

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
        from protocol.exchange.cohort_results import stamp
        from protocol.exchange.fhir import group
        from protocol.exchange.redcap import import_file

        off, changed = [name for name in found.planes.ids if name in found.off], [*map(found.label, found.changed)]
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
        from protocol.exchange.redcap import dictionary

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
