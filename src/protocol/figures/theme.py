"""One look for every figure. Colours are Okabe-Ito's; a sign or a word always stands beside the colour."""

import json
from collections.abc import Mapping
from typing import Any

import altair as alt

BLUE, SKY, GREEN, ORANGE, AMBER, PINK, GREY = (
    *("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#E69F00", "#CC79A7"),
    "#8a8a8a",
)
DARK = "#111"
SAND = "#d8c36a"

SERIES = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GREY)
"""Colours of groups without an order of their own, with one of :data:`SHAPES` each."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")

FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


class Figure(alt.LayerChart):
    """A chart that a notebook draws without a network, unless another renderer of Altair's is chosen."""

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> Any:
        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **options)
        with alt.renderers.enable("protocol"), alt.data_transformers.enable("default", max_rows=None):
            return super()._repr_mimebundle_(*args, **options)


def finished(chart: Any, height: Any, description: str, width: Any = "container", **properties: Any) -> Figure:
    """Give a layered chart its size, the common fonts and quiet axes; the background stays the page's own.

    Parameters
    ----------
    chart : altair.LayerChart
    height : int or altair.Step
        Pixels, of the whole or of one row.
    description : str
        What the figure shows, for people who cannot see it.
    width : "container" or int
        Pixels, or as wide as its place.
    **properties
        Further top-level properties, such as ``title``.
    """
    whole = chart.properties(width=width, height=height, description=description, **properties)
    styled = (
        whole.configure(font=FONT, background="transparent")
        .configure_axis(labelFontSize=13, titleFontSize=13, titleFontWeight="normal", gridOpacity=0.35)
        .configure_legend(labelFontSize=13, titleFontSize=13, titleFontWeight="normal")
        .configure_view(strokeOpacity=0)
        .configure_title(fontSize=14, fontWeight=600, anchor="start")
    )
    return Figure(**{name: value for name, value in styled._kwds.items() if value is not alt.Undefined})


def colours(field: str, of: dict[str, str], channel: Any = alt.Color, legend: Any = None) -> Any:
    """Encode a nominal field by named colours, without a legend unless one is given.

    Parameters
    ----------
    field : str
        Column of texts.
    of : dict of str to str
        Value to colour.
    channel : type
        ``altair.Color`` or ``altair.Fill``.
    """
    return channel(f"{field}:N", scale=alt.Scale(domain=[*of], range=[*of.values()]), legend=legend)


def in_words(words: Mapping[str, str], value: str = "datum.value") -> str:
    """Return Vega's expression for the word of a code, such as that of a legend's label."""
    return f"({json.dumps(words, ensure_ascii=False)})[{value}]"


def draggable(
    name: str, field: str, title: str, *, least: float, most: float, step: float, page: float, digits: int
) -> alt.Parameter:
    """Return the parameter by which a figure offers the points of its mark "handles" to be moved along y.

    Parameters
    ----------
    name, field : str
        Columns: the name of a point, and the number that is moved.
    title : str
        What the number is, for screen readers.
    least, most, step, page : float
        Its range, and what an arrow key and Page Up or Down add.
    digits : int
        Decimals of a value.
    """
    value = {
        "name": name,
        "field": field,
        "title": title,
        "least": least,
        "most": most,
        "step": step,
        "page": page,
        "digits": digits,
    }
    return alt.param(name="drag", value=value)


def row_axis(field: str, label_limit: int) -> alt.Y:
    """Encode a nominal field as rows in the order of the column ``order``, with quiet labels.

    Parameters
    ----------
    field : str
        Column of texts.
    label_limit : int
        Pixels that a label may take.
    """
    order = alt.EncodingSortField("order", op="min", order="ascending")
    axis = alt.Axis(labelLimit=label_limit, domain=False, ticks=False, labelPadding=8)
    return alt.Y(f"{field}:N", title=None, sort=order, axis=axis)


def day_axis(field: str, **axis: Any) -> alt.X:
    """Encode a column of local moments (ISO text) as days; labels that would touch are left out."""
    defaults: dict[str, Any] = {"format": "%Y-%m-%d", "labelOverlap": "greedy", "tickCount": 6}
    return alt.X(f"{field}:T", title=None, axis=alt.Axis(**defaults | axis))


def moment(day: Any, hour: int = 0) -> str:
    """Write a day as a local moment, which Vega does not move between time zones; 12 is the middle of the day."""
    return f"{day:%Y-%m-%d}T{hour:02}:00:00"
