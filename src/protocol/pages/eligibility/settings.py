"""What an address and a draft of the eligibility page hold, as text."""

import json
from collections.abc import Callable
from typing import Any

import traitlets

from protocol.pages.eligibility.facts_form import FactsForm


class Choice(traitlets.HasTraits):
    """A text that stands for a control which is built later."""

    value = traitlets.Unicode()


class ChangedValues(Choice):
    """The changed thresholds and readings as ``ecog_limit=1,some_reading=any``.

    Parameters
    ----------
    change : callable
        Called with the texts by id when an address asks for other values.
    """

    def __init__(self, change: Callable[[dict[str, str]], None]) -> None:
        super().__init__()
        self._change, self._held = change, False
        self.observe(self._asked, "value")

    def say(self, changed: dict[str, Any]) -> None:
        """Write what is changed."""
        self._held = True
        try:
            self.value = ",".join(f"{name}={value}" for name, value in changed.items())
        finally:
            self._held = False

    def _asked(self, change: dict[str, Any]) -> None:
        if not self._held:
            pairs = (one.partition("=") for one in str(change["new"]).split(",") if one)
            self._change({name: text for name, _sign, text in pairs})


class FormDraft(Choice):
    """The facts of the form and the study id, as long as they are not saved.

    Parameters
    ----------
    form : FactsForm
    study_id : widget
    """

    def __init__(self, form: FactsForm, study_id: Any) -> None:
        super().__init__()
        self._form, self._study_id, self._held = form, study_id, False
        self._saved = self._present()
        for control in (form, study_id):
            control.observe(self._write, "value")
        self.observe(self._restore, "value")

    def keep(self) -> None:
        """Take what stands in the form as saved."""
        self._saved = self._present()
        self._write()

    def _present(self) -> tuple[dict[str, str], str]:
        return dict(self._form.value), str(self._study_id.value)

    def _write(self, _change: Any = None) -> None:
        if self._held:
            return
        self._held = True
        try:
            now = self._present()
            self.value = "" if now == self._saved else json.dumps(now, ensure_ascii=False, sort_keys=True)
        finally:
            self._held = False

    def _restore(self, change: dict[str, Any]) -> None:
        if self._held or not change["new"]:
            return
        try:
            facts, study_id = json.loads(change["new"])
        except ValueError:  # a draft of another version
            return
        self._held = True
        try:
            self._form.value = {name: str(text) for name, text in facts.items() if name in self._form.facts}
            self._study_id.value = study_id
        finally:
            self._held = False
