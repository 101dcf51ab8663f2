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
"""Keys of the record whose texts are translated in place; the words of the registry are not."""

_WORDING = "wording"
"""The key of a criterion whose text is the registry's, and the context of all such texts in the catalogue."""

_QUOTED = {
    "facts": {"value"},
    "arms": {"name", "type", "description"},
    "interventions": {"name", "type", "description"},
    "outcomes": {"measure", "description", "time_frame"},
}
"""Tables of the record with the words of the registry, and the keys that hold them."""

_NAMING = {"nct_id", "investigator"}
"""Facts whose value is an id or a person's name: it is the same in every language."""


def translated(content: Any, key: str = "") -> Any:
    """Return the content of a TOML file with the texts of :data:`READ_BY_PEOPLE` translated."""
    if isinstance(content, dict):
        return {name: translated(value, _role(key, name)) for name, value in content.items()}
    if isinstance(content, list):
        return [translated(item, key) for item in content]
    return _(content) if key in READ_BY_PEOPLE and isinstance(content, str) and content else content


def rendering_of(quoted: str | Iterable[str]) -> str:
    """Return the workbook's own translation of words of the registry.

    Parameters
    ----------
    quoted : str or iterable of str
        As the record holds them; several become a list.

    Returns
    -------
    str
        In the present language; "" in English, and if one of the texts has no translation.
    """
    texts = [quoted] if isinstance(quoted, str) else [*quoted]
    found = [_catalogue(language()).pgettext(_WORDING, text) for text in texts]
    return "" if any(one == text for one, text in zip(found, texts, strict=True)) else list_of(found)


def marked_rendering(quoted: str | Iterable[str]) -> str:
    """Return what :func:`rendering_of` does, marked as the workbook's own."""
    return marked(rendering_of(quoted))


def marked(rendering: str) -> str:
    """Return a rendering with the mark that it is the workbook's own; "" if there is none."""
    return _("Translated here: {words}").format(words=rendering) if rendering else ""


def about_renderings(quoted: Iterable[str]) -> str:
    """Return what the mark of a rendering means; "" if none of these texts has one."""
    return _("Translated here: by the workbook; not registered") if any(map(rendering_of, quoted)) else ""


def record_texts(
    file: Any, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, str | tuple[str, str], list[str]]]:
    """Extract the texts to translate from a TOML file; an extractor of Babel, with the option ``keys``.

    Words of the registry have the context "wording": they are translated by :func:`rendering_of` alone.
    """
    del keywords, comment_tags  # of no use for a record
    keys = set((options or {}).get("keys", "").split()) or READ_BY_PEOPLE
    for role, text in _texts(tomllib.loads(file.read().decode("utf-8"))):
        if role in keys:
            yield 1, "_", text, []
        elif role == _WORDING:
            yield 1, "pgettext", (_WORDING, text), []


def _texts(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with what decides on its translation."""
    if isinstance(content, dict):
        for name, value in content.items():
            if not (name == "value" and content.get("id") in _NAMING):
                yield from _texts(value, _role(key, name))
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item, key)
    elif isinstance(content, str) and content:
        yield key, content


def _role(table: str, key: str) -> str:
    """Return the key that decides on translation: the options of a choice are labels."""
    if table == "options":
        return "label"
    return _WORDING if key in _QUOTED.get(table, ()) else key
