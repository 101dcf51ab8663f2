"""One look for every picture. Colours are Okabe-Ito; a sign or a word always stands beside the colour."""

from typing import Any

import altair as alt

BLUE, SKY, GREEN, ORANGE, AMBER, PINK, GREY = (
    "#0072B2", "#56B4E9", "#009E73", "#D55E00", "#E69F00", "#CC79A7", "#8a8a8a",
)  # fmt: skip

FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def dressed(chart: Any) -> Any:
    """Give a finished chart the house's fonts and quiet axes; the background stays the page's own."""
    return (
        chart.configure(font=FONT, background="transparent")
        .configure_axis(labelFontSize=13, titleFontSize=13, titleFontWeight="normal", gridOpacity=0.35)
        .configure_legend(labelFontSize=13, titleFontSize=13, titleFontWeight="normal")
        .configure_view(strokeOpacity=0)
        .configure_title(fontSize=14, fontWeight=600, anchor="start")
    )


__all__ = ["AMBER", "BLUE", "FONT", "GREEN", "GREY", "ORANGE", "PINK", "SKY", "alt", "dressed"]
