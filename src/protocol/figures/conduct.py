"""Pictures of what happened: the path of the decisions through the grid."""

import altair as alt
import pandas as pd

from protocol.figures.theme import BLUE, GREY, ORANGE, finished
from protocol.translation import _

__all__ = ["path"]

_STEP_PX = 26


def path(frame: pd.DataFrame, regimens: tuple[str, ...]) -> alt.LayerChart:
    """Draw which regimen each decision opened, one after the other.

    Parameters
    ----------
    frame : DataFrame
        One row per decision: number (1, 2, 3), day (ISO text), chosen, recommended, kind ("as recommended" or
        "otherwise"), words (both, and why), seen (DLTs of the participants enrolled under it, in words).
    regimens : tuple of str
        The regimens on the axis, the lowest first.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("number:Q", title=_("Decision"), axis=alt.Axis(tickMinStep=1, format="d", grid=False)),
        y=alt.Y(
            "chosen:N",
            sort=list(reversed(regimens)),
            title=_("Regimen opened"),
            scale=alt.Scale(domain=list(reversed(regimens))),
        ),
    )
    line = base.mark_line(interpolate="step-after", orient="vertical", color=GREY, strokeWidth=1.5)
    line = line.encode(order=alt.Order("number:Q"))
    words = {"as recommended": _("as recommended"), "otherwise": _("otherwise")}
    signs = list(words.values())
    colour = alt.Color(
        "sign:N",
        scale=alt.Scale(domain=signs, range=[BLUE, ORANGE]),
        legend=alt.Legend(title=None, orient="top"),
    )
    shape = alt.Shape("sign:N", scale=alt.Scale(domain=signs, range=["circle", "diamond"]), legend=None)
    points = base.transform_calculate(
        sign=f"datum.kind == 'otherwise' ? '{words['otherwise']}' : '{words['as recommended']}'"
    )
    marks = points.mark_point(filled=True, size=130, opacity=1).encode(
        color=colour,
        shape=shape,
        tooltip=[
            alt.Tooltip("day:N", title=_("Day")),
            alt.Tooltip("chosen:N", title=_("Opened")),
            alt.Tooltip("recommended:N", title=_("Recommended")),
            alt.Tooltip("seen:N", title=_("DLTs under it")),
            alt.Tooltip("words:N", title=_("Why")),
        ],
    )
    seen = base.mark_text(dy=-13, fontSize=11, tooltip=None).encode(text="seen:N", color=alt.value("currentColor"))
    return finished(
        alt.layer(line, marks, seen),
        _STEP_PX * max(len(regimens), 2) + 20,
        _("Which regimen each decision of the committee opened."),
    )
