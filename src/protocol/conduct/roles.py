"""Who is at the keyboard, and what that person may see and record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from protocol.records import ProtocolError, Record, Text, read_record
from protocol.translation import _

Role = Literal["viewer", "investigator", "coordinator"]


class Grant(Record):
    """What one account may do.

    Attributes
    ----------
    role : str
        ``viewer`` sees figures and records nothing; ``investigator`` sees and records the participants of one site;
        ``coordinator`` sees and records all.
    site : str
        The investigator's.
    rows : bool
        Whether a viewer may see single participants.
    """

    role: Role = "viewer"
    site: str = ""
    rows: bool = False

    @model_validator(mode="after")
    def _has_site(self) -> Self:
        if (self.role == "investigator") != bool(self.site):
            raise ValueError("a site belongs to an investigator; write role = 'investigator' with site = '...'")
        return self


class Roles(Record):
    """The file that ``PROTOCOL_ROLES`` names: accounts and what they may do; everybody else is a viewer."""

    users: dict[Text, Grant] = Field(default_factory=dict)


class Identity(Grant):
    """Who is at the keyboard."""

    actor: str = ""

    @property
    def records(self) -> bool:
        """Whether this person may record anything at all."""
        return self.role != "viewer"

    @property
    def sees_all(self) -> bool:
        """Whether this person may see every participant."""
        return self.role == "coordinator" or (self.role == "viewer" and self.rows)

    def sees(self, site: str) -> bool:
        """Whether this person may see the participants of a site."""
        return self.sees_all or (self.role == "investigator" and self.site == site)


def identity(environment: Mapping[str, str]) -> Identity:
    """Say who is at the keyboard.

    Under JupyterHub the account is the hub's, and what it may do stands in the file that ``PROTOCOL_ROLES`` names.
    Alone, ``PROTOCOL_ACTOR`` is the account; without that file ``PROTOCOL_ROLE`` and ``PROTOCOL_SITE`` say what it
    may do. Whatever is not said is refused: an unknown account, and nobody in particular, is a viewer.

    Parameters
    ----------
    environment : mapping
        ``os.environ``, or a part of it.

    Raises
    ------
    ProtocolError
        For a role there is none, an investigator without a site, or somebody who records without an account.
    """
    hub = environment.get("JUPYTERHUB_USER", "")
    actor = hub or environment.get("PROTOCOL_ACTOR", "")
    if file := environment.get("PROTOCOL_ROLES", ""):
        given = read_record(Path(file), Roles).users.get(actor, Grant()).model_dump()
    elif hub:
        given = {}
    else:
        given = {"role": environment.get("PROTOCOL_ROLE") or "viewer", "site": environment.get("PROTOCOL_SITE", "")}
    try:
        found = Identity(actor=actor, **given)
    except ValueError:
        where, said = "PROTOCOL_ROLE, PROTOCOL_SITE", f"{given.get('role')!r}, {given.get('site')!r}"
        write = _("viewer, coordinator, or investigator with the name of the site, and a site for nobody else")
        raise ProtocolError(where, said, write) from None
    if found.records and not found.actor:
        write = _("the account that records, such as coordinator-1 (never a person's name)")
        raise ProtocolError("PROTOCOL_ACTOR", _("nothing"), write)
    return found
