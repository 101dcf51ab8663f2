"""Roles: what the account that uses the workbook may see and record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from protocol.conduct.privacy import without_identity
from protocol.records import ProtocolError, Record, RecordError, Text, read_record
from protocol.translation import _

Role = Literal["viewer", "investigator", "coordinator"]


class Grant(Record):
    """The permissions of one account.

    Attributes
    ----------
    role : str
        ``viewer`` sees figures and records nothing; ``investigator`` sees and records participants of one site;
        ``coordinator`` sees and records all participants.
    site : str
        The site of an investigator; empty for other roles.
    rows : bool
        Whether a viewer may see single participants.
    """

    role: Role = "viewer"
    site: str = ""
    rows: bool = False

    @model_validator(mode="after")
    def _has_site(self) -> Self:
        if (self.role == "investigator") != bool(self.site):
            raise RecordError(
                _("a site without an investigator, or an investigator without a site"),
                _("{role} with {site}").format(role="role = 'investigator'", site="site = '...'"),
            )
        return self


class Roles(Record):
    """The file that ``PROTOCOL_ROLES`` names: permissions by account. Every other account is a viewer."""

    users: dict[Text, Grant] = Field(default_factory=dict)


class Reader(Grant):
    """The person who uses the workbook: an account with its permissions. ``actor`` is the account."""

    actor: str = ""

    @property
    def records(self) -> bool:
        """Whether this reader may record events."""
        return self.role != "viewer"

    @property
    def sees_all(self) -> bool:
        """Whether this reader may see all participants."""
        return self.role == "coordinator" or (self.role == "viewer" and self.rows)

    def sees(self, site: str) -> bool:
        """Return whether this reader may see the participants of a site."""
        return self.sees_all or (self.role == "investigator" and self.site == site)


def reader_of(environment: Mapping[str, str]) -> Reader:
    """Return the reader that environment variables describe.

    Under JupyterHub the account is the one of the hub, and the file that ``PROTOCOL_ROLES`` names gives its
    permissions. Without JupyterHub, ``PROTOCOL_ACTOR`` is the account; without that file ``PROTOCOL_ROLE`` and
    ``PROTOCOL_SITE`` give its permissions. An unknown account, or none, is a viewer.

    Parameters
    ----------
    environment : mapping
        ``os.environ``, or a part of it.

    Raises
    ------
    ProtocolError
        If the role is unknown, if an investigator has no site or another role has one, or if a role that records has
        no account, or one that looks like a name or a number of a person.
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
        found = Reader(actor=actor, **given)
    except ValueError:
        where, said = "PROTOCOL_ROLE, PROTOCOL_SITE", f"{given.get('role')!r}, {given.get('site')!r}"
        write = _("viewer, coordinator, or investigator with the name of the site, and no site for the other roles")
        raise ProtocolError(where, said, write) from None
    if found.records and not found.actor:
        write = _("the account that records, such as coordinator-1 (never a person's name)")
        raise ProtocolError("PROTOCOL_ACTOR", _("nothing"), write)
    if found.records:
        without_identity(found.actor, "JUPYTERHUB_USER" if hub else "PROTOCOL_ACTOR")
    return found
