"""A cohort's way through the criteria as a flow diagram like CONSORT's: one SVG that needs nothing from anywhere."""

from collections.abc import Sequence
from textwrap import wrap

from markupsafe import Markup

from protocol.eligibility import Tally
from protocol.exchange.cohort.results import Stamp
from protocol.translation import _

WIDTH, LEFT, BOX, SIDE, LINE, PAD = 860, 20, 300, 480, 18, 10
"""Pixels: the whole width, the left edge, the boxes in the middle and at the side, a line, a margin."""

SIGNS_PER_LINE = 62

COLUMN_SIGNS = 38


def flow(tally: Tally, order: str | Sequence[str], under: Stamp) -> str:
    """Draw who came, who was excluded by which criterion first, and who is left.

    Parameters
    ----------
    tally : Tally
    order : "protocol", "most" or sequence of str
        The order in which exclusions are counted; everybody excluded is counted once, at the first criterion failed.
    under : Stamp

    Returns
    -------
    str
        An SVG document with title and description; dark on white, so that it prints.
    """
    totals, rows = tally.totals, tally.funnel(order)
    lost = rows[rows["excluded"] > 0]
    reasons = [
        line
        for row in lost.itertuples()
        for line in _wrapped(f"{row.criterion}  {row.title}: {row.excluded}", SIGNS_PER_LINE)
    ]
    excluded = [_("Excluded: {n}").format(n=totals["excluded"]), *reasons]
    left = totals["participants"] - totals["excluded"]
    boxes = [
        [_("Screened: {n}").format(n=totals["participants"])],
        [_("Not excluded: {n}").format(n=left), *_wrapped(_("at most this many can be eligible"), COLUMN_SIGNS)],
    ]
    ends = [
        [_("✓ Eligible so far: {n}").format(n=totals["confirmed"]), _("everything known and met")],
        [_("? Possibly eligible: {n}").format(n=totals["possible"]), _("something is still unknown")],
    ]
    return _document(boxes, excluded, ends, under)


def _wrapped(text: str, signs: int) -> list[str]:
    first, *more = wrap(text, signs) or [""]
    return [first, *("      " + line for line in more)]


def _document(boxes: list[list[str]], excluded: list[str], ends: list[list[str]], under: Stamp) -> str:
    top, side_height = 70, _height(excluded)
    side_top = top + _height(boxes[0]) + 24
    second = side_top + side_height + 24
    last = second + _height(boxes[1]) + 50
    foot = last + max(map(_height, ends)) + 34
    middle = LEFT + BOX // 2
    about = " · ".join(f"{label}: {value}" for label, value in under.lines().items())
    footer = wrap(about, 125)
    pieces = [
        _text(
            LEFT,
            34,
            _("Who is left: {trial}, phase {phase}").format(trial=under.trial, phase=under.phase),
            bold=True,
            size=17,
        ),
        _box(LEFT, top, BOX, boxes[0]),
        _arrow(middle, top + _height(boxes[0]), middle, second),
        _arrow(middle, side_top + side_height // 2, LEFT + BOX + 40, side_top + side_height // 2),
        _box(LEFT + BOX + 40, side_top, SIDE, excluded),
        _box(LEFT, second, BOX, boxes[1]),
        _arrow(middle, second + _height(boxes[1]), middle, last),
        _elbow(middle, second + _height(boxes[1]) + 25, LEFT + BOX + 40 + BOX // 2, last),
        _box(LEFT, last, BOX, ends[0]),
        _box(LEFT + BOX + 40, last, BOX, ends[1]),
        *(_text(LEFT, foot + place * 15, line, size=11) for place, line in enumerate(footer)),
    ]
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            'height="{height}" '
            'role="img" aria-labelledby="flow-title flow-description" font-family="sans-serif" font-size="13">'
            '<title id="flow-title">{title}</title><desc id="flow-description">{description}</desc>'
            '<defs><marker id="flow-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0L8 4L0 8z" fill="#222"/></marker></defs>'
            '<rect width="100%" height="100%" fill="#fff"/>{pieces}</svg>'
        ).format(
            width=WIDTH,
            height=foot + len(footer) * 15 + 8,
            title=_("Flow of participants through the criteria"),
            description=". ".join(line.strip() for box in (boxes[0], excluded, boxes[1], *ends) for line in box),
            pieces=Markup("").join(pieces),
        )
    )


def _height(lines: Sequence[str]) -> int:
    return len(lines) * LINE + 2 * PAD


def _box(left: int, top: int, width: int, lines: Sequence[str]) -> Markup:
    frame = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="3" fill="#fff" stroke="#222"/>').format(
        left, top, width, _height(lines)
    )
    texts = [_text(left + PAD, top + PAD + 13 + i * LINE, line, bold=i == 0) for i, line in enumerate(lines)]
    return frame + Markup("").join(texts)


def _text(left: int, top: int, text: str, *, bold: bool = False, size: int = 13) -> Markup:
    indent = len(text) - len(text.lstrip())
    return Markup('<text x="{}" y="{}" font-size="{}" font-weight="{}" fill="#111">{}</text>').format(
        left + indent * 4, top, size, 700 if bold else 400, text.strip()
    )


def _arrow(left: int, top: int, right: int, bottom: int) -> Markup:
    return Markup('<path d="M{} {}L{} {}" stroke="#222" fill="none" marker-end="url(#flow-tip)"/>').format(
        left, top, right, bottom
    )


def _elbow(left: int, top: int, right: int, bottom: int) -> Markup:
    return Markup('<path d="M{} {}H{}V{}" stroke="#222" fill="none" marker-end="url(#flow-tip)"/>').format(
        left, top, right, bottom
    )
