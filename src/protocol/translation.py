"""Texts people read, marked for translation with the standard gettext catalogues."""

import gettext
import os
from pathlib import Path

LOCALES = Path(__file__).with_name("locale")

_catalogue = gettext.translation(
    "protocol",
    LOCALES,
    languages=[os.environ.get("PROTOCOL_LANGUAGE", "en")],
    fallback=True,
)


def _(message: str) -> str:
    """Return `message` in the language named by ``PROTOCOL_LANGUAGE`` (English when there is no catalogue)."""
    return _catalogue.gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the form of a message that fits `count`."""
    return _catalogue.ngettext(singular, plural, count)
