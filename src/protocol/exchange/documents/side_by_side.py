"""One document in two languages: the blocks of both beside each other."""

import io
import re
import unicodedata
import zipfile
from datetime import date
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import Comment, NavigableString
from markupsafe import Markup

from protocol.exchange.documents.archive import zipped
from protocol.exchange.documents.templates import render

_HEADED = ("title", "style")
_OF_THE_HEAD = {*_HEADED, "meta"}

_GROUPS = {"section", "article", "div", "details"}
"""What is opened, so that each block in it stands beside its twin."""

_BLOCKS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "dl", "table", "svg", "hr", "pre", "blockquote", "figure"),
    *("summary", *_GROUPS),
}

_COLUMN_SIGNS, _HALF_SIGNS = 24, 44
"""Latin signs that one column of a table may need at most, and that half a sheet of A4 has room for."""

_REFERRING = ("for", "headers", "aria-labelledby", "aria-describedby", "aria-controls")
"""Attributes that hold ids, with blanks between them."""


def side_by_side(first: str, second: str) -> str:
    """Put two HTML documents, made by one template from the same inputs in two languages, into one.

    Each block stands beside the same block of the other language, and above it on a narrow screen. A block that is
    the same in both is there once. In a table that is too wide for half a sheet, each cell has both. Parts whose
    blocks differ stand whole, one after the other: nothing of either is left out.

    Parameters
    ----------
    first, second : str
        Complete in themselves, without scripts. The languages are those of their ``lang``.

    Returns
    -------
    str
        One HTML document that needs nothing else. Ids are unique, and links lead to the text in their own language.
    """
    pages = [BeautifulSoup(text, "html.parser") for text in (first, second)]
    heads = [[tag.extract() for tag in page.find_all(_OF_THE_HEAD) if not tag.find_parent("svg")] for page in pages]
    roots = [page.body or page.html or page for page in pages]
    languages = [str(page.html.get("lang", "")) if page.html else "" for page in pages]
    content = _Pairing(*languages).whole(*roots)
    titles, styles = ([tag.get_text() for head in heads for tag in head if tag.name == name] for name in _HEADED)
    return render(
        "side_by_side.html",
        lang=languages[0],
        title=" · ".join(dict.fromkeys(titles)),
        styles=[Markup(text) for text in dict.fromkeys(styles)],  # noqa: S704 - of our own templates
        content=Markup(content.decode_contents()),  # noqa: S704 - escaped when the documents were made
    )


def in_both(name: str, own: bytes, other: bytes) -> bytes:
    """Put a file and the same one in another language into one.

    Parameters
    ----------
    name : str
        Its file name. Of ``.html`` it is :func:`side_by_side`; of ``.zip`` this for each file in it; all others, such
        as tables, are `own` as it is.
    """
    if name.endswith(".html"):
        return side_by_side(own.decode(), other.decode()).encode()
    if not name.endswith(".zip"):
        return own
    with zipfile.ZipFile(io.BytesIO(own)) as ours, zipfile.ZipFile(io.BytesIO(other)) as theirs:
        files = {
            one: in_both(one, ours.read(one), theirs.read(one)) if one in theirs.namelist() else ours.read(one)
            for one in ours.namelist()
        }
        first = ours.infolist()[0].date_time
    return zipped(files, date(*first[:3]))


class _Pairing:
    """Pairs the blocks of two documents; it takes them out of their documents."""

    def __init__(self, own: str, other: str) -> None:
        self._own, self._other = own, other
        self._make = BeautifulSoup("", "html.parser").new_tag
        self._second: list[Tag] = []  # what was taken from the second document

    def whole(self, one: Tag, two: Tag) -> Tag:
        """Return an element with everything of both."""
        found = self._make("div")
        self._fill(found, one, two)
        self._keep_ids_apart(found)
        return found

    def _fill(self, into: Tag, one: Tag, two: Tag) -> None:
        ours, theirs = _blocks(one), _blocks(two)
        if not ours or not theirs or list(map(_shape, ours)) != list(map(_shape, theirs)):
            into.append(self._together("after", [*one.contents], [*two.contents]))
            return
        for pair in zip(ours, theirs, strict=True):
            into.append(self._paired(*pair))

    def _paired(self, one: Tag, two: Tag) -> Tag:
        if one.decode() == two.decode():
            return one.extract()
        if one.name == "summary":
            return self._summary(one, two)
        if one.name == "table" and (_is_wide(one) or _is_wide(two)):
            return self._cell_by_cell(one, two)
        if one.name in _GROUPS and _blocks(one) and _blocks(two):
            group = self._like(one)
            self._fill(group, one, two)
            return group
        return self._together("beside", [one], [two])

    def _together(self, how: str, ours: list[Any], theirs: list[Any]) -> Tag:
        pair = self._make("div", attrs={"class": how})
        for content, language in ((ours, self._own), (theirs, self._other)):
            part = self._make("div", attrs={"lang": language})
            part.extend(content)
            pair.append(part)
        self._second.append(part)
        return pair

    def _like(self, tag: Tag) -> Tag:
        """Return an empty element with the attributes of another."""
        made = self._make(tag.name)
        made.attrs.update(tag.attrs)
        return made

    def _summary(self, one: Tag, two: Tag) -> Tag:
        summary = self._like(one)
        for tag, language in ((one, self._own), (two, self._other)):
            part = self._make("span", attrs={"lang": language})
            part.extend([*tag.contents])
            summary.extend([part] if tag is one else [" · ", part])
        self._second.append(part)
        return summary

    def _cell_by_cell(self, one: Tag, two: Tag) -> Tag:
        ours, theirs = (table.find_all(["td", "th"]) for table in (one, two))
        if list(map(_cells, one.find_all("tr"))) != list(map(_cells, two.find_all("tr"))) or one.find("table"):
            return self._together("after", [one], [two])
        for cell, twin in zip(ours, theirs, strict=True):
            if cell.decode_contents() == twin.decode_contents():
                continue
            quoted = [one.decode() for one in cell.find_all(lang=True)]
            for quote in twin.find_all(lambda tag: tag.has_attr("lang") and tag.decode() in quoted):  # noqa: B023
                quote.extract()  # such as the registry's own words, which stand in the cell already
            cell.append(self._together("below", [*cell.contents], [*twin.contents]))
        scrolls = self._make("div", attrs={"class": "wide"})
        scrolls.append(one)
        return scrolls

    def _keep_ids_apart(self, whole: Tag) -> None:
        """Rename in the second document what is also in the first, and what refers to it."""
        inner = [tag for part in self._second for tag in (part, *part.find_all(True))]
        counted = [str(tag["id"]) for tag in whole.find_all(id=True)]
        taken = set(counted)
        renamed = dict[str, str]()
        for name in (str(tag["id"]) for tag in inner if tag.get("id")):
            if counted.count(name) > 1 and name not in renamed:
                renamed[name] = _free(name, taken)
                taken.add(renamed[name])
        if not renamed:
            return
        for tag in inner:
            for attribute, value in list(tag.attrs.items()):
                tag[attribute] = _renamed(attribute, value, renamed)


def _blocks(group: Tag) -> list[Tag]:
    """Return the blocks in a group; none if something else stands between them."""
    inside = [one for one in group.contents if not isinstance(one, Comment)]
    tags = [one for one in inside if isinstance(one, Tag)]
    is_text = any(isinstance(one, NavigableString) and one.strip() for one in inside)
    return [] if is_text or any(tag.name not in _BLOCKS for tag in tags) else tags


def _shape(block: Tag) -> tuple[str, str]:
    return block.name, str(block.get("class", ""))


def _cells(line: Tag) -> int:
    return len(line.find_all(["td", "th"]))


def _is_wide(table: Tag) -> bool:
    """Whether a table needs more than half a sheet; a long text breaks, so that a column has a largest width."""
    widths: dict[int, int] = {}
    for line in table.find_all("tr"):
        for place, cell in enumerate(line.find_all(["td", "th"])):
            widths[place] = max(widths.get(place, 0), min(_COLUMN_SIGNS, _signs(cell.get_text(" ", strip=True))))
    return sum(widths.values()) > _HALF_SIGNS


def _signs(text: str) -> int:
    """Count the signs of a text; a Chinese one is as wide as two others."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _renamed(attribute: str, value: Any, renamed: dict[str, str]) -> Any:
    if attribute == "id":
        return renamed.get(str(value), value)
    if attribute in _REFERRING:
        names = value if isinstance(value, list) else str(value).split()
        return " ".join(renamed.get(str(name), str(name)) for name in names)
    if attribute in ("href", "xlink:href") and str(value).startswith("#"):
        return "#" + renamed.get(str(value)[1:], str(value)[1:])
    if isinstance(value, str) and "url(" in value:
        return re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{renamed.get(found[1], found[1])})", value)
    return value
