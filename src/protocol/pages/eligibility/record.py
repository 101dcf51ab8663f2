"""Keeping a screening: a study id in, the record as JSON, as a page to print, and the days as a calendar out."""

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import ipywidgets as widgets
from markupsafe import Markup

from protocol import __version__
from protocol.eligibility import EligibilityRecord, Timeline
from protocol.pages import elements
from protocol.records import Phase, ProtocolError
from protocol.translation import _
from protocol.trial import Trial


class Present(NamedTuple):
    """What the panel shows at the moment."""

    record: EligibilityRecord
    facts: dict[str, Any]
    sources: dict[str, str]
    unusable: dict[str, str]
    phase: Phase
    gate: Any
    as_of: date
    when: Timeline


class KeepingPart:
    """The part of the participant panel that writes a screening down.

    Attributes
    ----------
    study_id : ipywidgets.Text
        Never a name.
    prepare : ipywidgets.Button
        Builds the files.
    links : ipywidgets.HTML
        The files, or what is wrong.
    view : ipywidgets.VBox
        The part.
    """

    def __init__(self, trial: Trial, present: Callable[[], Present]) -> None:
        self.trial, self.present = trial, present
        self.study_id = widgets.Text(placeholder="WUH-017", description=_("Study id"), continuous_update=False)
        self.prepare = widgets.Button(description=_("Write it down"), icon="file-text-o")
        self.links = elements.html("", role="status")
        self.prepare.on_click(self._write)
        self.view = elements.section(
            _("Keep this screening"),
            elements.row(self.study_id, self.prepare),
            self.links,
            lead=_(
                "Verdicts, evidence, readings and rules as they stand now; a study id, never a name. It holds every "
                "fact entered: enter the age instead of the date of birth where that may not be kept."
            ),
        )

    def forget(self) -> None:
        """Take the links away: they no longer are what the page shows."""
        if self.links.value:
            self.links.value = ""

    def _write(self, _button: widgets.Button) -> None:
        try:
            self.links.value = elements.dress(self._files(self.present()), "status")
        except ProtocolError as error:
            self.links.value = elements.dress(elements.message(error), "status")

    def _files(self, now: Present) -> Markup:
        from protocol.eligibility.keeping import screening_record
        from protocol.exchange.clock_calendar import clock_calendar
        from protocol.exchange.screening_records import file_name, printable, to_json

        identity = self.trial.identity
        trial_id = str(identity["nct_id"].value)
        updated = identity.get("record_updated")
        day = updated.value if updated else _("no known day")
        kept = screening_record(
            now.record, now.facts, now.phase, now.as_of,
            study_id=self.study_id.value.strip(), trial_id=trial_id, gate=now.gate, sources=now.sources,
            unusable=now.unusable,
            registry_version=_("registry record of {day}").format(day=day),
            software=f"protocol workbook {__version__}",
        )  # fmt: skip
        calendar = clock_calendar(trial_id, kept.study_id, now.when, now.as_of)
        files = [
            (_("Record (JSON)"), file_name(kept, "json"), to_json(kept), "application/json"),
            (_("Page to print (HTML)"), file_name(kept, "html"), printable(kept).encode(), "text/html"),
            (_("Days (calendar)"), file_name(kept, "ics"), calendar, "text/calendar"),
        ]
        about = _("Interpretation {interpretation}, rules {rules}, as of {day}.").format(
            interpretation=kept.interpretation_id, rules=kept.rule_hash, day=kept.as_of
        )
        links = Markup(" ").join(elements.download(*file) for file in files)
        return Markup('<p>{}</p><p class="pw-off">{}</p>').format(links, about)
