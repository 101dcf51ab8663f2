"""Translation of texts with gettext catalogues.

A process has one language, that of ``PROTOCOL_LANGUAGE``; texts that are made at import are in it too. A server that
answers readers of several languages takes that of each request.
"""

import gettext
import os
import tomllib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Literal

LOCALES = Path(__file__).with_name("locale")

ENGLISH = "en"

NAMES = {ENGLISH: "English", "zh_CN": "中文"}
"""What each language calls itself."""

_asked: ContextVar[str] = ContextVar("language of a request")


@cache
def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a catalogue; English needs none."""
    return (ENGLISH, *sorted(file.parents[1].name for file in LOCALES.glob("*/LC_MESSAGES/protocol.mo")))


def language() -> str:
    """Return the code of the language that texts are returned in now."""
    return _asked.get(None) or language_of_process()


def language_of_process() -> str:
    """Return the code of the language of this process, whatever a request asks for."""
    return os.environ.get("PROTOCOL_LANGUAGE") or ENGLISH


def use(language: str) -> None:
    """Return texts in `language` from now on, also in the processes that this one starts."""
    os.environ["PROTOCOL_LANGUAGE"] = language


def answer_in(language: str) -> None:
    """Return texts in `language` to the request that is being answered, and to no other."""
    _asked.set(language)


def preferred(accepted: str) -> str:
    """Return the language that a reader likes most of those that there are; "" if none is named.

    Parameters
    ----------
    accepted : str
        Languages with their weights, as in the header Accept-Language (RFC 9110, 12.5.4). ``zh``, ``zh-Hans`` and
        ``zh-TW`` are served with the only Chinese that there is.
    """
    weighed = []
    for place, part in enumerate(accepted.split(",")):
        tag, _sign, weight = part.partition(";q=")
        weighed.append((-_number(weight), place, tag.strip().lower().partition("-")[0]))
    by_root = {code.partition("_")[0]: code for code in languages()}
    liked = [by_root[root] for weight, _place, root in sorted(weighed) if root in by_root and weight < 0]
    return next(iter(liked), "")


def _number(weight: str) -> float:
    try:
        return float(weight or 1)
    except ValueError:
        return 0.0


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("protocol", LOCALES, languages=[language], fallback=True)


def _(message: str) -> str:
    """Return `message` in the present language (English when there is no catalogue)."""
    return _catalogue(language()).gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the form of a message for `count`, in the present language."""
    return _catalogue(language()).ngettext(singular, plural, count)


def list_of(texts: Iterable[object], separator: Literal[", ", "; "] = ", ") -> str:
    """Return texts as a list for people, with the comma or semicolon of the present language."""
    between = _("{before}, {after}") if separator == ", " else _("{before}; {after}")
    return between.format(before="", after="").join(map(str, texts))


def paragraph_of(texts: Iterable[object]) -> str:
    """Return whole sentences as one text: with a blank between them in English, with nothing in Chinese."""
    return _("{before} {after}").format(before="", after="").join(map(str, texts))


def labelled(label: object, value: object) -> str:
    """Return a label and what it says."""
    return _("{label}: {value}").format(label=label, value=value)


def place_in(where: object, part: object) -> str:
    """Return a place inside another one, such as a column of a file, for a message."""
    return _("{where}, {part}").format(where=where, part=part)


def alternatives(texts: Iterable[object]) -> str:
    """Return texts of which one holds: "a", "a or b", "a or b or c"."""
    return _("{before} or {after}").format(before="", after="").join(map(str, texts))


def in_every_language(message: str) -> tuple[str, ...]:
    """Return a message in all languages: to find again what was kept in the language of who wrote it."""
    return tuple(_catalogue(code).gettext(message) for code in languages())


READ_BY_PEOPLE = {
    "label",
    "unit_label",
    "assumption",
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
    """Extract the texts to translate from a TOML file; an extractor of Babel, with the option ``keys``."""
    del keywords, comment_tags  # of no use for a record
    keys = set((options or {}).get("keys", "").split()) or READ_BY_PEOPLE
    for text in _texts(tomllib.loads(file.read().decode("utf-8")), keys):
        yield 1, "_", text, []


def _texts(content: Any, keys: set[str], key: str = "") -> Iterator[str]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _texts(value, keys, _role(key, name))
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item, keys, key)
    elif key in keys and isinstance(content, str) and content:
        yield content


def _role(table: str, key: str) -> str:
    """Return the key that decides on translation: the options of a choice are labels."""
    return "label" if table == "options" else key
