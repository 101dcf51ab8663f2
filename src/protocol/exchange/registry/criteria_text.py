"""The eligibility text of a registry record, taken apart into criteria, each with its sign.

The sign of a criterion is that of the heading above it: inclusion, exclusion, or undecided if no heading says which.
A sign is never assumed: undecided are a text without headings, a heading that names both signs or none of them
("Eligibility criteria"), another group of persons after a block has begun, and an item of an inclusion list that
excludes by its own words.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Literal

__all__ = ["RegisteredCriterion", "Sign", "plain_text", "split_criteria"]

Sign = Literal["inclusion", "exclusion", "undecided"]
"""Whether a criterion admits, excludes, or is not said to do either."""

_MOST_CRITERIA = 63
"""In one draft. A longer text is split only at its headings, since its lines are hardly one criterion each."""

_LONGEST_NAME, _LONGEST_LABEL, _LONGEST_SENTENCE = 6, 14, 40  # words

# --- Markup ---

_ESCAPE_OR_ENTITY = re.compile(r"\\([!-/:-@\[-`{-~])|(&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});)")
_BOLD = re.compile(
    r"(?<![\\*])\*\*(?=\S)([^*\n]+?)(?<=[^\s\\])\*\*(?!\*)|(?<![\\\w])__(?=\S)([^_\n]+?)(?<=\S)__(?!\w)"
)
_LINK = re.compile(r"(?<!\\)\[([^\]\n]+)\]\((https?://[^)\s]+)\)")
_BREAK = re.compile(r"<(?:br|/p|/li|/div)\s*/?>", re.I)
_LIST_ITEM = re.compile(r"\s*<li(?:\s[^<>]*)?>\s*", re.I)
_TAG = re.compile(r"</?(?:p|ul|ol|li|b|i|em|strong|u|sub|sup|div|span|font)(?:\s[^<>]*)?/?>", re.I)


def plain_text(markup: str) -> str:
    r"""Return a text of the registry without its markup: escapes, entities, bold marks, links and HTML tags.

    Bullets and numbers at the beginning of a line stay. The registry writes ``\>`` for >, ``\*`` for * and so on
    (CommonMark, 2.4 and 2.5).
    """
    text = _TAG.sub("", _lines_of(markup))
    text = _BOLD.sub(lambda match: match[1] or match[2], text)
    text = _LINK.sub(r"\1 (\2)", text)
    text = _ESCAPE_OR_ENTITY.sub(lambda match: match[1] or unescape(match[2]), text)
    return text.replace("\xa0", " ")


def _lines_of(markup: str) -> str:
    """Return a text with the line ends and the bullets that its HTML tags stand for."""
    return _LIST_ITEM.sub("\n* ", _BREAK.sub("\n", markup))


# --- Headings ---

with Path(__file__).with_name("criteria_signs.toml").open("rb") as _file:
    _WORDS = tomllib.load(_file)


def _any(*lists: list[str]) -> re.Pattern[str]:
    """Match one of the expressions as a whole word; words of scripts without spaces stand anywhere."""
    every = [text for texts in lists for text in texts]
    spaced = [text for text in every if text.isascii() or re.match(r"[a-zа-я]", text)]
    other = [text for text in every if text not in spaced]
    return re.compile("|".join([rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)", *other]), re.I)


_EXCLUDES = _any(_WORDS["exclusion"]["headings"], _WORDS["exclusion"]["sentences"])
_INCLUDES = _any(_WORDS["inclusion"]["headings"], _WORDS["inclusion"]["sentences"])
_NAMES = _any(_WORDS["exclusion"]["headings"], _WORDS["inclusion"]["headings"])
_NEITHER, _NEGATED = _any(_WORDS["neither"]["headings"]), _any(_WORDS["neither"]["negated"])
_NOUN, _POPULATION = _any(_WORDS["shape"]["nouns"]), _any(_WORDS["shape"]["populations"])
_DENIED, _SPOKEN_OF = _any(_WORDS["shape"]["denied"]), _any(_WORDS["shape"]["spoken_of"])
_REVERSED = re.compile("|".join(_WORDS["shape"]["reversed"]), re.I)
_FOLLOWING = re.compile(rf"\W*(?:{_WORDS['shape']['following']})?\W*", re.I)
_OPENS_LIST = re.compile(r"(?:following|below|criteria|if|include[sd]?|以下|下列)\W*$", re.I)

_ITEM = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2})*\\?[.)](?!\d)|\d{1,2}[、．]|[一二三四五六七八九十]{1,3}[、．]|[(（](?:\d{1,2}|[a-zA-Z]|[ivx]{1,4}|[一二三四五六七八九十]{1,3})[)）]|[a-zA-Z]\\?\)"
    r"|[①-⑳]|[*•·▪●○‣\-–—](?=\s))\s*"
)
_ITEM_INLINE = re.compile(r"(?:^|(?<=\s)|(?<=[;；。]))(?:(\d{1,2})\\?[.)、](?!\d)|[(（](\d{1,2})[)）])\s*")
_DECORATION = re.compile(r"^[#>\s*_]+|[\s*_#]+$")
_RULE = re.compile(r"\s*([-=_*~#+])(?:\s*\1){2,}\s*")
"""A line drawn below a heading, or between two blocks."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_CLAUSE = re.compile(r"[^\s.;:!?。；：！？】]*$")

_HEADING_INLINE = re.compile(
    r"(?<!\w)(?:(?:key|main|major|general|specific|additional|subject|patient)\s+)?"
    r"(?:non[- ]?inclusion|inclusion|exclusion)s?"
    r"(?:\s+criteri(?:a|on))?\s*(?:\([^)]{0,60}\)\s*)?(?:[:：]|(?=\s+(?:1[.)]|\(1\)|[•*])\s))"
    r"|(?:主要)?(?:非|不)?(?:排除|入选|入選|纳入|納入|入组)(?:标准|標準|条件|條件)?\s*[:：]",
    re.I,
)
_ENDS = ".;:!?)]。；：，,、）"


def _sign(label: str) -> Sign | None:
    """Return the sign that a heading gives, None if it speaks of none."""
    if _NEGATED.search(label):
        return "undecided"
    rest = _EXCLUDES.sub(" ", label)
    excludes, includes, neither = rest != label, bool(_INCLUDES.search(rest)), bool(_NEITHER.search(rest))
    if excludes:
        return "undecided" if includes or neither else "exclusion"
    if includes:
        return "undecided" if _DENIED.search(label) else "inclusion"
    if neither and _NOUN.search(label):
        return "undecided"
    return "undecided" if _has_slip(label) else None


def _has_slip(label: str) -> bool:
    """Whether a word is one that gives a sign, with a slip of the pen: "Exlusion Criteria"."""
    words = re.findall(r"[^\W\d_]{7,12}", label.lower())
    return any(get_close_matches(word, _WORDS["shape"]["slips"], n=1, cutoff=_NEAR) for word in words)


_NEAR = 0.87
"""Likeness (ratio of difflib) of words that differ in one letter or its place; "conclusion" is less like either."""


@dataclass(frozen=True)
class _Line:
    """A line with its indentation, whether an item begins with it, and its text without marker and decoration."""

    raw: str
    indent: int
    is_item: bool
    text: str


def _line(raw: str) -> _Line:
    indent = len(raw) - len(raw.lstrip())
    body = raw.strip()
    marker = None if body.startswith("**") else _ITEM.match(body)
    text = body[marker.end() :] if marker else body
    return _Line(raw, indent, bool(marker), plain_text(_DECORATION.sub("", text)).strip())


def _is_name(label: str) -> bool:
    """Whether a label is the name of a list and no sentence: a sign as a noun with few words around it."""
    found = _NAMES.search(label)
    if found is None or re.match(
        r"\s+of\b(?!\s+(?:the\s+)?(?:patients|subjects|participants|stud))", label[found.end() :]
    ):
        return False
    before, others = len(label[: found.start()].split()), len(_NAMES.sub(" ", label).split())
    if _NOUN.search(label):
        return before <= 7 and others <= _LONGEST_LABEL
    return before <= 3 and others <= 3 and found[0].lower() not in ("exclude", "excluding", "including")


def _heading(line: _Line, continues: bool) -> tuple[Sign, str, str] | None:
    """Return the sign of a heading, its label, and what stands behind it in the line; None for another line.

    Parameters
    ----------
    line : _Line
    continues : bool
        Whether the line may go on with an unfinished sentence above it.
    """
    label, colon, rest = (part.strip() for part in re.match(r"([^:：]*)([:：]?)(.*)", line.text, re.S).groups())  # type: ignore[union-attr]
    label = label.rstrip(" -–—*_")
    sign, size = _sign(label), len(label.split())
    if sign is None or not label:
        return None
    is_name = _is_name(label) or (
        size <= _LONGEST_NAME and (bool(_NEITHER.search(label) and _NOUN.search(label)) or _has_slip(label))
    )
    if continues and (label[0].islower() or not is_name):
        return None
    if colon:
        fits = (is_name and size <= _LONGEST_LABEL) or (
            size <= _LONGEST_SENTENCE and bool(_FOLLOWING.fullmatch(rest))
        )
    elif line.is_item:
        fits = (
            is_name
            and not _SPOKEN_OF.search(label)
            and size <= _LONGEST_NAME
            and not line.text.endswith(".")
            and bool(_NOUN.search(label) or (size <= 2 and not _HAN.search(_NAMES.sub("", label))))
        )
    else:
        is_sentence = size > 3 and line.text.rstrip().endswith((".", "。", ";"))
        opens = size <= _LONGEST_SENTENCE and bool(_OPENS_LIST.search(line.text))
        fits = (is_name and size <= _LONGEST_LABEL and not is_sentence and not label[0].islower()) or opens
    if not fits:
        return None
    if _FOLLOWING.fullmatch(rest):
        label, rest = f"{label}: {rest}".rstrip(" :"), ""
    if (other := rest.rstrip(" :：")) and other != rest and _sign(other) and _is_name(other):
        return "undecided", f"{label}: {other}", ""  # the heads of two columns
    return sign, label, rest


# --- Criteria ---


@dataclass(frozen=True)
class RegisteredCriterion:
    """One criterion in the registry's words, without its number, bullet and markup.

    Attributes
    ----------
    kind : {"inclusion", "exclusion", "undecided"}
    number : int
        Counted from 1 in each kind.
    wording : str
    heading : str
        The headings above it as they stand; empty if there is none.
    """

    kind: Sign
    number: int
    wording: str
    heading: str = ""

    @property
    def id(self) -> str:
        """I1, E3, U2 and so on."""
        return f"{self.kind[0].upper()}{self.number}"

    @property
    def title(self) -> str:
        """Inclusion 1, Exclusion 3 (Cohort B) and so on."""
        about = _about(self.heading)
        return f"{self.kind.capitalize()} {self.number}" + (f" ({about})" if about else "")

    @property
    def fact(self) -> str:
        """The id of the fact that answers it."""
        return f"{self.kind}_{self.number}"


def _about(heading: str) -> str:
    """Return what a heading says beside the sign: the group of persons, the time."""
    rest = heading
    for pattern in (_EXCLUDES, _INCLUDES, _NOUN, re.compile(r"\b(?:key|main|major)\b", re.I)):
        rest = pattern.sub(" ", rest)
    rest = " ".join(rest.split()).strip(" :-–—,;()/")
    return rest[:60] if _POPULATION.search(rest) else ""


def split_criteria(text: str) -> list[RegisteredCriterion]:
    """Split a criteria text at its headings and at the numbers or bullets that begin a line.

    Nested lines stay with the criterion above them, and so does text after the last one. A text without headings is
    undecided. Too many criteria for one record become one for each heading.

    Parameters
    ----------
    text : str
        As registered, with its markup.
    """
    pieces = list(_Reader(text).pieces())
    if len(pieces) > _MOST_CRITERIA:
        groups = groupby(pieces, lambda piece: (piece[0], piece[2]))
        pieces = [(kind, "\n".join(words for _kind, words, _head in group), head) for (kind, head), group in groups]
    if len(pieces) > _MOST_CRITERIA:
        groups = groupby(pieces, lambda piece: (piece[0], ""))
        pieces = [(kind, "\n".join(words for _kind, words, _head in group), head) for (kind, head), group in groups]
    numbers = dict.fromkeys(("inclusion", "exclusion", "undecided"), 0)
    found = []
    for kind, wording, head in pieces:
        numbers[kind] += 1
        found.append(RegisteredCriterion(kind, numbers[kind], wording, head))
    return found


class _Reader:
    """Reads a criteria text line by line: the heading that holds, and the criteria below it."""

    def __init__(self, text: str) -> None:
        drawn = (raw for raw in _lines_of(text).splitlines() if not _RULE.fullmatch(raw))
        cut = (piece for raw in drawn for piece in _cut(raw))
        self._lines = [_line(raw) for raw in cut]
        self._kind: Sign = "undecided"
        self._label = self._group = self._topic = ""
        self._heading_indent = -1  # of a heading inside a list
        self._item_indent = 0
        self._is_after_heading, self._has_subheadings = True, False
        self._empty: tuple[Sign, _Line] | None = None  # a sentence that no criterion follows yet
        self._found: list[tuple[Sign, list[str], str]] = []

    def pieces(self) -> Iterator[tuple[Sign, str, str]]:
        """Yield kind, wording and heading of every criterion."""
        above: _Line | None = None
        is_blank_between = False
        for place, line in enumerate(self._lines):
            if not line.text and not line.is_item:
                is_blank_between = True
                if self._found and not self._is_after_heading:
                    self._found[-1][1].append("")
                continue
            unfinished = above is not None and not above.text.endswith(tuple(_ENDS)) and not is_blank_between
            continues = unfinished and not line.is_item and line.indent > 0
            self._take(line, continues, place)
            above, is_blank_between = line, False
        self._keep_empty()
        for kind, lines, head in self._found:
            wording = plain_text("\n".join(lines)).strip()
            if wording:
                yield _own_sign(kind, wording), wording, head

    def _take(self, line: _Line, continues: bool, place: int) -> None:
        heading = None if not line.text else _heading(line, continues)
        if heading:
            self._begin(line, *heading)
        elif self._is_subheading(line, place):
            self._begin_below(line)
        elif self._is_after_heading:
            self._item_indent, self._is_after_heading = line.indent, False
            self._add(line)
        elif line.is_item and line.indent <= self._item_indent:
            is_back = line.indent <= self._heading_indent < self._item_indent
            if is_back or line.indent < self._heading_indent == self._item_indent:
                self._kind = "undecided"  # back on the level of the heading: what follows is not below it
                self._heading_indent = -1
            self._item_indent = line.indent
            self._add(line)
        else:
            self._found[-1][1].append(line.raw)

    def _keep_empty(self) -> None:
        """Make a sentence that was taken for a heading a criterion if nothing stands below it."""
        if self._empty and self._is_after_heading:
            kind, line = self._empty
            self._found.append((kind, [line.text], ""))
        self._empty = None

    def _begin(self, line: _Line, kind: Sign, label: str, rest: str) -> None:
        self._keep_empty()
        if rest and line.is_item:  # a label of this item only
            for piece in _numbered(rest):
                self._found.append((kind, [piece], self._above(label)))
            self._is_after_heading, self._item_indent = False, line.indent
            self._kind = kind if kind == self._kind else "undecided"
            return
        if line.is_item or len(label.split()) > _LONGEST_NAME:
            self._empty = (kind if kind == self._kind else "undecided"), line
        self._kind, self._label, self._topic = kind, label, ""
        is_inside = line.is_item or (not self._is_after_heading and line.indent > self._item_indent)
        self._heading_indent = line.indent if is_inside else -1
        self._is_after_heading, self._has_subheadings = True, False
        pieces = _numbered(rest) if rest else []
        for piece in pieces:
            self._found.append((kind, [piece], self._above(label)))
            self._is_after_heading, self._item_indent = False, 0

    def _is_subheading(self, line: _Line, place: int) -> bool:
        """Whether a line opens a list: an item or a heading follows, and it ends with a colon or names a group."""
        if line.is_item or (not self._is_after_heading and line.indent > self._item_indent):
            return False
        below = next((other for other in self._lines[place + 1 :] if other.raw.strip()), None)
        if below is None or not (below.is_item or below.text.endswith((":", "：")) or _heading(below, False)):
            return False
        if line.text.endswith((":", "：")):
            return len(line.text.split()) <= _LONGEST_SENTENCE
        stands_alone = place == 0 or not self._lines[place - 1].raw.strip()
        is_short = len(line.text.split()) <= 6 and not line.text.endswith(tuple(_ENDS)) and not line.text[0].islower()
        return stands_alone and is_short and bool(_POPULATION.search(line.text))

    def _begin_below(self, line: _Line) -> None:
        """Take a subheading: a topic keeps the sign, another group of persons does not once the block has begun."""
        label = line.text.rstrip(" :：")
        is_group = bool(_POPULATION.search(label)) and len(label.split()) <= 10
        has_begun = not self._is_after_heading and not self._has_subheadings
        is_denied = bool(_DENIED.search(label))
        if (is_group and has_begun) or (self._kind == "inclusion" and is_denied):
            self._kind, self._label = "undecided", ""
        self._has_subheadings = self._has_subheadings or self._is_after_heading
        if is_group and not is_denied:
            self._group, self._topic = label, ""
        else:
            self._topic = label
        self._heading_indent, self._is_after_heading = -1, True

    def _above(self, label: str) -> str:
        return " – ".join(part for part in (self._group, label, self._topic) if part)

    def _add(self, line: _Line) -> None:
        marker = _ITEM.match(line.raw.strip()) if line.is_item else None
        text = line.raw.strip()[marker.end() :] if marker else line.raw
        pieces = _numbered(line.raw.strip()) if marker else [text]
        for piece in pieces if len(pieces) > 1 else [text]:
            self._found.append((self._kind, [piece], self._above(self._label)))


def _cut(raw: str) -> list[str]:
    """Cut a line before the headings inside it."""
    starts, end = [0], 0
    for match in _HEADING_INLINE.finditer(raw):
        start = match.start()
        if not match[0].isascii():  # the first words of a clause belong to its end, as in 病例排除标准
            start -= len(_CLAUSE.search(raw[starts[-1] : start])[0])  # type: ignore[index]
        before, is_beside, end = raw[starts[-1] : start].rstrip(), end > 0 and not raw[end:start].strip(), match.end()
        bare = _ITEM.sub("", before.strip(), count=1).strip("*_# ")
        is_joined = before.endswith(("/", "&", "+", "和", "及", "与")) or bool(
            re.search(r"\b(?:and|or|und|et)$", before, re.I)
        )
        if not bare or is_joined or is_beside or raw[start - 1 : start] in ("-", "‐"):
            continue
        is_sentence = bool(re.search(r"[.;:!?。；：]", bare)) or len(bare.split()) > 6 or not match[0].isascii()
        if is_sentence and (bare.endswith(tuple(_ENDS)) or match[0][0].isupper() or not match[0].isascii()):
            starts.append(start)
    return [raw[first:last] for first, last in zip(starts, [*starts[1:], len(raw)], strict=True)]


def _numbered(text: str) -> list[str]:
    """Split a text that numbers its items from 1 within one line."""
    starts: list[tuple[int, int]] = []
    for match in _ITEM_INLINE.finditer(text):
        if int(match[1] or match[2]) == len(starts) + 1:
            starts.append(match.span())
    if len(starts) < 2 or text[: starts[0][0]].strip():
        return [text]
    ends = [*(first for first, _last in starts[1:]), len(text)]
    return [text[last:end].strip() for (_first, last), end in zip(starts, ends, strict=True)]


def _own_sign(kind: Sign, wording: str) -> Sign:
    """Return the sign of a criterion; undecided if its first sentence says the opposite of its heading."""
    first = re.split(r"(?<=[.;。；])\s", wording.replace("\n", " "), maxsplit=1)[0]
    is_reversed = bool(_REVERSED.search(first)) and not _NEGATED.search(first)
    return "undecided" if kind == "inclusion" and is_reversed else kind
