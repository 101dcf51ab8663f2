"""Eligibility: one participant or a cohort, under the protocol's thresholds or changed ones."""

from contextlib import nullcontext
from datetime import date
from functools import cached_property
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup
from traitlets import link

from protocol.conduct import Entry
from protocol.eligibility import Cohort, EligibilityRecord, Parameter, Screening, failure_rates
from protocol.eligibility.screening_record import interpretation_id, kept_facts
from protocol.exchange.clinical.findings import Imported, Imports
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.files import read_cohort
from protocol.pages.eligibility.cohort import CohortPanel
from protocol.pages.eligibility.cohort_counts import ScreenedCohort
from protocol.pages.eligibility.export import HandoverPanel
from protocol.pages.eligibility.hospital_records import RecordsPanel, left_unknown, problems, sources
from protocol.pages.eligibility.participant import ParticipantPanel
from protocol.pages.eligibility.screening_files import ScreeningFiles, kept_screening
from protocol.pages.eligibility.settings import ChangedValues, Choice, FormDraft
from protocol.pages.eligibility.thresholds import ThresholdsDrawer
from protocol.pages.kit import BothLanguages, Panel, Tabs, field, paragraph, strong
from protocol.pages.kit.page_state import set_from_text
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.screenings import ScreeningPanel
from protocol.records import Phase, ProtocolError
from protocol.translation import _, paragraph_of
from protocol.trial import Trial


class EligibilityPage(Panel):
    """Is this person eligible, what is missing; and what does a threshold do to a cohort.

    Parameters
    ----------
    trial : Trial
    today : date
        The day of the answers.
    desk : Desk, optional
        The log; with it screenings are recorded below the participant.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self.trial, self.record, self.today = trial, trial.eligibility, today
        self.phase = field(widgets.ToggleButtons, _("Phase"), width="form", options=self.record.phases)
        self._rates: tuple[int, Phase, dict[str, float]] | None = None
        self._imported: dict[str, Imported] = {}
        self._stale = True  # the cohort in sight is not screened with the present inputs
        self.person = ParticipantPanel(trial, today, self._chances, self.phase, self._put_record, self._empty)
        self.person.form.confirmer = "" if desk is None or desk.invented else desk.reader.actor
        files = ScreeningFiles(trial, self.person.present)
        both = BothLanguages(trial, lambda: files.wanted(self.screenings.study_id.value.strip()))
        self.screenings = ScreeningPanel(
            desk,
            self.person.as_of,
            self._result,
            files.links,
            self._reopen,
            saved=lambda: self._draft.keep(),
            both=both,
            as_page=lambda: self._draft.put_in(),
            begin=self._begin,
        )
        self._picture, self._changes = Choice(), ChangedValues(self._change)
        self._unkept = Choice()
        self._draft = FormDraft(self.person.form, self.screenings.study_id, self.screenings.reopened)
        self.tabs = Tabs(
            {
                "patient": (_("Patient"), self._patient()),
                "cohort": (_("Cohort"), self._cohort),
                "import": (_("Import and export"), self._import),
            }
        )
        self.view = self.tabs
        self.in_address = {
            "tab": self.tabs,
            "participant": self.screenings.reopened,
            "phase": self.phase,
            "check": self.person.gate,
            "picture": self._picture,
            "changed": self._changes,
        }
        self.drafts, self.unkept = {"form": self._draft}, (self._unkept,)
        self.redraw_on(self.phase)
        self.person.form.observe(lambda _change: self.screenings.forget(), "value")
        self.tabs.observe(self._show_open, "value")
        self.show()

    @cached_property
    def example(self) -> Cohort | None:
        """The invented cohort; None if the trial has none."""
        if not self.trial.examples:
            return None
        return self.record.cohort(read_cohort("example", self.trial.examples.cohort(), self.record).frame)

    @cached_property
    def cohort(self) -> CohortPanel:
        """The cohort, built when it is first needed."""
        panel = CohortPanel(self.trial, self.today, self.example, self._unkept, self.handing_over.forget)
        panel.chosen.observe(self._choose, "value")
        if self._picture.value:
            panel.tabs.value = self._picture.value
        link((self._picture, "value"), (panel.tabs, "value"))
        return panel

    @cached_property
    def thresholds(self) -> ThresholdsDrawer:
        """The thresholds and readings, built when they are first needed."""
        drawer = ThresholdsDrawer(self.record, self._reset)
        self.redraw_on(*drawer.controls.values())
        return drawer

    @cached_property
    def records(self) -> RecordsPanel:
        """The hospital records, built when they are first needed."""
        return RecordsPanel(self.trial, self.today, self._take_person, self._take_cohort)

    @cached_property
    def handing_over(self) -> HandoverPanel:
        """The export to other systems, built when it is first needed."""
        return HandoverPanel(self.record, str(self.trial.identity["nct_id"].value), self.today, self._screened)

    def draw(self) -> None:
        """Screen with the present inputs what is in sight: the participant, or the cohort."""
        if "thresholds" in vars(self):
            self.thresholds.show(self.changed)
            self._changes.say(self.changed)
        if "handing_over" in vars(self):
            self.handing_over.forget()
        self.screenings.forget()
        self._stale = True
        self._show_open()

    def _show_open(self, _change: Any = None) -> None:
        if self.tabs.value == "patient":  # out of sight it would only make the sliders slower
            self.person.show(self.present, self.phase.value)
        elif self.tabs.value == "cohort":
            self.screen_cohort()

    def screen_cohort(self) -> None:
        """Screen the cohort unless what it shows is of the present inputs."""
        if self._stale:
            self._stale = False
            self.cohort.show(self.changed, self.phase.value)

    @property
    def parameters(self) -> dict[str, Any]:
        """The controls of the thresholds and readings, by id."""
        return self.thresholds.controls

    @property
    def changed(self) -> dict[str, Any]:
        """The parameters that differ from the protocol's."""
        if "thresholds" not in vars(self):
            return {}
        return {p.id: self._value(p) for p in self.record.parameters if self._value(p) != p.value}

    @property
    def present(self) -> EligibilityRecord:
        """The record with the present parameters."""
        return self.record.with_parameters(**self.changed)

    @property
    def screening(self) -> Screening:
        """The verdicts on the facts of the form, for the present parameters, phase, gate and day."""
        facts = {name: value for name, value in self.person.form.read()[0].items() if value is not None}
        record, phase, unusable = self.present, self.phase.value, self.person.form.unusable
        if self.person.gate.value == "enrolment":
            return record.screen(facts, phase, unusable)
        facts.setdefault(str(self.record.roles.infusion_day), self.person.day)
        return record.screen_infusion(facts, phase, unusable)

    def _value(self, parameter: Parameter) -> Any:
        value = self.parameters[parameter.id].value
        return round(value, 6) if isinstance(value, float) else value  # sliders answer 14.000000000000002

    def _chances(self, phase: Phase) -> tuple[dict[str, float], Markup | str]:
        """Return how often each criterion fails in the cohort under the record's own values, and which cohort."""
        cohort = self.cohort.cohort if "cohort" in vars(self) else self.example
        if cohort is None:
            return {}, _("No cohort is open: each criterion is taken to fail in half of the cases.")
        if self._rates is None or self._rates[:2] != (id(cohort), phase):
            self._rates = (id(cohort), phase, failure_rates(cohort.screen(phase)))
        name = (self.cohort.file_name if "cohort" in vars(self) else "") or _("the invented example")
        return self._rates[2], _(
            "Percentages: how often the criteria fail in {name}, smoothed for small numbers."
        ).format(name=name)

    def _empty(self) -> None:
        if "cohort" in vars(self):
            self.cohort.chosen.value = ""
        self.screenings.reopened.value = self.screenings.study_id.value = ""
        self.person.who.show(None)
        self.person.fill({}, "")
        self._draft.keep()  # an empty form holds nothing that could be lost

    def _begin(self) -> bool:
        """Empty the form for another participant; return False and change nothing if a person typed into it."""
        if self._draft.value:
            return False
        with self._draft.put_in():
            self.person.who.show(None)
            self.person.fill({}, "")
        return True

    def _choose(self, change: dict[str, Any]) -> None:
        name = change["new"]
        facts = self.cohort.facts(name)
        if facts is None:
            return
        no_draft = nullcontext() if self.cohort.file_name else self._draft.put_in()  # the example is there again
        with no_draft:
            self.screenings.study_id.value = ""  # that of the log is of another person
            self._show_person(name, facts)

    def _show_person(self, name: str, facts: dict[str, Any]) -> None:
        """Put a participant of the cohort into the form."""
        if self.cohort.file_name == _("hospital records") and name in self._imported:
            self._take_person(self._imported[name])
            return
        self.cohort.introduce(name, self.person.who)
        file = self.cohort.file_name or _("invented example")
        self.person.fill(facts, _("{file}, participant {participant}").format(file=file, participant=name))
        self.tabs.value = "patient"

    def _screened(self) -> ScreenedCohort | None:
        if not self.cohort.file_name:
            return None
        self.screen_cohort()
        return self.cohort.screened

    def _put_record(self, name: str, content: bytes) -> None:
        """Put a hospital record into the form, as of the day of the answer."""
        self.person.who.show(None)
        self.records.put(name, content, self.person.day, self.person.who)

    def _take_person(self, person: Imported) -> None:
        if day := person.facts.get(self.record.roles.enrolment_day or ""):
            self.person.as_of.value = day
        self.person.fill(person.facts, sources(person), person.unusable)
        self.tabs.value = "patient"
        self.person.who.show(self.person.filled(person.participant))

    def take_cohort(self, cohort: Any, name: str, problems: tuple[FileProblem, ...] = ()) -> None:
        """Show another cohort; the arguments are those of :meth:`CohortPanel.take`."""
        self.cohort.take(cohort, name, problems)
        self._imported, self._stale = {}, True
        self.tabs.value = "cohort"
        self._show_open()

    def _take_cohort(self, imports: Imports) -> None:
        self.take_cohort(imports.frame(self.record), _("hospital records"))
        self._imported = {person.participant: person for person in imports.participants}
        self.cohort.message.show(problems(imports.problems), left_unknown(imports))

    def _reopen(self, entry: Entry) -> None:
        """Put a recorded screening into the form: its facts, its phase and its day.

        Raises
        ------
        ProtocolError
            If its facts can no longer be used with the record.
        """
        kept = entry.content["result"]
        facts = kept_facts(kept.get("facts", {}), self.record)
        with self.redraw_once():
            if entry.content["phase"] in self.record.phases:
                self.phase.value = entry.content["phase"]
            self.person.as_of.value = date.fromisoformat(entry.content["on"])
            self.person.form.fill(facts, kept.get("sources", {}), kept.get("unusable"))
        self.tabs.value = "patient"
        self.person.who.show(paragraph(strong(entry.content["participant"])), self._told(entry))

    def _told(self, entry: Entry) -> str:
        """Say which screening was reopened, and whether other thresholds or readings hold now."""
        told = _("Screening of {day}, entry {number}.").format(day=entry.content["on"], number=entry.sequence)
        if entry.content["result"].get("interpretation_id", "") in ("", interpretation_id(self.present)):
            return told
        return paragraph_of([told, _("It was answered with other thresholds or readings than those chosen now.")])

    def _reset(self) -> None:
        with self.redraw_once():
            for parameter in self.record.parameters:
                self.parameters[parameter.id].value = parameter.value

    def _change(self, texts: dict[str, str]) -> None:
        """Set the thresholds and readings to what an address says; the others to the record's own."""
        with self.redraw_once():
            for parameter in self.record.parameters:
                text = texts.get(parameter.id)
                if text is None or not set_from_text(self.parameters[parameter.id], text):
                    self.parameters[parameter.id].value = parameter.value

    def _result(self, study_id: str) -> tuple[str, str, dict[str, Any]]:
        """Return phase, overall verdict and result of the screening that stands on the page.

        Raises
        ------
        ProtocolError
            For fields that cannot be used, for the gate of an infusion, and for a text that is not a study id.
        """
        _facts, unusable = self.person.form.read()
        if unusable:
            raise next(iter(unusable.values()))
        now = self.person.present()
        if now.gate != "enrolment":
            raise ProtocolError(_("Check for"), _("an infusion"), _("enrolment: a screening is about it"))
        kept = kept_screening(self.trial, now, study_id)
        return kept.phase, kept.overall, _for_the_log(kept.model_dump(mode="json"))

    def _patient(self) -> widgets.Widget:
        saved = self.screenings
        return widgets.VBox([self.person.arranged(saved.controls, saved.saved, saved.opener), saved.about])

    def _cohort(self) -> widgets.Widget:
        return self.cohort.arranged(self.phase, self.thresholds.view)

    def _import(self) -> widgets.Widget:
        return widgets.VBox([self.records.view, self.handing_over.view])


def _for_the_log(kept: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a screening record what its rule hash stands for: the wording of the criteria."""
    criteria = kept.pop("criteria")
    verdicts = {item["id"]: item["status"] for item in criteria}
    reasons = {item["id"]: item["reason"] for item in criteria if item["status"] in ("excludes", "unknown")}
    again = {"study_id", "phase", "overall", "decides"}  # stand in the event itself, or are no result
    return {key: value for key, value in kept.items() if key not in again} | {
        "verdicts": verdicts,
        "reasons": reasons,
    }
