"""The parts of a person's name as it is registered: title, given name, family name, degrees.

A registry has one field for all of them. Which word is the family name follows from the writing: before a comma, in
capitals, the first character or word of a Chinese name; otherwise it is the last word.
"""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import NamedTuple

__all__ = ["Name", "parts_of"]

with Path(__file__).with_name("family_names.toml").open("rb") as _file:
    _KNOWN = tomllib.load(_file)

_PINYIN = frozenset(_KNOWN["pinyin"])
_HAN = re.compile(r"[\u3400-\u9fff·\s]+")
_SYLLABLE = (
    "(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|ai|ei|ao|ou|an|en|in|un|"
    "ia|ie|iu|ua|uo|ui|ue|er|a|o|e|i|u|v)"
)
_GIVEN = re.compile(rf"{_SYLLABLE}(?:[-' ]?{_SYLLABLE})?", re.I)
_INITIALS = re.compile(r"[A-Z]\.?|(?:[A-Z]\.-?){2,3}|[B-DF-HJ-MP-TV-Z]{2}")
"""Initials behind a family name: Smith J, Smith J.R., Wang HX; of two capitals without dots none is a vowel, or N."""
_WORD = re.compile(r"[^\W\d_][\w.'’-]*")


class Name(NamedTuple):
    """The parts of a name; each is empty if there is none."""

    family: str = ""
    given: str = ""
    prefix: str = ""
    suffix: str = ""


def _bare(word: str) -> str:
    return word.replace(".", "").strip(" ,;()").casefold()


def parts_of(name: str) -> Name:
    """Take a registered name apart; no word of it is lost."""
    text = " ".join(name.split())
    if _HAN.fullmatch(text):
        return _chinese(text)
    text, aside = _without_aside(text)
    if _SEVERAL.search(text):
        return Name(text, suffix=aside)
    main, *others = (part.strip() for part in re.split(r"[,，]", text))
    titles = [part for part in others if _is_title(part)]
    rest = [part for part in others if part and not _is_title(part)]
    if len(rest) > 1 or (rest and not _is_before_comma(main, rest[0])):
        main, rest = ", ".join([main, *rest]), []
    if any(_bare(word) in _KNOWN["no_persons"] for word in text.split()):
        return Name(text, suffix=aside)
    words, prefix, suffix = _stripped(rest[0] if rest else main)
    suffix = [*suffix, *titles, *([aside] if aside else [])]
    if rest:
        return Name(main, " ".join(words), " ".join(prefix), ", ".join(suffix))
    place, size = _family(words)
    family, given = words[place : place + size], words[:place] + words[place + size :]
    return Name(" ".join(family), " ".join(given), " ".join(prefix), ", ".join(suffix))


_SEVERAL = re.compile(r"[;/&、；]|\b(?:and|or)\b", re.I)
"""What stands between the names of several persons."""


def _without_aside(text: str) -> tuple[str, str]:
    """Take what stands in brackets at the end from a name; it is no part of the family name."""
    found = re.fullmatch(r"(.+?)\s*[(（]([^()（）]+)[)）]", text)
    return (found[1], found[2]) if found else (text, "")


def _is_title(part: str) -> bool:
    """Whether everything between two commas is degrees and titles."""
    words = [_bare(word) for word in part.split()]
    known = {*_KNOWN["titles"], *_KNOWN["generations"]}
    return _bare(part) in known or (bool(words) and all(word in known for word in words))


def _is_before_comma(main: str, rest: str) -> bool:
    """Whether two parts read as family name and given name: Wang, Hongxiang."""
    words = [*main.split(), *rest.split()]
    return len(main.split()) <= 3 and len(words) <= 5 and all(_WORD.fullmatch(word) for word in words)


def _stripped(text: str) -> tuple[list[str], list[str], list[str]]:
    """Take forms of address from the beginning and degrees from the end; one word at least stays."""
    words = text.split()
    prefix: list[str] = []
    suffix: list[str] = []
    while len(words) > 1 and _bare(words[0]) in _KNOWN["before"]:
        prefix.append(words.pop(0))
    after = {*_KNOWN["degrees"], *_KNOWN["generations"]}
    if len(words) == 2 and _INITIALS.fullmatch(words[1]) and _bare(words[1]) in _KNOWN["generations"]:
        return words, prefix, suffix  # Smith J.R.
    while len(words) > 1 and (_bare(words[-1]) in after or (words[-1].count(".") > 1 and _is_title(words[-1]))):
        suffix.insert(0, words.pop())
    return words, prefix, suffix


def _family(words: list[str]) -> tuple[int, int]:
    """Return where the family name begins and how many words it has."""
    if len(words) < 2:
        return 0, len(words)
    if _INITIALS.fullmatch(words[-1]) and not _INITIALS.fullmatch(words[0]) and not _is_surname(words[-1]):
        return 0, len(words) - 1
    capitals = [
        len(word) > 1 and word.isupper() and bool(_WORD.fullmatch(word)) and "." not in word for word in words
    ]
    if any(capitals) and not all(capitals):
        first = capitals.index(True)
        size = next((n for n, is_capital in enumerate(capitals[first:]) if not is_capital), len(words) - first)
        if size == sum(capitals) and (first == 0 or first + size == len(words)):
            return first, size
    if _is_surname(words[0]) and not _is_surname(words[-1]) and _GIVEN.fullmatch(_letters(" ".join(words[1:]))):
        return 0, 1
    is_family_first = _is_surname(words[0]) or words[0].casefold() in _KNOWN["hyphenated"]
    if len(words) == 2 and is_family_first and re.fullmatch(r"[^\W\d_]+-[^\W\d_]+", words[1]):
        return 0, 1
    first = len(words) - 1
    while first > 1 and _bare(words[first - 1]) in _KNOWN["particles"] and words[first - 1][0].islower():
        first -= 1
    return first, len(words) - first


def _letters(word: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", word) if not unicodedata.combining(one))


def _is_surname(word: str) -> bool:
    return word.casefold() in _PINYIN or _letters(word).casefold() in _PINYIN


def _chinese(text: str) -> Name:
    """Take a name in characters apart; one with a dot between its parts has no family name by itself."""
    title = next((title for title in _KNOWN["han_titles"] if text.endswith(title) and len(text) > len(title) + 1), "")
    name = text.removesuffix(title).strip()
    first, _space, rest = name.partition(" ")
    if rest:
        return Name(first, rest, "", title)
    size = 2 if name[:2] in _KNOWN["double"] and len(name) > 2 else 1
    is_known = size == 2 or name[:1] in _KNOWN["single"]
    if "·" in name or not is_known or not 2 <= len(name) <= 4:
        return Name(name, "", "", title)
    return Name(name[:size], name[size:], "", title)
