"""The kit every page is composed of: fields, text, panels, tables and background tasks."""

from protocol.pages.kit.both_languages import BothLanguages, MadeDocument
from protocol.pages.kit.day import Day
from protocol.pages.kit.fields import FileField, button, field, offer
from protocol.pages.kit.page_state import Draft, PageState, link_to
from protocol.pages.kit.pager import Pager
from protocol.pages.kit.panel import Panel
from protocol.pages.kit.screens import Screens
from protocol.pages.kit.table import Table
from protocol.pages.kit.tabs import Tabs
from protocol.pages.kit.task import Steps, Task, Work
from protocol.pages.kit.text import (
    Content,
    Text,
    action_card,
    as_written,
    assumption,
    at_foot,
    classed,
    coded_data,
    details,
    download,
    fold,
    framed,
    in_english,
    invented,
    joined,
    macros,
    message,
    narrow,
    note,
    note_on_renderings,
    origin,
    paragraph,
    quoted,
    rendering,
    row,
    section,
    span,
    strong,
    table,
    tag,
    unbroken,
)

__all__ = [
    "BothLanguages", "Content", "Day", "Draft", "FileField", "MadeDocument", "PageState", "Pager", "Panel", "Screens",
    "Steps", "Table", "Tabs", "Task", "Text", "Work", "action_card", "as_written", "assumption", "at_foot", "button",
    "classed", "coded_data", "details", "download", "field", "fold", "framed", "in_english", "invented", "joined",
    "link_to", "macros", "message", "narrow", "note", "note_on_renderings", "offer", "origin", "paragraph", "quoted",
    "rendering", "row", "section", "span", "strong", "table", "tag", "unbroken",
]  # fmt: skip
