"""The Jinja2 templates of the documents: every text from outside is escaped, and no page loads anything."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.translation import _, about_renderings, language, list_of, marked_rendering, ngettext

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **values: Any) -> str:
    """Fill a template of the folder ``templates``.

    Parameters
    ----------
    template : str
        File name without ``.j2``, for example ``synopsis.html``.
    **values
        What the template names. Texts are escaped unless they are :class:`markupsafe.Markup`.

    Raises
    ------
    jinja2.UndefinedError
        If the template names a value that is not given.
    """
    return _environment().get_template(f"{template}.j2").render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here, so that a page opens without it

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals |= {
        "language": language,
        "marked_rendering": marked_rendering,
        "about_renderings": about_renderings,
    }
    environment.filters["list_of"] = list_of
    environment.install_gettext_callables(_, ngettext)  # type: ignore[attr-defined]  # of the extension
    return environment
