"""The record as files to take along, and the comparison with a record of ClinicalTrials.gov."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.exchange.limits import check_size
from protocol.pages.kit import (
    BothLanguages,
    MadeDocument,
    Steps,
    Task,
    Text,
    button,
    download,
    field,
    joined,
    paragraph,
    row,
    section,
    span,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial

MOST_ROWS, MOST_CHARACTERS = 200, 160

LARGEST_BYTES = 5_000_000
"""Of a registry record to compare with; the longest with results has about 2 MB."""


class RecordFilesPanel:
    """The record in the formats of registries and regulators.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day, written into the synopsis.

    Attributes
    ----------
    kind : ipywidgets.Dropdown
        Which file.
    prepare : ipywidgets.Button
        Builds the chosen file.
    both : BothLanguages
        The synopsis as one document in both languages.
    upload : ipywidgets.FileUpload
        A study record of ClinicalTrials.gov to compare with.
    link, compared : Text
        The file, and the differences.
    view : ipywidgets.VBox
    """

    def __init__(self, trial: Trial, today: date) -> None:
        self._trial, self._today = trial, today
        kinds = {
            _("Registry record (ClinicalTrials.gov, JSON)"): self._registry_record,
            _("Study definition (USDM 4.0, JSON)"): self._usdm,
            _("Synopsis in the order of ICH M11 (HTML)"): self._synopsis_html,
            _("Synopsis in the order of ICH M11 (Markdown)"): self._synopsis_markdown,
            _("Visit windows for analysis (ADaM, CSV)"): self._windows,
        }
        self.kind = field(widgets.Dropdown, _("File"), options=kinds)
        self.prepare = button(_("Prepare the file"), self._offer)
        self.upload = field(widgets.FileUpload, _("Registry record (JSON)"), width="content", accept=".json")
        self.link, self.compared = Text(), Text()
        self.both = BothLanguages(trial, self._both)
        self.kind.observe(self._chosen, names="value")
        self._chosen()
        self.task = Task(self.compared.show, refuse=self.compared.show)
        self.upload.observe(self._compare, names="value")
        self.view = widgets.VBox(
            [
                section(
                    _("The record as files"),
                    row(self.kind, self.prepare, self.both.make),
                    self.both.view,
                    self.link,
                    lead=_("The registry record holds only what is registered; the others mark each assumption."),
                ),
                section(
                    _("Compare with a registry record"),
                    row(self.upload),
                    self.task.view,
                    self.compared,
                    lead=_("Choose a study saved from ClinicalTrials.gov to see where it differs from this record."),
                ),
            ]
        )

    def _offer(self) -> None:
        build: Callable[[], tuple[str, bytes, str]] = self.kind.value
        try:
            kind, content, media_type = build()
        except ProtocolError as error:
            self.link.show(error)
            return
        name = _file_name(self._trial, kind)
        link = download(_("Save {name}").format(name=name), name, content, media_type)
        size = _("{size:,.0f} kB").format(size=len(content) / 1000)
        self.link.show(joined((link, span(size, "off")), " "))

    # The formats are imported when a file is asked for, so that the page opens without them.

    def _registry_record(self) -> tuple[str, bytes, str]:
        from protocol.exchange.registry import ctgov

        return "registry.json", _json(ctgov.export(self._trial)), "application/json"

    def _usdm(self) -> tuple[str, bytes, str]:
        from protocol.exchange.registry import usdm

        return "usdm.json", _json(usdm.export(self._trial)), "application/json"

    def _synopsis_html(self) -> tuple[str, bytes, str]:
        from protocol.exchange.documents import synopsis

        return "synopsis.html", synopsis.as_html(self._trial, self._today).encode(), "text/html"

    def _both(self) -> MadeDocument:
        return MadeDocument("synopsis", self._today, synopsis_files(self._trial, self._today))

    def _chosen(self, _change: Any = None) -> None:
        """Offer both languages for the document to read; the others are for programs."""
        self.link.show(None)
        self.both.show(self.kind.value == self._synopsis_html)

    def _synopsis_markdown(self) -> tuple[str, bytes, str]:
        from protocol.exchange.documents import synopsis

        return "synopsis.md", synopsis.as_markdown(self._trial, self._today).encode(), "text/markdown"

    def _windows(self) -> tuple[str, bytes, str]:
        from protocol.exchange import spreadsheet
        from protocol.exchange.registry import adam

        return "windows.csv", spreadsheet.csv(adam.visit_windows(self._trial.followup)), "text/csv"

    def _compare(self, _change: Any) -> None:
        if not self.upload.value:
            return
        self.task.begin(self._steps(self.upload.value[0]))

    def _steps(self, file: Any) -> Steps:
        yield None, 0.0
        yield self._differences(file["name"], bytes(file["content"])), 1.0

    def _differences(self, name: str, content: bytes) -> Markup:
        from protocol.exchange.registry import ctgov

        check_size(name, len(content), LARGEST_BYTES)
        theirs = ctgov.study(content, name)
        found = ctgov.changes(ctgov.study(_json(ctgov.export(self._trial))), theirs)
        if found.empty:
            return paragraph(_("No difference."))
        labels = {"added": _("only in the file"), "removed": _("only in this record"), "changed": _("different")}
        found["change"] = found["change"].map(labels)
        found.columns = [_("Place"), _("Difference"), _("This record"), _("The file")]
        count = ngettext("{count} difference", "{count} differences", len(found)).format(count=len(found))
        return table(found.head(MOST_ROWS).map(_shortened), count)


def synopsis_files(trial: Trial, day: date) -> dict[str, bytes]:
    """Return the synopsis as a page to print, by its file name."""
    from protocol.exchange.documents import synopsis

    return {_file_name(trial, "synopsis.html"): synopsis.as_html(trial, day).encode()}


def _file_name(trial: Trial, kind: str) -> str:
    return f"{trial.identity['nct_id'].value}-{kind}"


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
