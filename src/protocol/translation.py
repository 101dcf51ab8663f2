"""Translation of texts with gettext catalogues."""

import gettext
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCALES = Path(__file__).with_name("locale")


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a catalogue; English needs none."""
    return ("en", *sorted(file.parents[1].name for file in LOCALES.glob("*/LC_MESSAGES/protocol.mo")))


def use(language: str) -> None:
    """Return texts in `language` from now on, also in the processes that this one starts."""
    global _catalogue
    os.environ["PROTOCOL_LANGUAGE"] = language
    _catalogue = gettext.translation("protocol", LOCALES, languages=[language], fallback=True)


_catalogue = gettext.translation(
    "protocol", LOCALES, languages=[os.environ.get("PROTOCOL_LANGUAGE", "en")], fallback=True
)


def _(message: str) -> str:
    """Return `message` in the language named by ``PROTOCOL_LANGUAGE`` (English when there is no catalogue)."""
    return _catalogue.gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the form of a message for `count`, in the language named by ``PROTOCOL_LANGUAGE``."""
    return _catalogue.ngettext(singular, plural, count)


READ_BY_PEOPLE = {
    "label",
    "group",
    "help",
    "title",
    "name",
    "problem",
    "default",
    "alternatives",
    "question",
    "meaning",
    "dose_unit",
}
"""Keys of the record whose texts are translated; the words of the registry are not."""


def translated(content: Any, key: str = "") -> Any:
    """Return the content of a TOML file with the texts of :data:`READ_BY_PEOPLE` translated."""
    if isinstance(content, dict):
        return {name: translated(value, _role(key, name)) for name, value in content.items()}
    if isinstance(content, list):
        return [translated(item, key) for item in content]
    return _(content) if key in READ_BY_PEOPLE and isinstance(content, str) and content else content


def record_texts(
    file: Any, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the texts to translate from a TOML file; an extractor of Babel."""
    del keywords, comment_tags, options  # of no use for a record
    for text in _texts(tomllib.loads(file.read().decode("utf-8"))):
        yield 1, "_", text, []


def _texts(content: Any, key: str = "") -> Iterator[str]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _texts(value, _role(key, name))
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item, key)
    elif key in READ_BY_PEOPLE and isinstance(content, str) and content:
        yield content


def _role(table: str, key: str) -> str:
    """Return the key that decides on translation: the options of a choice are labels."""
    return "label" if table == "options" else key
