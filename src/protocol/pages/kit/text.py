"""Text of a page as HTML, escaped, with its ARIA role."""

from base64 import b64encode
from pathlib import Path

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.records import ProtocolError, Provenance
from protocol.translation import _

STYLE = Path(__file__).with_name("page.css")


def html(content: Markup | str, *classes: str, role: str = "") -> widgets.HTML:
    """Show `content`: Markup as it is, plain text escaped. ``role="status"`` lets a screen reader announce it."""
    widget = widgets.HTML(dress(content, role))
    for name in classes:
        widget.add_class(name)
    return widget


def dress(content: Markup | str, role: str = "") -> str:
    """Escape plain text and give the piece its role."""
    return str(Markup('<div role="{}">{}</div>').format(role, content) if role else Markup("{}").format(content))


def framed(content: widgets.Widget) -> widgets.VBox:
    """Put a page into its frame: the style sheet, then the page."""
    frame = widgets.VBox([widgets.HTML(f"<style>{STYLE.read_text(encoding='utf-8')}</style>"), content])
    frame.add_class("pw-page")
    return frame


def section(title: str, *content: widgets.Widget, lead: Markup | str = "") -> widgets.VBox:
    """Group widgets under a heading with an optional sentence below it."""
    heading = html(Markup('<h2 class="pw-heading">{}</h2><p class="pw-lead">{}</p>').format(title, lead))
    box = widgets.VBox([heading, *content])
    box.add_class("pw-section")
    return box


def row(*content: widgets.Widget) -> widgets.Box:
    """Set widgets side by side; they wrap on a narrow screen."""
    box = widgets.Box(content)
    box.add_class("pw-row")
    return box


def narrow(content: widgets.Widget) -> widgets.Box:
    """Keep a picture from growing wider than it reads well."""
    box = widgets.Box([content])
    box.add_class("pw-narrow")
    return box


def origin(value: Provenance) -> Markup:
    """Show where a value comes from: a quiet tag for a source, a loud one for an assumption."""
    if value.is_assumption:
        return Markup('<span class="pw-tag pw-assumption" title="{}">{}</span>').format(value.origin, _("assumption"))
    kind = (value.source or "").partition(":")[0]
    return Markup('<span class="pw-tag pw-{}">{}</span>').format(kind, value.origin)


def assumption(reason: str) -> Markup:
    """Show an assumption with its reason in full."""
    return Markup('<span class="pw-tag pw-assumption">{}</span> {}').format(_("assumption"), reason)


def invented() -> Markup:
    """Label figures that belong to no real participant."""
    return Markup('<p class="pw-invented"><b>{}</b> {}</p>').format(
        _("Invented example."), _("No real participant, date or outcome stands behind these figures.")
    )


def message(error: ProtocolError) -> Markup:
    """Say what is wrong, where, and what to write instead."""
    return Markup(
        '<div class="pw-message" role="alert"><b>{}</b><dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl></div>'
    ).format(error.where, _("Found"), error.found, _("Write"), error.write)


def note(text: Markup | str) -> Markup:
    """Show a sentence that matters but is not an error."""
    return Markup('<p class="pw-note">{}</p>').format(text)


def table(frame: pd.DataFrame, caption: str = "") -> Markup:
    """Show a table. Cells that are Markup (in columns of type object) stay as they are, all others are escaped."""
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in frame.columns)
    rows = (Markup("").join(map(_cell, row)) for row in frame.itertuples(index=False, name=None))
    body = Markup("").join(Markup("<tr>{}</tr>").format(row) for row in rows)
    return Markup(
        '<div class="pw-scroll" tabindex="0" role="region" aria-label="{}"><table class="pw-table">'
        "<caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(caption or _("Table"), caption, head, body)


def _cell(value: object) -> Markup:
    return Markup("<td>{}</td>").format("" if value is None or value is pd.NaT else value)


def details(summary: str, content: Markup | str) -> Markup:
    """Fold `content` away under a summary."""
    return Markup('<details class="pw-details"><summary>{}</summary>{}</details>').format(summary, content)


def download(label: str, filename: str, content: bytes, media_type: str) -> Markup:
    """Offer bytes as a file, without a server."""
    data = b64encode(content).decode("ascii")
    return Markup('<a class="pw-download" download="{}" href="data:{};base64,{}">{}</a>').format(
        filename, media_type, data, label
    )
