"""JSON of other systems, read so that an error names its place."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from protocol.records import ProtocolError
from protocol.translation import _

Json = dict[str, Any]
"""An object of a JSON document."""

DEEPEST = 64
"""Levels of nesting that are followed; the deepest real record of either format has fewer than 20."""


@dataclass(frozen=True)
class Place:
    """A value in a JSON document together with the path that leads to it; what is absent is None."""

    path: str
    value: Any

    def at(self, *keys: str) -> "Place":
        """Follow keys downwards; ProtocolError when something on the way is no object."""
        place = self
        for key in keys:
            place = Place(
                f"{place.path}.{key}" if place.path else key, (place._is(dict, _("an object")) or {}).get(key)
            )
        return place

    def each(self) -> "list[Place]":
        """The items of a list; none when the list is absent."""
        items = self._is(list, _("a list")) or []
        return [Place(f"{self.path}[{number}]", item) for number, item in enumerate(items, 1)]

    def text(self) -> str:
        """The text that stands here, empty when there is none."""
        found = self._is(str, _("a text")) or ""
        try:
            found.encode()
        except UnicodeEncodeError:
            raise ProtocolError(
                self.path, _("half of a character (a lone surrogate)"), _("whole characters")
            ) from None
        return str(found)

    def number(self) -> float | None:
        """The number that stands here, or None."""
        if isinstance(self.value, bool):
            raise ProtocolError(self.path, repr(self.value), _("a number"))
        found: float | None = self._is((int, float), _("a number"))
        return found

    def _is(self, kind: Any, name: str) -> Any:
        if self.value is not None and not isinstance(self.value, kind):
            raise ProtocolError(self.path, f"{self.value!r}"[:80], name)
        return self.value


def read_json(content: bytes, name: str, *, check_depth: bool = True) -> Place:
    """Read a JSON document whose root is an object.

    Parameters
    ----------
    content : bytes
        UTF-8, with or without a byte order mark.
    name : str
        What the document is called in messages.
    check_depth : bool
        Whether more than :data:`DEEPEST` levels are refused. A document of many persons checks each of its parts.

    Raises
    ------
    ProtocolError
        When it is cut off, not JSON, not UTF-8, nested deeper than any real record, or no object.
    """
    try:
        root = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ProtocolError(
            _("{name}, byte {place}").format(name=name, place=error.start + 1),
            _("bytes that are not UTF-8"),
            _("JSON in UTF-8"),
        ) from None
    except RecursionError:
        raise _too_deep(name) from None
    except json.JSONDecodeError as error:
        place = _("{name}, line {line}, column {column}").format(name=name, line=error.lineno, column=error.colno)
        raise ProtocolError(
            place, _("text that is not JSON ({msg})").format(msg=error.msg), _("the complete file as downloaded")
        ) from None
    except ValueError:
        raise ProtocolError(
            name, _("a number of thousands of digits"), _("the complete file as downloaded")
        ) from None
    if not isinstance(root, dict):
        raise ProtocolError(f"{name}, root", f"a {type(root).__name__}", _("a JSON object"))
    if check_depth and is_too_deep(root):
        raise _too_deep(name)
    return Place("", root)


def is_too_deep(value: object) -> bool:
    """Whether a value has more than :data:`DEEPEST` levels of nesting."""
    return any(depth > DEEPEST for depth in _depths(value))


def _too_deep(name: str) -> ProtocolError:
    return ProtocolError(
        name, _("more than {deepest} levels of nesting").format(deepest=DEEPEST), _("a study record as downloaded")
    )


def _depths(root: object) -> Iterator[int]:
    waiting = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        yield depth
        if depth > DEEPEST:
            return
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(item, depth + 1) for item in below]
