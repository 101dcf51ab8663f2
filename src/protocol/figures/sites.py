"""A sketch of where the sites are: rivers, hospitals and a scale; no border, no tiles, no network."""

from itertools import pairwise
from math import cos, radians

import altair as alt
import numpy as np
import pandas as pd

from protocol.figures.theme import AMBER, BLUE, DARK, ORANGE, SKY, colours, finished, in_words
from protocol.sites import River, Site
from protocol.translation import _

__all__ = ["STATUSES", "load", "load_rows", "map_rows", "sketch_map"]

_KM_PER_DEGREE = 111.195  # of latitude, on a sphere of the mean radius 6371 km

_PIXELS_PER_KM = 44  # along both axes

_EAST_KM, _NORTH_KM = 3.6, 3.0  # half of what even a narrow screen shows

_THIN_KM = 0.15  # a river whose width is not known

_SCALE_KM = 2

_Row = dict[str, object]


def map_rows(sites: tuple[Site, ...], rivers: tuple[River, ...]) -> pd.DataFrame:
    """Prepare the rows of the sketch, in km east and north of the middle of the sites.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (river, river name, site or scale), ``id``, ``order`` (along a line), ``east_km``, ``north_km``,
        ``width_km`` (of a river), ``label``, ``label_local``, ``up`` (whether a site's label stands above it),
        ``note``.
    """
    positions = {site.id: site.position for site in sites if site.position}
    if not positions:
        return pd.DataFrame()
    north = sum(position.latitude for position in positions.values()) / len(positions)
    east = sum(position.longitude for position in positions.values()) / len(positions)
    stretch = cos(radians(north))  # a degree of longitude is shorter than one of latitude

    def placed(longitude: float, latitude: float) -> tuple[float, float]:
        return (longitude - east) * stretch * _KM_PER_DEGREE, (latitude - north) * _KM_PER_DEGREE

    hospitals = {name: placed(position.longitude, position.latitude) for name, position in positions.items()}
    lines = {river.id: [placed(*point) for point in river.line] for river in rivers}
    widths = {river.id: river.width_km.value if river.width_km else _THIN_KM for river in rivers}
    rows = [
        _point("river", name, *point, order=order, width_km=widths[name])
        for name, line in lines.items()
        for order, point in enumerate(line)
    ]
    rows += _river_names(rivers, lines, list(hospitals.values()))
    rows += [_point("scale", "scale", -_EAST_KM, -_NORTH_KM, label=f"{_SCALE_KM} km")]
    west_to_east = sorted(hospitals, key=lambda name: hospitals[name][0])
    rows += [
        _point(
            "site",
            site.id,
            *hospitals[site.id],
            label=site.shown_name,
            label_local=site.name_local.value if site.name_local and site.shown_name == site.name else "",
            up=west_to_east.index(site.id) % 2 == 0,
            note=positions[site.id].origin,
        )
        for site in sites
        if site.id in positions
    ]
    return pd.DataFrame(rows)


def _point(
    kind: str,
    name: str,
    east_km: float,
    north_km: float,
    order: int = 0,
    label: str = "",
    label_local: str = "",
    up: bool = True,
    note: str = "",
    width_km: float = 0.0,
) -> _Row:
    return {
        "kind": kind,
        "id": name,
        "order": order,
        "east_km": east_km,
        "north_km": north_km,
        "label": label,
        "label_local": label_local,
        "up": up,
        "note": note,
        "width_km": width_km,
    }


def _river_names(
    rivers: tuple[River, ...],
    lines: dict[str, list[tuple[float, float]]],
    hospitals: list[tuple[float, float]],
) -> list[_Row]:
    """Write each river's name once, where it is shown and farthest from every hospital and other river."""
    rows: list[_Row] = []
    taken = list(hospitals)
    for name, local in dict.fromkeys((river.name, river.name_local) for river in rivers):
        line = [point for river in rivers if river.name == name for point in _dense(lines[river.id])]
        others = [point for river in rivers if river.name != name for point in _dense(lines[river.id])]
        shown = [(e, n) for e, n in line if abs(e) < _EAST_KM - 1 and abs(n) < _NORTH_KM - 0.4]
        if shown:
            east, north = _farthest(shown, taken + others)
            taken.append((east, north))
            rows.append(_point("river name", name, east, north, label=f"{name} {local}"))
    return rows


def _farthest(places: list[tuple[float, float]], points: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the place that is farthest from the nearest of `points`; the first one of several."""
    between = np.subtract(np.array(places)[:, None], np.array(points))
    return places[int(np.hypot(between[..., 0], between[..., 1]).min(axis=1).argmax())]


def _dense(line: list[tuple[float, float]], steps: int = 40) -> list[tuple[float, float]]:
    """Add points between the ends of each stretch."""
    return [
        (e1 + (e2 - e1) * step / steps, n1 + (n2 - n1) * step / steps)
        for (e1, n1), (e2, n2) in pairwise(line)
        for step in range(steps + 1)
    ]


def sketch_map(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw the sketch; a kilometre has the same length along both axes, and a wider screen shows more of the sides.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`map_rows` returns.
    """
    east, west = (alt.ExprRef(f"{sign}width / {2 * _PIXELS_PER_KM}") for sign in ("", "-"))
    x_scale = alt.Scale(domainMin=west, domainMax=east, nice=False, zero=False)
    x = alt.X("east_km:Q", axis=None, scale=x_scale)
    y = alt.Y("north_km:Q", axis=None, scale=alt.Scale(domain=[-_NORTH_KM, _NORTH_KM], nice=False, zero=False))
    base = alt.Chart(rows).encode(x=x, y=y)
    river = (
        base.transform_filter("datum.kind == 'river'")
        .transform_calculate(pixels=f"datum.width_km * {_PIXELS_PER_KM}")
        .mark_line(color=SKY, opacity=0.45, clip=True, strokeJoin="round", strokeCap="butt")
        .encode(strokeWidth=alt.StrokeWidth("pixels:Q", scale=None, legend=None))
    )
    names = base.transform_filter("datum.kind == 'river name'").mark_text(fontSize=13, fontStyle="italic")
    height = int(2 * _NORTH_KM * _PIXELS_PER_KM)
    bar, at = _SCALE_KM * _PIXELS_PER_KM, {"y": alt.value(height - 12)}
    scale = alt.Chart(rows).transform_filter("datum.kind == 'scale'")
    hospital = base.transform_filter("datum.kind == 'site'")
    tooltip = [alt.Tooltip("label:N", title=_("Site")), alt.Tooltip("note:N", title=_("Position"))]
    caution = [_("A sketch, not for navigation."), _("Sites are good to about 1 km, rivers to 1 to 2 km.")]
    chart = alt.layer(
        river.encode(detail="id:N", order="order:Q"),
        names.encode(text="label:N"),
        scale.mark_rule(color=BLUE, strokeWidth=4).encode(x=alt.value(12), x2=alt.value(12 + bar), **at),
        scale.mark_text(align="left", dy=-12, fontSize=13).encode(x=alt.value(12), text="label:N", **at),
        hospital.mark_point(filled=True, size=130, color=ORANGE, opacity=1).encode(tooltip=tooltip),
        *(_site_labels(hospital, up) for up in (True, False)),
        *(_site_labels(hospital, up, local=True) for up in (True, False)),
    )
    return finished(
        chart,
        height,
        _("Sketch of the sites and the rivers with a scale bar; positions are approximate."),
        title=alt.Title(_("Where the sites are"), subtitle=caution),
    )


def _site_labels(hospital: alt.Chart, up: bool, local: bool = False) -> alt.Chart:
    """Write one line of the labels that stand above (or below) their site; the local name is the lower line."""
    first = -32 if up else 20
    side = hospital.transform_filter(f"datum.up == {'true' if up else 'false'}")
    place = {"align": "center"} if up else {"align": "left", "dx": -8}
    marks = side.mark_text(dy=first + 17 * local, fontSize=13, fontWeight="normal" if local else 600, **place)
    labels: alt.Chart = marks.encode(text="label_local:N" if local else "label:N")
    return labels


STATUSES = {
    "overdue": (AMBER, _("overdue")),
    "due": (BLUE, _("due")),
    "open": (SKY, _("open")),
}
"""The colour and the word of the visits that need action, the most urgent first."""


def load_rows(visits: pd.DataFrame) -> pd.DataFrame:
    """Prepare the rows of :func:`load` from a briefing's ``visits``: ``site``, ``status``, ``visits``, ``order``."""
    long = visits.melt("site", [*STATUSES], "status", "visits")
    rank = {status: place for place, status in enumerate(STATUSES)}
    rows = long.assign(order=long["status"].map(rank), label=long["visits"].map(lambda n: str(n) if n else ""))
    return rows.astype({"visits": int, "order": int})


def load(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw the visits of each site that are overdue, due and open, as parts of one bar.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`load_rows` returns.
    """
    y = alt.Y("site:N", axis=None, sort=None)
    x = alt.X("visits:Q", title=_("Visits"), axis=alt.Axis(tickMinStep=1, format="d"), stack="zero")
    words = {name: word for name, (_colour, word) in STATUSES.items()}
    legend = alt.Legend(orient="top", title=None, labelExpr=in_words(words), labelLimit=0)
    colour = colours("status", {name: shade for name, (shade, _word) in STATUSES.items()}, legend=legend)
    said = alt.Chart(rows).transform_calculate(state=in_words(words, "datum.status"))
    base = said.encode(y=y, order="order:Q")
    tooltip = [
        alt.Tooltip("site:N", title=_("Site")),
        alt.Tooltip("state:N", title=_("Status")),
        alt.Tooltip("visits:Q", title=_("Visits")),
    ]
    bars = base.mark_bar(height=16, yOffset=9, cornerRadius=2).encode(x=x, color=colour, tooltip=tooltip)
    middle = alt.X("visits:Q", stack="zero", bandPosition=0.5)
    counts = base.mark_text(dy=9, fontSize=13, fontWeight=600).encode(
        x=middle,
        text="label:N",
        detail="status:N",
        color=alt.condition("datum.status === 'due'", alt.value("white"), alt.value(DARK)),
    )
    names = (
        base.transform_filter("datum.order === 0")
        .mark_text(align="left", baseline="middle", dy=-10, fontSize=13)
        .encode(x=alt.value(0), text="site:N")
    )
    return finished(
        alt.layer(bars, counts, names), alt.Step(46), _("Visits of each site that are overdue, due and open.")
    )
