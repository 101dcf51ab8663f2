"""A page with the pieces of the kit that only a browser can try: a day, a table, and what stays in sight."""

from datetime import date

import ipywidgets as widgets
import pandas as pd

from protocol.pages.kit import Day, Table, Text, classed, field, framed, note, paragraph


def kit_page():
    day = field(Day, "Screened on", value=date(2026, 3, 10))
    said = Text()
    day.observe(lambda change: said.show(f"read {change['new']}"), "value")
    phase = field(widgets.ToggleButtons, "Phase", options=["Ib", "II"])
    phase.observe(lambda change: said.show(f"phase {change['new']}"), "value")
    rows = Table("Participants", "participants.csv")
    rows.show(pd.DataFrame({"Participant": ["P-1", "P-2", "P-3"], "Age": [61, 9, 40]}))
    bar = classed(widgets.VBox([Text(paragraph("stays in sight"))]), "pw-sticky", "bar")
    long = Text(note("a long page"))
    long.layout.height = "3000px"
    return framed(widgets.VBox([day, phase, said, widgets.VBox([bar, rows.view, long])]))
