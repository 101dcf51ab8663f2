"""Records as TOML, for the draft of a trial folder."""

import json
from datetime import date
from typing import Any


def written(tables: dict[str, list[dict[str, Any]]]) -> str:
    """Write lists of records as arrays of tables; a record in a record becomes an inline table.

    Parameters
    ----------
    tables : dict of str to list of dict
        Values are texts, numbers, truth values, dates, lists and dicts of these. An empty list stays a list.
    """
    empty = [f"{name} = []\n" for name, records in tables.items() if not records]
    full = [_table(name, record) for name, records in tables.items() for record in records]
    return "\n".join([*empty, *full])


def _table(name: str, record: dict[str, Any]) -> str:
    return f"[[{name}]]\n" + "".join(f"{_key(key)} = {_value(value)}\n" for key, value in record.items())


def _key(key: str) -> str:
    return key if key.replace("_", "a").isalnum() and key.isascii() else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return _text(value) if isinstance(value, str) else value.isoformat() if isinstance(value, date) else repr(value)


def _text(text: str) -> str:
    """Write a basic string; TOML escapes what JSON does, and the delete character besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
