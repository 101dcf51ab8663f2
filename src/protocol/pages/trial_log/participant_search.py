"""Find a participant from any page, for readers who may see participants."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit import PageState, classed, field
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _


class ParticipantSearch:
    """A field that opens the page of a participant.

    Parameters
    ----------
    desk : Desk
        Only participants whom its reader may see are offered.
    state : PageState
    here : mapping of str to widget
        The controls ``tab`` and ``participant`` if this page is the one with the participants; otherwise empty.
    """

    def __init__(self, desk: Desk, state: PageState, here: Mapping[str, Any]) -> None:
        self._desk, self._state, self._here = desk, state, here
        self.find = field(
            widgets.Combobox,
            _("Find participant"),
            width="short",
            placeholder=_("Find participant"),
            options=[],
            ensure_option=False,
            continuous_update=False,
        )
        self.view = classed(widgets.Box([self.find]), "pw-search")
        self.find.observe(self._found, "value")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer the participants that this reader may see; without any the field is hidden."""
        self.find.options = tuple(self._desk.courses)
        self.view.layout.display = None if self._desk.courses else "none"

    def _found(self, change: dict[str, Any]) -> None:
        name = change["new"].strip()
        if name not in self._desk.courses:
            return
        self.find.value = ""
        if {"tab", "participant"} <= set(self._here):
            self._here["tab"].value, self._here["participant"].value = "participant", name
        else:
            self._state.follow("followup", tab="participant", participant=name)
