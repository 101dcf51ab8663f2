"""The flow diagram of a screened cohort, in the form of CONSORT's, as one SVG document."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from unicodedata import east_asian_width

from protocol.eligibility import Tally
from protocol.exchange.cohort.results import Stamp
from protocol.exchange.documents.templates import render
from protocol.translation import _, labelled

# Pixels
_WIDTH, _LEFT, _MIDDLE_BOX, _SIDE_BOX, _SIDE = 860, 20, 300, 480, 360
_LINE, _PADDING, _GAP = 18, 10, 24
# Characters in a line: of the exclusions, of a box in the middle, of the footer
_REASON, _BOX, _FOOTER = 62, 38, 125


@dataclass(frozen=True)
class _Box:
    left: int
    top: int
    width: int
    lines: Sequence[str]

    @property
    def height(self) -> int:
        return len(self.lines) * _LINE + 2 * _PADDING

    @property
    def bottom(self) -> int:
        return self.top + self.height


def flow_diagram(tally: Tally, order: str | Sequence[str], under: Stamp) -> str:
    """Draw the participants screened, excluded by criterion, and eligible.

    Parameters
    ----------
    tally : Tally
    order : "protocol", "most" or sequence of str
        The order in which exclusions are counted; a participant is counted once, at the first criterion failed.
    under : Stamp

    Returns
    -------
    str
        An SVG document with title and description; dark on white, so that it prints.
    """
    totals, rows = tally.totals, tally.funnel(order)
    reasons = [
        line
        for row in rows[rows["excluded"] > 0].itertuples()
        for line in _wrapped(labelled(f"{row.criterion}  {row.title}", row.excluded), _REASON)
    ]
    remaining = totals["participants"] - totals["excluded"]
    screened = _Box(_LEFT, 70, _MIDDLE_BOX, [_("Screened: {n}").format(n=totals["participants"])])
    excluded = _Box(
        _SIDE, screened.bottom + _GAP, _SIDE_BOX, [_("Excluded: {n}").format(n=totals["excluded"]), *reasons]
    )
    kept_lines = [
        _("Not excluded: {n}").format(n=remaining),
        *_wrapped(_("at most this many can be eligible"), _BOX),
    ]
    kept = _Box(_LEFT, excluded.bottom + _GAP, _MIDDLE_BOX, kept_lines)
    confirmed_lines = [
        _("✓ Eligible so far: {n}").format(n=totals["confirmed"]),
        _("everything known and passed"),
    ]
    possible_lines = [
        _("? Possibly eligible: {n}").format(n=totals["possible"]),
        _("something is still unknown"),
    ]
    confirmed = _Box(_LEFT, kept.bottom + 50, _MIDDLE_BOX, confirmed_lines)
    possible = _Box(_SIDE, kept.bottom + 50, _MIDDLE_BOX, possible_lines)
    boxes = (screened, excluded, kept, confirmed, possible)

    middle = _LEFT + _MIDDLE_BOX // 2
    beside = excluded.top + excluded.height // 2
    arrows = (
        f"M{middle} {screened.bottom}L{middle} {kept.top}",
        f"M{middle} {beside}L{_SIDE} {beside}",
        f"M{middle} {kept.bottom}L{middle} {confirmed.top}",
        f"M{middle} {kept.bottom + 25}H{_SIDE + _MIDDLE_BOX // 2}V{possible.top}",
    )
    footer = _lines(" · ".join(labelled(label, value) for label, value in under.lines().items()), _FOOTER)
    foot = confirmed.bottom + 34
    return render(
        "flow.svg",
        width=_WIDTH,
        height=foot + len(footer) * 15 + 8,
        heading=_("Participant flow: {trial}, phase {phase}").format(trial=under.trial, phase=under.phase),
        description=_("{before}. {after}")
        .format(before="", after="")
        .join(line.strip() for box in boxes for line in box.lines),
        boxes=boxes,
        arrows=arrows,
        footer=footer,
        foot=foot,
        padding=_PADDING,
        indent=_GAP,
        line_height=_LINE,
    )


def _wrapped(text: str, characters: int) -> list[str]:
    first, *more = _lines(text, characters) or [""]
    return [first, *("      " + line for line in more)]


_ENDS = "，。；：、）》！？”"
"""Stands at no beginning of a line."""


def _lines(text: str, columns: int) -> list[str]:
    """Break a text into lines; a wide character takes two columns, and a line may end after it."""
    if not any(map(_is_wide, text)):
        return wrap(text, columns)
    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if sum(1 + _is_wide(one) for one in line + piece) > columns and piece not in _ENDS:
            lines.append(line.strip())
            line = ""
        line += piece
    return [*lines, line.strip()]


_PIECE = re.compile(r"\s+|[^\s\u2e80-\uffef]+|.")


def _is_wide(character: str) -> bool:
    return east_asian_width(character) in "WF"
