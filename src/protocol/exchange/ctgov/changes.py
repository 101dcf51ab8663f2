"""What changed between two versions of a record."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from protocol.exchange.foreign import Place

_NAMED_BY = ("facility", "city", "zip", "name", "label", "measure", "id", "pmid", "title", "term")


def changes(before: Place, after: Place) -> pd.DataFrame:
    """Compare two versions of a record, value by value.

    Parameters
    ----------
    before, after : Place
        What :func:`protocol.exchange.ctgov.registered` returned.

    Returns
    -------
    pandas.DataFrame
        One row a difference: ``place`` (the path; items of a list go by their name and not by their position, so
        that a new site moves nobody), ``change`` (added, removed or changed), ``before``, ``after`` (text).
    """
    old, new = dict(_values(before.value, "")), dict(_values(after.value, ""))
    rows = [
        (place, "added" if place not in old else "removed" if place not in new else "changed",
         old.get(place, ""), new.get(place, ""))
        for place in dict.fromkeys([*old, *new]) if old.get(place) != new.get(place)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["place", "change", "before", "after"], dtype=object)


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _values(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        seen: dict[str, int] = {}
        for item in value:
            name = _name(item)
            seen[name] = seen.get(name, 0) + 1
            yield from _values(item, f"{path}[{name}{f' #{seen[name]}' if seen[name] > 1 else ''}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(str(item[key]) for key in _NAMED_BY if isinstance(item.get(key), str))
    return str(item)
