"""A page with tabs, settings in its address, and a form whose draft survives a reload."""

import ipywidgets as widgets

from protocol.pages.kit import Day, PageState, Tabs, Text, button, field, framed


def _fail():
    raise RuntimeError("an error of the page itself")


def state_page():
    note = field(widgets.Text, "Note")
    phase = field(widgets.Dropdown, "Phase", options=["Ib", "II"])
    day = field(Day, "Day")
    fails = button("Fail", _fail)
    parts = {
        "first": ("First", widgets.VBox([phase, note, fails])),
        "second": ("Second", lambda: widgets.VBox([Text("built when opened"), day])),
    }
    tabs = Tabs(parts)
    state = PageState({"tab": tabs, "phase": phase, "day": day}, {"note": note})
    return framed(widgets.VBox([state.problem, tabs, state]))
