"""A cohort: a file in, the funnel and the verdicts per criterion out."""

from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.eligibility import CohortScreening, EligibilityRecord
from protocol.exchange.cohort_files import CohortFile, read_cohort, template
from protocol.figures import eligibility as figures
from protocol.pages import elements
from protocol.records import ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Examples


class CohortPanel:
    """The cohort part of the eligibility page; the last usable file stays in place."""

    def __init__(self, record: EligibilityRecord, examples: Examples | None) -> None:
        self.record, self.changed, self.phase = record, dict[str, Any](), "Ib"
        self.upload = widgets.FileUpload(accept=".csv,.parquet", description=_("Open a cohort file"))
        self.chosen = widgets.Combobox(
            placeholder=_("participant id"), description=_("Look at one"), ensure_option=True, continuous_update=False
        )
        self.message, self.source = elements.html("", role="alert"), elements.html("")
        self.totals = elements.html("", role="status")
        self.funnel = Chart(figures.funnel, description=_("Who is left after each criterion"))
        self.verdicts = Chart(figures.verdicts, description=_("Verdicts per criterion"))
        self.cohort: CohortFile | None = None
        self.file_name = ""
        if examples:
            self.cohort = read_cohort("example", examples.cohort(), record)
            self.source.value = elements.invented()
        self.view = self._arranged()
        self.upload.observe(self._opened, "value")

    def refresh(self, changed: dict[str, Any], phase: Any) -> None:
        """Screen the cohort with changed parameters and draw what follows."""
        self.changed, self.phase = changed, phase
        if self.cohort is None:
            self.totals.value = elements.note(_("Open a file with one row per participant to see a cohort."))
            return
        result = self.record.screen_cohort(self.cohort.frame, phase, **changed)
        total = len(result.participants)
        self.totals.value = elements.dress(totals(result), "status")
        self.funnel.draw(funnel_rows(result), total=total)
        self.verdicts.draw(verdict_rows(result), total=total)

    def facts(self, participant: str) -> dict[str, Any] | None:
        """Return the facts of one participant of the cohort, None when there is no such participant."""
        if self.cohort is None or participant not in set(self.cohort.frame["participant_id"]):
            return None
        row = self.cohort.frame.set_index("participant_id").astype(object).loc[[participant]].iloc[0]
        return {str(name): plain(value) for name, value in row.items()}

    def introduction(self, participant: str) -> str:
        """Say who stands in the form, and from where."""
        who = Markup("<p><b>{}</b></p>").format(participant)
        origin = _("From {name}").format(name=self.file_name) if self.file_name else elements.invented()
        return elements.dress(who + Markup("{}").format(origin))

    def _opened(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        try:
            self.take(read_cohort(file["name"], bytes(file["content"]), self.record), file["name"])
        except ProtocolError as error:
            self.message.value = elements.dress(elements.message(error), "alert")

    def take(self, cohort: CohortFile, name: str) -> None:
        """Screen a cohort in the place of the present one."""
        self.cohort, self.file_name = cohort, name
        self.source.value = elements.dress(_("Cohort from {name}").format(name=self.file_name))
        self.message.value = problems(self.cohort)
        self.chosen.options = tuple(self.cohort.frame["participant_id"])
        self.refresh(self.changed, self.phase)

    def _arranged(self) -> widgets.Widget:
        if self.cohort:
            self.chosen.options = tuple(self.cohort.frame["participant_id"])
        empty = elements.download(_("Empty table (CSV)"), "cohort.csv", template(self.record), "text/csv")
        pictures = elements.row(
            elements.section(_("Who is left"), self.funnel, lead=_(FUNNEL_LEAD)),
            elements.section(_("Each criterion on its own"), self.verdicts, lead=_(VERDICTS_LEAD)),
        )
        pictures.add_class("pw-halves")
        return widgets.VBox(
            [
                elements.row(self.upload, elements.html(empty), self.chosen),
                self.source,
                self.message,
                self.totals,
                pictures,
            ]
        )


FUNNEL_LEAD = (
    "Wide bar: not excluded so far, in protocol order. Thin bar: everything known and met so far. "
    "On the right: first excluded here, and how many are excluded by this criterion alone."
)
VERDICTS_LEAD = "An unknown stays unknown; it is never counted as met."


def plain(value: Any) -> Any:
    """Return a cell as plain Python: a day instead of a time, None instead of a missing value."""
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def totals(result: CohortScreening) -> Markup:
    """Count the overall verdicts."""
    counts = result.overall().value_counts()
    rows = [
        ("pw-good", _("✓ eligible so far"), counts.get("eligible so far", 0)),
        ("pw-open", _("? possibly eligible"), counts.get("possibly eligible", 0)),
        ("pw-bad", _("✕ not eligible"), counts.get("ineligible", 0)),
    ]
    cards = Markup("").join(
        Markup('<div class="pw-card"><span class="pw-number">{}</span><br><span class="{}">{}</span></div>').format(
            count, style, label
        )
        for style, label, count in rows
    )
    size = ngettext("of {n} participant", "of {n} participants", len(result.participants))
    return Markup('<div class="pw-cards">{}</div><p class="pw-off">{}</p>').format(
        cards, size.format(n=len(result.participants))
    )


def funnel_rows(result: CohortScreening) -> pd.DataFrame:
    """Prepare the rows of the funnel picture."""
    frame = result.funnel()
    loss = frame["excluded"].map("−{}".format).where(frame["excluded"] > 0, "")
    alone = frame["only_reason"].map(_("{} alone").format).where(frame["only_reason"] > 0, "")
    return frame.assign(order=range(len(frame)), loss=loss.str.cat(alone, sep=" · ").str.strip(" ·"))


def verdict_rows(result: CohortScreening) -> pd.DataFrame:
    """Prepare the rows of the verdict picture: one per criterion and verdict."""
    wide = result.counts().assign(order=lambda frame: range(len(frame)))
    long = wide.melt(["criterion", "title", "order"], figures.STATUSES, "status", "participants")
    return long.assign(rank=long["status"].map(figures.STATUSES.index), sign=long["status"].map(figures.SIGNS))


def problems(cohort: CohortFile) -> Markup:
    """List what could not be used of a file."""
    if not cohort.problems:
        return elements.note(_("Every cell of the file could be used."))
    count = len(cohort.problems)
    found = ngettext("{n} thing in the file could not be used", "{n} things in the file could not be used", count)
    frame = pd.DataFrame(cohort.problems[:200], columns=[_("Where"), _("Found"), _("Write")])
    return elements.note(found.format(n=count)) + elements.details(_("Show them"), elements.table(frame))
