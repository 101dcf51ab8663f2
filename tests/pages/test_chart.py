"""The chart widget without a browser: what it sends, when, and what it says when something is wrong."""

import json
import math
import subprocess
import sys
from datetime import date

import altair as alt
import pandas as pd
import polars as pl
import pytest

from protocol.chart import Chart, runtime
from protocol.chart.widget import drawing, mimebundle, rows_of
from protocol.figures import eligibility as figures

FUNNEL = pd.DataFrame(
    [("I1", "Age", 1, 9, 8, 1)],
    columns=["criterion", "title", "excluded", "remaining", "confirmed", "only_reason"],
)
FRAME = pd.DataFrame({"dose": ["A", "B"], "value": [1.0, float("nan")]})


class Counted:
    """A figure function that counts how often it was asked to draw."""

    def __init__(self):
        self.times = 0

    def __call__(self, frame, title=""):
        self.times += 1
        bars = alt.Chart(frame, title=title).mark_bar().encode(x="dose:N", y="value:Q")
        return bars + bars.mark_text().encode(text="value:Q")


def sent(chart):
    """The keys of each update the widget sends from now on."""
    messages = []
    chart._send = lambda message, **_: messages.append(sorted(message["state"]))
    return messages


def test_only_rows_travel_when_only_rows_change():
    figure = Counted()
    chart = Chart(figure, "Doses")
    chart.draw(FRAME, title="one")
    messages = sent(chart)
    chart.draw(FRAME.assign(value=[3.0, 4.0]), title="one")
    assert figure.times == 1
    assert messages == [["_rows"]]
    assert [row["value"] for row in chart._rows] == [3.0, 4.0]


def test_nothing_travels_when_nothing_changes():
    chart = Chart(Counted(), "Doses")
    chart.draw(FRAME)
    messages = sent(chart)
    chart.draw(FRAME.copy())
    assert messages == []


@pytest.mark.parametrize("change", ["setting", "column"])
def test_a_changed_setting_or_column_draws_anew_in_one_message(change):
    figure = Counted()
    chart = Chart(figure, "Doses")
    chart.draw(FRAME, title="one")
    messages = sent(chart)
    if change == "setting":
        chart.draw(FRAME.assign(value=[5.0, 6.0]), title="two")
    else:
        chart.draw(FRAME.assign(note="x"), title="one")
    assert figure.times == 2
    assert len(messages) == 1
    assert "_rows" in messages[0]


def test_rows_are_plain_json():
    frame = pd.DataFrame(
        {
            "text": ["<b>A & B</b>", "武汉"],
            "number": [1.5, float("inf")],
            "count": pd.array([1, None], dtype="Int64"),
            "day": [date(2026, 1, 5), date(2026, 1, 6)],
            "moment": pd.to_datetime(["2026-01-05T08:30", None]),
        }
    )
    rows = rows_of(frame)
    assert rows[0] == {
        "text": "<b>A & B</b>",
        "number": 1.5,
        "count": 1,
        "day": "2026-01-05T00:00:00",
        "moment": "2026-01-05T08:30:00",
    }
    assert rows[1]["number"] is rows[1]["count"] is None
    assert rows[1]["moment"] == ""  # Altair's word for no date; Vega reads it as null
    json.dumps(rows, allow_nan=False)


def test_pandas_and_polars_frames_send_the_same_rows():
    plain = {"dose": ["A", "B"], "value": [1, 2]}
    assert rows_of(pd.DataFrame(plain)) == rows_of(pl.DataFrame(plain))


def test_rows_stand_outside_the_drawing_and_other_tables_inside():
    rule = alt.Chart(pd.DataFrame({"limit": [3]})).mark_rule().encode(y="limit:Q")
    bars = alt.Chart(FRAME).mark_bar().encode(x="dose:N", y="value:Q")
    spec = drawing(bars + rule, rows_of(FRAME))
    assert spec["layer"][0]["data"] == {"name": "rows"}
    assert [{"limit": 3}] in spec["datasets"].values()
    assert rows_of(FRAME) not in spec["datasets"].values()


def test_more_rows_than_altair_allows_by_itself_are_drawn():
    frame = pd.DataFrame({"value": range(6000)})
    chart = Chart(lambda frame: alt.Chart(frame).mark_tick().encode(x="value:Q"), "Many")
    chart.draw(frame)
    assert len(chart._rows) == 6000


def test_a_figure_of_another_table_is_refused():
    chart = Chart(lambda frame: alt.Chart(frame.head(1)).mark_bar().encode(x="dose:N"), "Doses")
    with pytest.raises(ValueError, match=r"write alt\.Chart\(frame\)"):
        chart.draw(FRAME)


def test_a_picture_that_failed_says_so_and_the_next_good_one_replaces_it():
    def figure(frame, fails=False):
        if fails:
            raise ValueError("the grid has no regimen Z9")
        return alt.Chart(frame).mark_bar().encode(x="dose:N")

    chart = Chart(figure, "Doses")
    chart.draw(FRAME)
    with pytest.raises(ValueError, match="Z9"):
        chart.draw(FRAME, fails=True)
    assert chart._problem == "the grid has no regimen Z9"
    chart.draw(FRAME)
    assert chart._problem == ""


def test_every_click_is_announced_also_a_second_one_on_the_same_mark():
    chart, seen = Chart(Counted(), "Doses"), []
    chart.observe(lambda change: seen.append(change["new"]), names="picked")
    for row in ({"dose": "B"}, {"dose": "B"}, {}):
        chart._handle_custom_msg({"picked": row}, [])
    assert seen == [{"dose": "B"}, {}, {"dose": "B"}, {}]


@pytest.mark.slow
def test_the_runtime_is_made_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = runtime.vega_runtime()
    assert b"export{" in made
    assert b"vegaEmbed" in made
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("made a second time"))
    assert runtime.vega_runtime() == made


@pytest.mark.slow
def test_a_runtime_that_cannot_be_kept_is_still_returned(tmp_path, monkeypatch):
    (tmp_path / "protocol-workbook").write_text("a file stands where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert b"vegaEmbed" in runtime.vega_runtime()


@pytest.mark.slow
def test_a_kernel_asks_for_the_runtime_without_importing_vl_convert():
    code = """if True:
        import sys
        from protocol.chart import runtime
        runtime.vega_runtime()
        sys.exit("vl_convert" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_runtime_is_sent_only_to_the_page_that_asks():
    chart, answers = Chart(Counted(), "Doses"), []
    chart.draw(FRAME)
    chart.send = lambda content, buffers=None: answers.append((content, len(buffers[0])))
    assert answers == []
    chart._handle_custom_msg({"need": "runtime"}, [])
    assert answers[0][0] == {"runtime": True}
    assert answers[0][1] > 500_000


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_neither_nan_nor_infinity_leaves_for_the_browser(library):
    frame = library({"dose": ["A", "B", "C"], "value": [float("nan"), float("inf"), -float("inf")]})
    beside = library({"limit": [float("nan")]})

    def figure(rows):
        return alt.layer(
            alt.Chart(rows).mark_bar().encode(x="dose:N", y="value:Q"),
            alt.Chart(beside).mark_rule().encode(y="limit:Q"),
        )

    chart = Chart(figure, "Doses")
    chart.draw(frame)
    assert [row["value"] for row in chart._rows] == [None, None, None]
    json.dumps([chart._drawing, chart._rows], allow_nan=False)


@pytest.mark.slow
def test_a_figure_shows_itself_as_the_widget_and_as_a_picture_for_pages_without_a_kernel():
    bundle, _metadata = figures.funnel(FUNNEL, total=10)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "I1" in bundle["image/svg+xml"]
    assert not [text for text in map(str, bundle.values()) if "://" in text.replace("http://www.w3.org/", "")]


def test_a_figure_shown_by_itself_holds_neither_nan_nor_infinity():
    frame = pd.DataFrame({"value": [1.0, math.nan, math.inf], "name": ["a", "b", "c"]})
    specification = alt.Chart(frame).mark_point().encode(x="value:Q").to_dict()
    specification["datasets"] = {"more": frame.to_dict("records")}
    json.dumps(Chart.of(specification)._drawing, allow_nan=False)
    assert "image/svg+xml" in mimebundle(specification)[0]


def test_a_figure_follows_a_renderer_that_the_person_chose():
    with alt.renderers.enable("json"):
        assert "application/json" in figures.funnel(FUNNEL, total=10)._repr_mimebundle_()[0]
