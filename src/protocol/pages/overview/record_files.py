"""The record as files to take along, and the comparison with a record of ClinicalTrials.gov."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.pages.kit import text as elements
from protocol.records import ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial

MOST_ROWS = 200


class RecordFiles:
    """A part of the overview page.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day, written into the synopsis and the file names.

    Attributes
    ----------
    kind : ipywidgets.Dropdown
        Which file; see the options.
    prepare : ipywidgets.Button
        Builds the chosen file.
    upload : ipywidgets.FileUpload
        A study record of ClinicalTrials.gov to compare with.
    view : ipywidgets.VBox
        The part.
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
        self.kind = widgets.Dropdown(options=kinds, description=_("File"), layout={"width": "min(100%, 30em)"})
        self.prepare = widgets.Button(description=_("Prepare the file"))
        self.upload = widgets.FileUpload(accept=".json", description=_("Registry record (JSON)"))
        self.link, self.compared = elements.html("", role="status"), elements.html("", role="status")
        self.prepare.on_click(self._offer)
        self.kind.observe(self._forget, names="value")
        self.upload.observe(self._compare, names="value")
        self.view = widgets.VBox(
            [
                elements.section(
                    _("Take the record along"), elements.row(self.kind, self.prepare), self.link,
                    lead=_("The registry record holds only what is registered; the others mark each assumption."),
                ),
                elements.section(
                    _("Compare with a registry record"), elements.row(self.upload), self.compared,
                    lead=_("Choose a study saved from ClinicalTrials.gov to see where it differs from this record."),
                ),
            ]
        )  # fmt: skip

    def _forget(self, _change: Any) -> None:
        self.link.value = elements.dress("", "status")

    def _offer(self, _button: Any) -> None:
        build: Callable[[], tuple[str, bytes, str]] = self.kind.value
        try:
            name, content, media_type = build()
        except ProtocolError as error:
            self.link.value = elements.dress(elements.message(error))
            return
        size = _("{size:,.0f} kB").format(size=len(content) / 1000)
        link = elements.download(_("Save {name}").format(name=name), name, content, media_type)
        self.link.value = elements.dress(Markup("{} <span class='pw-off'>{}</span>").format(link, size), "status")

    def _named(self, kind: str) -> str:
        return f"{self._trial.identity['nct_id'].value}-{kind}"

    def _registry_record(self) -> tuple[str, bytes, str]:
        from protocol.exchange.registry import ctgov  # here, so that the page opens without it

        record = ctgov.export(self._trial)
        return self._named("registry.json"), _json(record), "application/json"

    def _usdm(self) -> tuple[str, bytes, str]:
        from protocol.exchange.registry import usdm  # here, so that the page opens without it

        study = usdm.export(self._trial)
        return self._named("usdm.json"), _json(study), "application/json"

    def _synopsis_html(self) -> tuple[str, bytes, str]:
        from protocol.exchange.documents import synopsis  # here, so that the page opens without it

        text = synopsis.as_html(self._trial, self._today)
        return self._named("synopsis.html"), text.encode(), "text/html"

    def _synopsis_markdown(self) -> tuple[str, bytes, str]:
        from protocol.exchange.documents import synopsis  # here, so that the page opens without it

        text = synopsis.as_markdown(self._trial, self._today)
        return self._named("synopsis.md"), text.encode(), "text/markdown"

    def _windows(self) -> tuple[str, bytes, str]:
        from protocol.exchange import spreadsheet
        from protocol.exchange.registry import adam  # here, so that the page opens without it

        frame = adam.visit_windows(self._trial.followup)
        return self._named("windows.csv"), spreadsheet.csv(frame), "text/csv"

    def _compare(self, _change: Any) -> None:
        if not self.upload.value:
            return
        try:
            self.compared.value = elements.dress(self._differences(self.upload.value[0]), "status")
        except ProtocolError as error:
            self.compared.value = elements.dress(elements.message(error))

    def _differences(self, file: Any) -> Markup:
        from protocol.exchange.registry import ctgov

        theirs = ctgov.study(bytes(file["content"]), file["name"])
        frame = ctgov.changes(ctgov.study(_json(ctgov.export(self._trial))), theirs)
        words = {"added": _("only in the file"), "removed": _("only in this record"), "changed": _("different")}
        frame["change"] = frame["change"].map(words)
        frame.columns = [_("Place"), _("Difference"), _("This record"), _("The file")]
        count = ngettext("{count} difference", "{count} differences", len(frame)).format(count=len(frame))
        shown = elements.table(frame.head(MOST_ROWS).map(_shortened), count)
        return shown if len(frame) else Markup("<p>{}</p>").format(_("No difference."))


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _shortened(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:159]}…"
