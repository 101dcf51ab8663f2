"""A figure function on the screen: the drawing is sent once, after that only the rows that changed."""

import hashlib
import json
import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import altair as alt
import anywidget
import narwhals.stable.v1 as nw
import traitlets
from altair.utils.data import to_values

from protocol.chart.runtime import vega_runtime
from protocol.translation import _, language_of_process

_STILL_WIDTH = 640  # pixels

ROWS = "rows"  # the name under which drawing and rows meet in the browser

_Rows = list[dict[str, Any]]

_DRAWN: dict[tuple[Callable[..., Any], bytes], dict[str, Any]] = {}

_MOST_DRAWN = 64


class Chart(anywidget.AnyWidget):
    """Show what a figure function draws, offline, in JupyterLab and on the dashboard.

    Parameters
    ----------
    figure_function : callable
        Takes a tidy DataFrame and plain settings, returns an :class:`altair.Chart` of that DataFrame.
    description : str
        What the picture shows, for people who cannot see it. A figure's own description goes before it.
    like : Chart, optional
        A picture of the same figure: its drawing is taken where settings and columns are the same, as for the many
        pictures of small multiples.

    Attributes
    ----------
    picked : dict
        The row a person clicked (dates as ISO text), ``{}`` when nothing: figures offer it with a point
        selection named "pick". Every click is announced; a second one on the same mark by way of ``{}``.
    dragged : dict
        ``name`` and ``value`` of the point a person moved up or down, with the pointer or with the arrow keys. A
        figure offers it by a mark named "handles" and by :func:`protocol.figures.theme.draggable`. The observer draws
        the picture again with all values that follow.
    """

    _esm = Path(__file__).with_name("chart.js")
    _css = Path(__file__).with_name("chart.css")

    picked = traitlets.Dict()
    dragged = traitlets.Dict()
    description = traitlets.Unicode().tag(sync=True)
    _drawing = traitlets.Dict().tag(sync=True)
    _rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _problem = traitlets.Unicode().tag(sync=True)
    _apology = traitlets.Unicode(_("This picture could not be drawn:")).tag(sync=True)
    _language = traitlets.Unicode(language_of_process()).tag(sync=True)

    def __init__(self, figure_function: Callable[..., Any], description: str, *, like: "Chart | None" = None) -> None:
        super().__init__(description=description)
        self._figure, self._like = figure_function, like
        self._drawn_for: tuple[list[str], dict[str, Any]] | None = None
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        """Return what the picture shows."""
        return f"Chart({self.description!r})"

    @property
    def rows(self) -> int:
        """The number of rows drawn; 0 before the first drawing."""
        return len(self._rows)

    @property
    def problem(self) -> str:
        """Why the picture could not be drawn; "" if it could."""
        return str(self._problem)

    @classmethod
    def of(cls, specification: dict[str, Any]) -> Self:
        """Return the widget of a finished drawing, a Vega-Lite specification with its rows in it."""
        chart = cls(dict, str(specification.get("description", "")))
        chart._drawing = _finite(specification)
        return chart

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the widget, and the picture itself for a page without a kernel."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle and self._drawing:
            bundle[0]["image/svg+xml"] = still(self._drawing, self._rows)
        return bundle

    def draw(self, frame: Any, **settings: Any) -> None:
        """Show `frame`; a changed setting or column draws the picture anew, otherwise only rows travel.

        Parameters
        ----------
        frame : DataFrame
            Tidy rows (pandas or Polars), the figure function's first argument.
        **settings
            Plain comparable values, handed on to the figure function.

        Raises
        ------
        ValueError
            When the figure does not chart the frame it was given. An error of the figure function passes
            on; the picture then says that it could not be drawn and never keeps showing what came before.
        """
        try:
            self._show(frame, settings)
        except Exception as error:
            self._drawn_for, self._problem = None, str(error) or type(error).__name__
            raise

    def _show(self, frame: Any, settings: dict[str, Any]) -> None:
        rows, wanted = rows_of(frame), (list(frame.columns), settings)
        with self.hold_sync():
            if self._drawn_for != wanted:
                shared = self._like._drawing if self._like and self._like._drawn_for == wanted else {}
                self._drawing = shared or drawn(self._figure, frame, rows, settings)
                self._drawn_for = wanted
            self._rows, self._problem = rows, ""

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        if content.get("need") == "runtime":
            self.send({"runtime": True}, [vega_runtime()])
        elif "picked" in content:
            if content["picked"] == self.picked:
                self.picked = {}
            self.picked = content["picked"]
        elif "dragged" in content:
            try:
                self.dragged = content["dragged"]
            finally:
                self.send({"dragged": True})  # the browser sends the next place only now


def rows_of(frame: Any) -> _Rows:
    """Return the rows as Altair writes them: dates as ISO text, a missing number None, a missing date ""."""
    table = to_values(nw.from_native(frame, eager_only=True))
    return [{name: _plain(value) for name, value in row.items()} for row in table["values"]]


def mimebundle(specification: dict[str, Any], **_options: Any) -> Any:
    """Show a chart by :class:`Chart`: the renderer that Altair knows as "protocol".

    Parameters
    ----------
    specification : dict
        Vega-Lite, with its rows.
    """
    return Chart.of(specification)._repr_mimebundle_()


def still(specification: dict[str, Any], rows: _Rows) -> str:
    """Return a drawing as SVG on white, for nbconvert and notebooks that are read without a kernel."""
    from vl_convert import vegalite_to_svg  # here, because it takes 80 MB and pages do without it

    data = {**specification.get("datasets", {}), ROWS: rows}
    width = _STILL_WIDTH if specification.get("width") == "container" else specification.get("width")
    whole = {**specification, "datasets": data, "background": "white"} | ({"width": width} if width else {})
    return str(vegalite_to_svg(whole))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has neither NaN nor infinity
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):  # with a time, because browsers read a bare date as midnight in Greenwich
        return f"{value.isoformat()}T00:00:00"
    return value


def _finite(part: Any) -> Any:
    """Return a part of a specification with None for every number that JSON does not have."""
    if isinstance(part, dict):
        return {name: _finite(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_finite(value) for value in part]
    return None if isinstance(part, float) and not math.isfinite(part) else part


def drawn(figure_function: Callable[..., Any], frame: Any, rows: _Rows, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the drawing of a frame; the same function, frame and settings are drawn once in a process.

    A kernel of the dashboard also has the drawings of the process that it was forked from.
    """
    try:
        told = json.dumps(
            [rows, [(name, str(kind)) for name, kind in nw.from_native(frame).schema.items()], settings]
        )
    except TypeError:  # a setting that JSON does not have is not compared
        return drawing(figure_function(frame, **settings), rows)
    key = (figure_function, hashlib.sha256(told.encode()).digest())
    if key not in _DRAWN:
        while len(_DRAWN) >= _MOST_DRAWN:
            del _DRAWN[next(iter(_DRAWN))]
        _DRAWN[key] = drawing(figure_function(frame, **settings), rows)
    return _DRAWN[key]


def drawing(chart: Any, rows: _Rows) -> dict[str, Any]:
    """Return a chart's Vega-Lite text with its frame's rows taken out and called "rows"."""
    with alt.data_transformers.enable("default", max_rows=None, consolidate_datasets=True):
        spec: dict[str, Any] = chart.to_dict()
    datasets = spec.pop("datasets", {})
    ours = {name for name, values in datasets.items() if _same(values, rows)}
    if not ours:
        raise ValueError(
            _("the figure does not chart the frame it was given; write {code} in it").format(code="alt.Chart(frame)")
        )
    others = {
        name: [{field: _plain(value) for field, value in row.items()} for row in values]
        for name, values in datasets.items()
        if name not in ours
    }
    return {key: _renamed(part, ours) for key, part in spec.items()} | {"datasets": others}


def _same(values: _Rows, rows: _Rows) -> bool:
    return len(values) == len(rows) and all(
        {name: _plain(value) for name, value in there.items()} == here
        for there, here in zip(values, rows, strict=True)
    )


def _renamed(part: Any, names: set[str]) -> Any:
    """Return `part` of a specification with every data source in `names` called "rows"."""
    if isinstance(part, list):
        return [_renamed(item, names) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("name") in names and len(part) == 1:
        return {"name": ROWS}
    return {key: _renamed(value, names) for key, value in part.items()}
