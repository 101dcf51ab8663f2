"""A page that tests the chart widget in a browser: a clickable grid, dates, and a chart with a mistake."""

import altair as alt
import ipywidgets as widgets
import pandas as pd

from protocol.chart import Chart
from protocol.figures import escalation as figures


def grid(frame, marked=""):
    base = alt.Chart(frame).encode(x="frequency:O", y="dose:O")
    pick = alt.selection_point(name="pick", fields=["dose", "frequency"], on="click")
    faded = alt.condition(pick, alt.value(1), alt.value(0.4))
    cells = base.mark_rect().encode(color="value:Q", opacity=faded, tooltip=["dose:N", "note:N"]).add_params(pick)
    both = cells + base.mark_text().encode(text="value:Q")
    return both.properties(width="container", height=150, description=f"Grid, marked {marked}")


def days(frame):
    return alt.Chart(frame).mark_point().encode(x="day:T", tooltip="day:T").properties(width="container", height=80)


def undrawable(frame):
    return alt.Chart(frame).mark_point().encode(x="value:Q").transform_calculate(twice="datum.value +* 2")


def cells(age):
    rows = [(dose, frequency, 10 * age + frequency) for dose in "AB" for frequency in (1, 2, 3)]
    return pd.DataFrame(rows, columns=["dose", "frequency", "value"]).assign(note="<img src=x onerror=alert(1)>")


def picture_page():
    age = widgets.IntSlider(description="Age, from", value=5, min=1, max=90)
    dose = widgets.ToggleButtons(description="Dose", options=["A", "B"])
    said = widgets.Label("nothing yet")
    said.add_class("said")
    picture, line, broken = (
        Chart(grid, "A grid"),
        Chart(days, "Days"),
        Chart(undrawable, "A drawing with a mistake"),
    )
    broken.draw(pd.DataFrame({"value": [1]}))

    def refresh(_change=None):
        picture.draw(cells(age.value), marked=dose.value)
        line.draw(pd.DataFrame({"day": pd.to_datetime(["2026-01-01", "2026-02-01"]) + pd.Timedelta(days=age.value)}))

    def picked(change):
        said.value = "picked {dose}{frequency}, value {value}".format(**change["new"]) if change["new"] else "none"

    age.observe(refresh, "value")
    dose.observe(refresh, "value")
    picture.observe(picked, "picked")
    refresh()
    tabs = widgets.Tab([widgets.Label("first"), line, broken], titles=["first", "days", "broken"])
    return widgets.VBox([age, dose, said, picture, tabs])


def draggable_page():
    rates = {"A1": 0.2, "A2": 0.25, "B1": 0.3, "B2": 0.5}
    said = widgets.Label("nothing yet")
    said.add_class("said")
    picture = Chart(figures.true_rates, "Rates")

    def draw():
        rows = [(name, name[0], name[1], f"frequency {name[1]}", rate) for name, rate in rates.items()]
        picture.draw(pd.DataFrame(rows, columns=["regimen", "dose", "frequency", "line", "rate"]), target=0.3)

    def dragged(change):
        if change["new"]:
            name, value = change["new"]["name"], change["new"]["value"]
            rates[name] = value
            if name == "B1":
                rates["A1"] = min(rates["A1"], value)
            said.value = f"{name} {value:.2f}"
            draw()

    picture.observe(dragged, "dragged")
    draw()
    return widgets.VBox([said, picture])
