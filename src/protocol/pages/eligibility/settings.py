"""What an address and a draft of the eligibility page hold, as text."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from protocol.pages.eligibility.facts_form import FactsForm
from protocol.pages.kit.page_state import Draft


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


class FormDraft(Draft):
    """The facts of the form and the study id, as long as they are not saved.

    Parameters
    ----------
    form : FactsForm
    study_id : widget
    of : widget
        The screening that was reopened.
    """

    def __init__(self, form: FactsForm, study_id: Any, of: Any) -> None:
        self._form = form
        super().__init__({"study_id": study_id, "facts": form}, of)

    def present(self) -> dict[str, str]:
        """Return the study id, the facts and where each came from, these as JSON."""
        form = self._form
        sources = {name: form.sources[name] for name in form.value if name in form.sources}
        held = {"facts": dict(form.value), "sources": sources, "unusable": form.unusable}
        texts = {name: json.dumps(one, ensure_ascii=False, sort_keys=True) for name, one in held.items()}
        return {"study_id": str(self._fields["study_id"].value)} | texts

    def put_back(self, held: Mapping[str, str]) -> None:
        """Put a draft into the form."""
        names = ("facts", "sources", "unusable")
        texts = [{str(name): str(text) for name, text in json.loads(held[one]).items()} for one in names]
        self._form.restore(*({name: text for name, text in one.items() if name in self._form.facts} for one in texts))
        self._fields["study_id"].value = held["study_id"]
