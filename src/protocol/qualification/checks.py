"""One check with what was expected and what was found, and checks that end in an error."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from protocol.translation import _


class Check(NamedTuple):
    """One check: the requirements that it shows, what was looked at, what was expected, and what was found."""

    requirements: tuple[str, ...]
    what: str
    expected: str
    found: str

    @property
    def passed(self) -> bool:
        """Whether that was found which was expected."""
        return self.expected == self.found


def guarded(part: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield the checks of a function; an error in it is a check that failed, and ends this part."""
    try:
        yield from checks()
    except Exception as error:
        yield Check((), part, _("no error"), f"{type(error).__name__}: {error}")


def agreeing(found: int, of: int) -> tuple[str, str]:
    """Return what is expected and what was found where cases are counted."""
    says = _("{found} of {of} cases agree")
    return says.format(found=of, of=of), says.format(found=found, of=of)
