"""A mail about a screening that names the participant by the study id only."""

from collections.abc import Iterable
from urllib.parse import quote

from protocol.conduct import without_identity
from protocol.records import STUDY_ID, ProtocolError, is_study_id
from protocol.sites import CONSUMER_DOMAINS, Site
from protocol.translation import _, list_of


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
        As :data:`protocol.records.STUDY_ID` says; never a name.
    verdict : str
        The overall verdict in words.
    criteria : iterable of str
        Ids of the criteria that exclude or are open, such as E3.
    remark : str
        A sentence more; refused if it looks as if it named a person.

    Returns
    -------
    tuple of str
        The ``mailto:`` link, the subject and the body.

    Raises
    ------
    ProtocolError
        If the site has no mail address or one at a consumer domain, or if a text looks like an identity.
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
    if not is_study_id(study_id):
        raise ProtocolError(where, _("something else"), STUDY_ID)
    without_identity(study_id, where)
    subject = _("{trial}: screening of {study_id}").format(trial=trial, study_id=study_id)
    named = list_of(criteria) or _("none")
    lines = [
        _("Screening of participant {study_id} in {trial}.").format(study_id=study_id, trial=trial),
        _("Verdict: {verdict}").format(verdict=verdict),
        _("Criteria that exclude or are open: {criteria}").format(criteria=named),
        without_identity(remark.strip(), _("remark"), [site.name]),
        _("This mail names no person. The investigator decides. Please answer with the study id only."),
    ]
    body = "\r\n\r\n".join(line for line in lines if line)
    link = (
        f"mailto:{quote(site.contact.mail, safe='@')}?subject={quote(subject, safe='')}&body={quote(body, safe='')}"
    )
    return link, subject, body
