"""A synopsis as Markdown and as one HTML page; text from the record is escaped in both."""

import re
from collections.abc import Iterable
from datetime import date

from markupsafe import Markup

from protocol.exchange.questions import STYLE
from protocol.exchange.synopsis.sections import Line, Section, Table, sections
from protocol.records import Provenance
from protocol.translation import _
from protocol.trial import Trial

_TABLES = """
body { max-width: 60em; } table { border-collapse: collapse; font-size: .85em; margin: .4em 0; }
th, td { border: 1px solid #999; padding: .2em .5em; vertical-align: top; text-align: left; }
.assumption { border: 1px dashed #7a5c00; color: #7a5c00; padding: 0 .3em; } .from { color: #555; font-size: .85em; }
p { white-space: pre-line; }
"""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&]|^[-+]|(?<=^\d)[.)]|(?<=^\d\d)[.)])")


def as_markdown(trial: Trial, day: date) -> str:
    """Write the synopsis as Markdown.

    Parameters
    ----------
    trial : Trial
    day : date
        Written into the head.
    """
    return markdown(_title(trial), _lead(trial, day), sections(trial))


def as_html(trial: Trial, day: date) -> str:
    """Write the synopsis as one HTML page that needs nothing else; parameters as in :func:`as_markdown`."""
    return html(_title(trial), _lead(trial, day), sections(trial))


def markdown(title: str, lead: str, content: Iterable[Section]) -> str:
    """Write sections as Markdown, under a title and a paragraph."""
    parts = [f"# {_plain(title)}", _plain(lead)]
    for section in content:
        parts.append(f"## {section.number} {_plain(section.title)}")
        parts += map(_markdown, section.content)
    return "\n\n".join(parts) + "\n"


def html(title: str, lead: str, content: Iterable[Section]) -> str:
    """Write sections as one HTML page that needs nothing else, under a title and a paragraph."""
    return str(
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{style}</style>'
            "<h1>{title}</h1><p>{lead}</p>{body}</html>"
        ).format(
            title=title,
            style=Markup(STYLE + _TABLES),  # noqa: S704 - the lines above and those of the printed questions
            lead=lead,
            body=Markup("").join(map(_html_section, content)),
        )
    )


def _title(trial: Trial) -> str:
    title, number = trial.identity["title"].value, trial.identity["nct_id"].value
    return _("Synopsis of {number}: {title}").format(number=number, title=title)


def _lead(trial: Trial, day: date) -> str:
    count = sum(_is_assumption(item) for section in sections(trial) for item in _origins(section))
    return _(
        "Written on {day} from the workbook's record in the order of ICH M11. {count} entries are assumptions of the "
        "workbook, not the sponsor's, and are marked as such."
    ).format(day=day.isoformat(), count=count)


def _origins(section: Section) -> list[Provenance | None]:
    return [
        origin
        for item in section.content
        for origin in ([row[1] for row in item.rows] if isinstance(item, Table) else [item.origin])
    ]


def _is_assumption(origin: Provenance | None) -> bool:
    return origin is not None and origin.is_assumption


def _plain(text: str) -> str:
    """Escape what Markdown would read as its own."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _markdown_origin(origin: Provenance | None) -> str:
    if origin is None:
        return ""
    return f"**{_('assumption')}:** {_plain(origin.origin)}" if origin.is_assumption else f"*{_plain(origin.origin)}*"


def _markdown(item: Line | Table) -> str:
    return _markdown_table(item) if isinstance(item, Table) else _markdown_line(item)


def _markdown_line(line: Line) -> str:
    head = f"**{_plain(line.name)}** " if line.name else ""
    return f"- {head}{_plain(line.text)} {_markdown_origin(line.origin)}".rstrip()


def _markdown_table(table: Table) -> str:
    head = [*map(_plain, table.head), _("Where from")]
    rows = [[*map(_plain, cells), _markdown_origin(origin)] for cells, origin in table.rows]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _html_section(section: Section) -> Markup:
    content = Markup("").join(
        _html_table(item) if isinstance(item, Table) else _html_line(item) for item in section.content
    )
    return Markup("<section><h2>{} {}</h2>{}</section>").format(section.number, section.title, content)


def _html_origin(origin: Provenance | None) -> Markup:
    if origin is None:
        return Markup("")
    if origin.is_assumption:
        return Markup('<span class="assumption">{}</span> <span class="from">{}</span>').format(
            _("assumption"), origin.origin
        )
    return Markup('<span class="from">{}</span>').format(origin.origin)


def _html_line(line: Line) -> Markup:
    return Markup("<p><b>{}</b> {} {}</p>").format(line.name, line.text, _html_origin(line.origin))


def _html_table(table: Table) -> Markup:
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in (*table.head, _("Where from")))
    rows = Markup("").join(
        Markup("<tr>{}<td>{}</td></tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells), _html_origin(origin)
        )
        for cells, origin in table.rows
    )
    return Markup("<table><tr>{}</tr>{}</table>").format(head, rows)
