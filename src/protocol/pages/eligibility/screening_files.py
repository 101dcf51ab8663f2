"""The screening that stands on the page as files: the record, a page to print, and the days as a calendar."""

from collections.abc import Callable

from markupsafe import Markup

from protocol.eligibility.screening_record import ScreeningRecord, facts_of, screening_record
from protocol.pages.eligibility.participant import Present
from protocol.pages.kit import MadeDocument, coded_data, download, joined, paragraph
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial
from protocol.version import __version__


def kept_screening(trial: Trial, now: Present, study_id: str) -> ScreeningRecord:
    """Return the record of what stands on the page, the same for the log and for a file.

    Raises
    ------
    ProtocolError
        For a text that is not a study id, or facts that cannot be used.
    """
    updated = trial.identity.get("record_updated")
    return screening_record(
        now.record,
        now.facts,
        now.phase,
        now.as_of,
        study_id=study_id,
        trial_id=str(trial.identity["nct_id"].value),
        gate=now.gate,
        sources=now.sources,
        unusable=now.unusable,
        registry_version=str(updated.value) if updated else "",
        software=__version__,
    )


class ScreeningFiles:
    """Writes the screening that stands on the page.

    Parameters
    ----------
    trial : Trial
    present : callable
        Returns what stands on the page.
    """

    def __init__(self, trial: Trial, present: Callable[[], Present]) -> None:
        self.trial, self.present = trial, present
        self._calendars: dict[str, bytes] = {}  # the last file of each study id, whose events the next one cancels

    def links(self, study_id: str) -> Markup:
        """Return links to the files.

        Raises
        ------
        ProtocolError
            For a text that is not a study id, or facts that cannot be used.
        """
        from protocol.exchange.contacts.calendar import eligibility_calendar
        from protocol.exchange.documents.screening import screening_file_name, screening_json

        now = self.present()
        kept = kept_screening(self.trial, now, study_id)
        earlier = self._calendars.get(kept.study_id)
        calendar = eligibility_calendar(kept.trial_id, kept.study_id, now.when, now.as_of, previous=earlier)
        self._calendars[kept.study_id] = calendar
        name = screening_file_name
        files = [
            (_("Record (JSON)"), name(kept, "json"), screening_json(kept), "application/json"),
            *((_("Page to print (HTML)"), *page, "text/html") for page in screening_pages(kept).items()),
            (_("Days (calendar)"), name(kept, "ics"), calendar, "text/calendar"),
        ]
        about = _("Interpretation {interpretation}, rules {rules}, as of {day}.").format(
            interpretation=kept.interpretation_id, rules=kept.rule_hash, day=kept.as_of
        )
        links = joined((download(*file) for file in files), " ")
        return paragraph(links) + coded_data() + paragraph(about, "off")

    def wanted(self, study_id: str) -> MadeDocument:
        """Return the page to print, for the other language to be put beside it.

        Raises
        ------
        ProtocolError
            As :meth:`links`.
        """
        now = self.present()
        kept = kept_screening(self.trial, now, study_id)
        inputs = {"record": kept.model_dump(mode="json")}
        return MadeDocument("screening-record", now.as_of, screening_pages(kept), inputs, names_participants=True)


def screening_pages(kept: ScreeningRecord) -> dict[str, bytes]:
    """Return a screening as a page to print, by its file name."""
    from protocol.exchange.documents.screening import screening_file_name, screening_page

    return {screening_file_name(kept, "html"): screening_page(kept).encode()}


def screened_again(trial: Trial, kept: ScreeningRecord) -> ScreeningRecord:
    """Return a kept screening in the present language; where its facts came from stays as it was written.

    Raises
    ------
    ProtocolError
        If the record of the trial has other criteria or thresholds, or its facts can no longer be used.
    """
    own = trial.eligibility
    changed = {one.id: kept.parameters.get(one.id) for one in own.parameters}
    record = own.with_parameters(
        **{one.id: changed[one.id] for one in own.parameters if changed[one.id] != one.value}
    )
    again = screening_record(
        record,
        facts_of(kept, record),
        kept.phase,
        kept.as_of,
        study_id=kept.study_id,
        trial_id=kept.trial_id,
        gate=kept.gate,
        sources=kept.sources,
        unusable=kept.unusable,
        registry_version=kept.registry_version,
        software=kept.software,
    )
    if (again.rule_hash, again.interpretation_id, again.overall) != (
        kept.rule_hash,
        kept.interpretation_id,
        kept.overall,
    ):
        found = _("other criteria, thresholds or software than in the record of the trial")
        raise ProtocolError(kept.study_id, found, _("a screening of this record"))
    return again
