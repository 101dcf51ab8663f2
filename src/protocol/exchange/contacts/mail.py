"""A mail about a screening that names nobody: the study id at most."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from protocol.conduct import without_identity
from protocol.records import ProtocolError
from protocol.sites import CONSUMER_DOMAINS, Site
from protocol.translation import _

_STUDY_ID = re.compile(r"(?=.*\d)(?=.*[A-Z])[A-Z0-9][A-Z0-9-]{2,15}")


def mail_draft(
    site: Site, trial: str, study_id: str, verdict: str, criteria: Iterable[str], remark: str = ""
) -> tuple[str, str, str]:
    """Write a mail to a site's contact about one screening.

    Parameters
    ----------
    site : Site
    trial : str
        The trial's registry number.
    study_id : str
        Capitals, digits and hyphens with at least one of both; never a name.
    verdict : str
        The overall verdict in words.
    criteria : iterable of str
        Ids of the criteria that stand in the way or are open, such as E3.
    remark : str
        A sentence more; refused when it looks as if it named a person.

    Returns
    -------
    tuple of str
        The ``mailto:`` link, the subject and the body.

    Raises
    ------
    ProtocolError
        Without a mail address, for an address at a consumer domain, or for anything that looks like an identity.
    """
    if site.contact is None or not site.contact.mail:
        raise ProtocolError(site.name, _("no mail address"), _("an address of the hospital first"))
    domain = site.contact.mail.rpartition("@")[2].lower()
    if domain in CONSUMER_DOMAINS:
        found = _("a consumer mail domain ({domain})").format(domain=domain)
        raise ProtocolError(
            site.name, found, _("nothing about participants there; ask for an address of the hospital")
        )
    where = _("study id")
    if not _STUDY_ID.fullmatch(study_id):
        raise ProtocolError(where, _("something else"), _("3 to 16 capitals, digits and hyphens, such as W-017"))
    without_identity(study_id, where)
    subject = _("{trial}: screening of {study_id}").format(trial=trial, study_id=study_id)
    named = ", ".join(criteria) or _("none")
    lines = [
        _("Screening of participant {study_id} in {trial}.").format(study_id=study_id, trial=trial),
        _("Verdict: {verdict}").format(verdict=verdict),
        _("Criteria not met or open: {criteria}").format(criteria=named),
        without_identity(remark.strip(), _("remark")),
        _("This mail names no person. The investigator decides. Please answer with the study id only."),
    ]
    body = "\r\n\r\n".join(line for line in lines if line)
    link = (
        f"mailto:{quote(site.contact.mail, safe='@')}?subject={quote(subject, safe='')}&body={quote(body, safe='')}"
    )
    return link, subject, body
