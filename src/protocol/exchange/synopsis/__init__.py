"""A synopsis of the whole record in the order of ICH M11, as Markdown or HTML."""

from protocol.exchange.synopsis.rendering import as_html, as_markdown
from protocol.exchange.synopsis.sections import sections

__all__ = ["as_html", "as_markdown", "sections"]
