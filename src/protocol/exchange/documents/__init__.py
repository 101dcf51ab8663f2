"""Documents to read, print and keep; HTML and SVG from the Jinja2 templates in the folder ``templates``."""

__all__ = [
    "flow",
    "inspection",
    "meeting_pack",
    "open_questions",
    "screening",
    "side_by_side",
    "statistics",
    "synopsis",
]
