"""Text of a page: HTML from templates, escaped, with its ARIA role."""

import re
from base64 import b64encode
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import ipywidgets as widgets
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from protocol.escalation import NextAction
from protocol.records import ProtocolError, Provenance
from protocol.translation import _, about_renderings, labelled, language, list_of, marked_rendering

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, auto_reload=False
)
_TEMPLATES.globals |= {"language": language, "marked_rendering": marked_rendering}
_TEMPLATES.filters["list_of"] = list_of
_TEMPLATES.filters["labelled"] = lambda label, value: Markup(labelled("{}", "{}")).format(label, value)  # noqa: S704
_TEMPLATES.filters["sentence"] = lambda text: _("{text}.").format(text=text)


class Macros(Protocol):
    """The macros of one template, as functions."""

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        """Return a macro."""


@cache
def macros(name: str) -> Macros:
    """Return the macros of ``templates/{name}.html.j2``; each returns Markup and escapes plain text."""
    return cast("Macros", _TEMPLATES.get_template(f"{name}.html.j2").module)


_KIT = macros("kit")

_HYPHENED = re.compile(r"(\b[A-Z0-9]+(?:-[A-Z0-9]+)+\b)")

Content = Markup | str | ProtocolError | None
"""What a Text shows: markup as it is, plain text escaped, an error as its message, None as nothing."""


class Text(widgets.HTML):  # type: ignore[misc] # ipywidgets is untyped
    """A piece of text that keeps its ARIA role at every update.

    Parameters
    ----------
    content : Markup, str, ProtocolError or None
        The first text.
    *classes : str
        CSS classes.
    role : str
        The ARIA role. With "status" a screen reader announces each update politely, with "alert" at once; "" is for
        text that is not announced.

    Attributes
    ----------
    errors : tuple of ProtocolError
        Those that it shows.
    """

    errors: tuple[ProtocolError, ...] = ()

    def __init__(self, content: Content = None, *classes: str, role: str = "status") -> None:
        super().__init__()
        self.role = role
        self._errors: dict[Hashable, ProtocolError] = {}
        for name in classes:
            self.add_class(name)
        self.show(content)

    def show(self, *content: Content) -> None:
        """Show these pieces one after another. An error is an alert of its own, before the other pieces.

        With nothing to show, `value` is "".
        """
        self._errors.clear()
        self._write(content)

    def report(self, owner: Hashable, error: ProtocolError | None) -> None:
        """Show or remove the error of one control among those that share this text."""
        if error is not None:
            self._errors[owner] = error
        elif self._errors.pop(owner, None) is None:
            return
        self._write(list(self._errors.values()))

    def _write(self, content: Iterable[Content]) -> None:
        pieces = [piece for piece in content if piece is not None]
        self.errors = tuple(piece for piece in pieces if isinstance(piece, ProtocolError))
        words = joined(escape(piece) for piece in pieces if not isinstance(piece, ProtocolError))
        self.value = str(joined(map(message, self.errors))) + (with_role(words, self.role) if words else "")


def with_role(content: Markup | str, role: str) -> str:
    """Return HTML text in an element of this role; without an element if the role is ""."""
    return str(_KIT.with_role(role, content) if role else escape(content))


def joined(pieces: Iterable[Markup | str], between: str = "") -> Markup:
    """Put pieces one after another; plain text is escaped."""
    return Markup(escape(between)).join(pieces)  # noqa: S704 - escaped


def framed(content: widgets.Widget) -> widgets.VBox:
    """Put a page into its frame: the style sheet, then the page."""
    sheet = Markup((_HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of this package
    frame = widgets.VBox([Text(_KIT.style(sheet), role=""), content])
    frame.add_class("pw-page")
    return frame


def section(title: str, *content: widgets.Widget, lead: Markup | str = "") -> widgets.VBox:
    """Group widgets under a heading with an optional sentence below it."""
    return classed(widgets.VBox([Text(_KIT.heading(title, lead), role=""), *content]), "pw-section")


def fold(title: str, *content: widgets.Widget, lead: Markup | str = "") -> widgets.Accordion:
    """Group widgets as :func:`section` does, folded under the heading: for what is rarely used."""
    above = [Text(paragraph(lead, "lead"), role="")] if lead else []
    folded = widgets.Accordion([widgets.VBox([*above, *content])], titles=[title], selected_index=None)
    return classed(folded, "pw-fold")


def row(*content: widgets.Widget) -> widgets.Box:
    """Set widgets side by side; they wrap on a narrow screen."""
    return classed(widgets.Box(content), "pw-row")


def narrow(content: widgets.Widget) -> widgets.Box:
    """Limit a picture to the width at which it reads well."""
    return classed(widgets.Box([content]), "pw-narrow")


def classed(widget: Any, *classes: str) -> Any:
    """Give a widget CSS classes and return it."""
    for name in classes:
        widget.add_class(name)
    return widget


def paragraph(content: Markup | str, kind: str = "") -> Markup:
    """Return a paragraph; `kind` is the CSS class without its prefix: off, lead, good, bad, open."""
    return _KIT.paragraph(content, kind)


def span(content: Markup | str, kind: str) -> Markup:
    """Return words within a line; `kind` as of :func:`paragraph`."""
    return _KIT.span(content, kind)


def strong(content: Markup | str, rest: Markup | str = "") -> Markup:
    """Return bold words, and the rest of the line."""
    return _KIT.strong(content, rest)


def in_english(words: str) -> Markup:
    """Return words that are English in every language: of the registry, of a source, of a reference."""
    return _KIT.in_english(words)


_ONE_LINE = 60
"""Letters of a quotation from which on its rendering begins a line."""


def quoted(words: str | tuple[str, ...]) -> Markup:
    """Return words of the registry and, for readers of another language, what they say, marked as the workbook's."""
    text = words if isinstance(words, str) else ", ".join(words)
    return joined((in_english(text), _KIT.rendering(marked_rendering(words), is_below=len(text) > _ONE_LINE)))


def rendering(words: str | tuple[str, ...]) -> Markup:
    """Return what words of the registry say in the reader's language, to stand behind them; mostly nothing."""
    return _KIT.rendering(marked_rendering(words))


def note_on_renderings(words: Iterable[str]) -> Markup:
    """Return what the mark of such a rendering means, if one of these words has one."""
    said = about_renderings(words)
    return paragraph(said, "off") if said else Markup()


def coded_data() -> Markup:
    """Return what holds for files with study ids that leave the workbook.

    Personal Information Protection Law of China: articles 4 and 73 (what is coded is not anonymous), 28 (health).
    """
    return note(
        _(
            "Files with study ids hold personal information on health, although they have no names (in China: "
            "Personal Information Protection Law, articles 4, 28 and 73). Keep and send them accordingly."
        )
    )


def as_written(words: str) -> Markup:
    """Return what somebody wrote into the log; it is not translated."""
    return _KIT.as_written(words)


def action_card(action: NextAction) -> Markup:
    """Show what the trial should do next: one large sentence, what would change it, and why; numbers are folded."""
    short, full = (action.counted, action.why) if action.counted else (action.why, "")
    lines = [unbroken(words) for words in (short, action.phase_two) if words]
    rule = details(_("The rule with its numbers"), paragraph(unbroken(full))) if full else ""
    return _KIT.action(unbroken(action.sentence), unbroken(action.foreseen), lines, rule)


def at_foot(words: str) -> Markup:
    """Write words at the foot of every printed sheet."""
    quoted = words.replace("\\", "").replace('"', "").replace("<", "")
    return _KIT.style(Markup('@page {{ @bottom-left {{ content: "{}"; }} }}').format(Markup(quoted)))  # noqa: S704


def unbroken(text: str) -> Markup:
    """Return text in which no day and no study id is broken at its hyphens."""
    pieces = _HYPHENED.split(text)
    return joined(span(piece, "date") if place % 2 else piece for place, piece in enumerate(pieces))


def skeleton() -> Markup:
    """Hold the place of a part that is being built."""
    return _KIT.skeleton(_("Being prepared …"))


def tag(content: Markup | str, kind: str = "", title: str = "") -> Markup:
    """Return a small label."""
    return _KIT.tag(content, kind, title)


def origin(value: Provenance) -> Markup:
    """Show where a value comes from: a quiet tag for a source, a loud one for an assumption."""
    if value.is_assumption:
        return tag(_("assumption"), "assumption", value.origin)
    return tag(in_english(value.origin))


def assumption(reason: str) -> Markup:
    """Show an assumption with its reason in full."""
    return joined((tag(_("assumption"), "assumption"), reason), " ")


def invented() -> Markup:
    """Label figures that belong to no real participant."""
    words = _("No real participant, date or outcome stands behind these figures.")
    return _KIT.invented(_("Invented example."), words)


def message(error: ProtocolError) -> Markup:
    """Say what is wrong, where, and what to write instead."""
    return _KIT.message(error.where, [(_("Found"), error.found), (_("Write"), error.write)])


def note(text: Markup | str) -> Markup:
    """Show a sentence that matters but is not an error."""
    return paragraph(text, "note")


def table(frame: pd.DataFrame, caption: str = "", *, label: str = "", **options: Any) -> Markup:
    """Show a small table. Cells that are Markup (in columns of type object) stay as they are, others are escaped.

    A column that holds only numbers, with or without a unit or a share behind them, is set on the right. On a narrow
    screen no day and no code is broken, a column of sentences stays wide enough to be read, and the table scrolls if
    it must.

    Parameters
    ----------
    frame : pandas.DataFrame
    caption, label : str
        What the rows are; `label` is for screen readers only, the caption if there is none.
    **options
        Of the macro ``table``: `sorted_by` is a column, with `descending`; with `sortable` each head is a button.
    """
    rows = [
        ["" if cell is None or cell is pd.NaT else cell for cell in row]
        for row in frame.itertuples(index=False, name=None)
    ]
    columns = [(name, _class_of([row[place] for row in rows])) for place, name in enumerate(frame.columns)]
    return _KIT.table(caption, label or caption or _("Table"), columns, rows, **options)


_COUNT = re.compile(r"[<>≤≥±+−-]?\s?[\d,]*\.?\d+(\s?%|\s?[×x]|\s\([^)]*\)|\s?[–±-]\s?[\d,]*\.?\d+|\s\w+\s[\d,]+)?")
_CODE = re.compile(r"[\w.:-]{1,20}", re.ASCII)
_NOTHING = {"", "–", "-", "nan"}
_SENTENCE = 40
"""Letters of a cell from which on it is read as a sentence."""


def _class_of(cells: list[Any]) -> str:
    """Return "num" if each cell is a number ("1,200 (4 %)", "3 of 9") or nothing ("–"), "date" if each is a day or a
    code, "said" if one is a sentence.
    """
    texts = [cell.striptags() if isinstance(cell, Markup) else str(cell).strip() for cell in cells]
    said = [text for text in texts if text not in _NOTHING]
    if said and all(_COUNT.fullmatch(text) for text in said):
        return "num"
    if said and all(_CODE.fullmatch(text) for text in said):
        return "date"
    return "said" if any(len(text) > _SENTENCE for text in said) else ""


def opener(text: str) -> Markup:
    """Return the cell of a table as a button."""
    return _KIT.opener(text)


def details(summary: str, content: Markup | str) -> Markup:
    """Fold `content` away under a summary."""
    return _KIT.details(summary, content)


def download(label: str, filename: str, content: bytes, media_type: str) -> Markup:
    """Offer bytes as a file, without a server."""
    return _KIT.download(label, filename, media_type, b64encode(content).decode("ascii"))
