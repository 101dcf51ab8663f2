"""Find a participant from any page, for readers who may see participants."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from protocol.display import typed
from protocol.pages.kit import PageState, Text, classed, field, paragraph
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _, list_of


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
        self.said = Text()
        self.view = classed(widgets.VBox([self.find, self.said]), "pw-search")
        self.find.observe(self._found, "value")
        desk.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer the participants that this reader may see; without any the field is hidden."""
        self.find.options = tuple(self._desk.courses)
        self.view.layout.display = None if self._desk.courses else "none"

    def _found(self, change: dict[str, Any]) -> None:
        written = typed(change["new"]).strip()
        if not written:
            self.said.show(None)
            return
        found = [name for name in self._desk.courses if written.upper() in name.upper()]
        name = written if written in found else (found or [""])[0]
        if name != written and len(found) != 1:
            self.said.show(paragraph(_many(found) if found else _("No participant has this id."), "off"))
            return
        self.said.show(None)
        self.find.value = ""
        if {"tab", "participant"} <= set(self._here):
            self._here["tab"].value, self._here["participant"].value = "participant", name
        else:
            self._state.follow("followup", tab="participant", participant=name)


_MOST_NAMED = 5


def _many(found: list[str]) -> str:
    named = list_of(found[:_MOST_NAMED] + (["…"] if len(found) > _MOST_NAMED else []))
    return _("Several ids hold this: {names}.").format(names=named)
