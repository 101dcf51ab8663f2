"""The meeting pack: one page to read and print, complete in itself, and its figures as CSV, in one ZIP file."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing
from protocol.exchange.spreadsheet import csv
from protocol.translation import _

WIDTH_PX = 680

STYLE = """
body { font: 11pt/1.45 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; max-width: 52em; margin: 2em auto;
  padding: 0 1em; color: #111; background: #fff; }
h1 { font-size: 1.5em; margin-bottom: .1em; } h2 { font-size: 1.15em; margin-top: 1.6em; }
section { break-inside: avoid; } .invented { border: 2px solid #d55e00; padding: .5em .8em; }
.cards { display: flex; flex-wrap: wrap; gap: .6em; } .cards div { border: 1px solid #999; padding: .3em .7em; }
.cards b { font-size: 1.5em; display: block; } .quiet { color: #555; font-size: .9em; }
table { border-collapse: collapse; margin: .4em 0; } th, td { border-bottom: 1px solid #bbb; padding: .2em .7em;
  text-align: left; vertical-align: top; }
td:first-child { white-space: nowrap; } thead { display: table-header-group; } tr { break-inside: avoid; }
svg { max-width: 100%; height: auto; }
"""


@dataclass(frozen=True)
class Sheet:
    """One table of the pack: its name as a file, its heading, its rows, and the same rows as people read them."""

    file: str
    heading: str
    frame: pd.DataFrame
    shown: pd.DataFrame
    note: str = ""


def meeting_pack(
    title: str, now: Briefing, since: date, sentences: Markup, sheets: tuple[Sheet, ...], pictures: Mapping[str, Any]
) -> bytes:
    """Return the meeting pack as a ZIP file.

    Parameters
    ----------
    title : str
        The trial.
    now : Briefing
        What the reader may see: nothing else reaches the pack.
    since : date
        The day of the last meeting.
    sentences : Markup
        What the design recommends or waits for.
    sheets : tuple of Sheet
    pictures : mapping of str to altair.Chart
        Caption to chart; drawn here, so that the page needs no script.
    """
    page = page_of(title, now, since, sentences, sheets, {name: drawn(chart) for name, chart in pictures.items()})
    files = {"meeting.html": page.encode()} | {f"{sheet.file}.csv": csv(sheet.frame) for sheet in sheets}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in files.items():
            day = (now.as_of.year, now.as_of.month, now.as_of.day, 0, 0, 0)
            pack.writestr(zipfile.ZipInfo(name, day), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def drawn(chart: Any) -> Markup:
    """Draw a chart as SVG text."""
    import vl_convert  # 80 MB; only for those who make a pack

    spec = chart.to_dict() | {"width": WIDTH_PX, "autosize": {"type": "fit-x", "contains": "padding"}}
    return Markup(vl_convert.vegalite_to_svg(spec))  # noqa: S704 - our own chart; its texts are escaped there


def page_of(
    title: str,
    now: Briefing,
    since: date,
    sentences: Markup,
    sheets: tuple[Sheet, ...],
    pictures: Mapping[str, Markup],
) -> str:
    """Return the page, complete in itself."""
    figures = Markup("").join(
        Markup("<section><h2>{}</h2>{}</section>").format(name, svg) for name, svg in pictures.items()
    )
    tables = Markup("").join(map(_section, sheets))
    invented = Markup('<p class="invented"><b>{}</b> {}</p>').format(
        _("Invented example."), _("No real participant, date or outcome stands behind these figures.")
    )
    return str(
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title><style>{style}</style>'
            '<h1>{heading}</h1><p class="quiet">{title}</p>{invented}<p>{about}</p>{sentences}{figures}{tables}'
            '<p class="quiet">{head}</p><p class="quiet">{disclaimer}</p></html>'
        ).format(
            heading=_("Meeting of {day}").format(day=now.as_of),
            title=title,
            style=Markup(STYLE),  # noqa: S704 - the lines above
            invented=invented if now.invented else "",
            about=_("As of {day}. Changes are counted from {since}.").format(day=now.as_of, since=since),
            sentences=sentences,
            figures=figures,
            tables=tables,
            head=_("Trial log up to entry {count}, whose hash is {hash}.").format(
                count=now.head.count, hash=now.head.hash
            ),
            disclaimer=_(
                "Not a medical device; the investigator decides; assumptions are marked and are not the sponsor's."
            ),
        )
    )


def _section(sheet: Sheet) -> Markup:
    note = Markup('<p class="quiet">{}</p>').format(sheet.note) if sheet.note else ""
    if sheet.shown.empty:
        return Markup("<section><h2>{}</h2><p>{}</p></section>").format(sheet.heading, _("Nothing to list."))
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in sheet.shown.columns)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_cell(cell)) for cell in row))
        for row in sheet.shown.itertuples(index=False, name=None)
    )
    return Markup(
        "<section><h2>{}</h2>{}<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></section>"
    ).format(sheet.heading, note, head, rows)


def _cell(value: Any) -> Any:
    return "" if value is None or (not isinstance(value, str) and pd.isna(value)) else value
