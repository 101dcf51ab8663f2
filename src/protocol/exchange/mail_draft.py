"""A mail about a screening that names nobody: the study id at most."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from protocol.records import ProtocolError
from protocol.sites import CONSUMER_DOMAINS, Site
from protocol.translation import _

_STUDY_ID = re.compile(r"(?=.*\d)(?=.*[A-Z])[A-Z0-9][A-Z0-9-]{2,15}")
_SURNAMES = (
    "wang|li|zhang|liu|chen|yang|huang|zhao|wu|zhou|xu|zhu|hu|guo|lin|gao|luo|zheng|liang|xie|tang|xiao|jiang|cai|"
    "deng|feng|cao|peng|zeng|xiong|yuan|dong|yu|su|lu|wei"
)
"""The commonest family names of China (fifth census), in pinyin; those that are English words are left out."""
_HAN_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢唐许冯宋韩邓彭曹曾田萧潘袁蔡蒋余于杜叶程魏苏吕丁沈"
    "任姚卢姜崔钟谭陆汪范石廖贾夏韦付方邹熊白孟秦邱侯江尹薛"
)
_RECENT_DAY = re.compile(r"(?<![\d-])20[2-9]\d-[01]\d-[0-3]\d(?![\d-])")
"""The day of an examination may be named; an earlier date may be one of birth and counts as a long number."""
_IDENTITY = (
    (re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15}(?!\d)"), _("an ID-card number")),
    (re.compile(r"(?:\d[ ()./\-]{0,2}){6,}\d"), _("a telephone or other long number")),
    (re.compile(r"[^@\s]+@[^@\s]+"), _("a mail address")),
    (re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\b\.?|先生|女士|小姐|医生|教授"), _("a form of address")),
    (re.compile(rf"[{_HAN_SURNAMES}]\s?[\u4e00-\u9fff]{{1,2}}(?![\u4e00-\u9fff])"), _("a name")),
    (re.compile(rf"(?:患者|病人|受试者|姓名|名叫)[:： ]*[{_HAN_SURNAMES}][\u4e00-\u9fff]"), _("a name")),
    (re.compile(r"\b[A-Z][a-z]+[ -]+[A-Z][a-z]+"), _("a name")),
    (re.compile(rf"\b(?:{_SURNAMES})\b", re.IGNORECASE), _("a name")),
)


def without_identity(text: str, where: str) -> str:
    """Return a text as it is when nothing in it looks like a person.

    Names, telephone numbers, ID-card numbers, mail addresses and forms of address are looked for. That is a net
    and no proof: the sender reads the draft before it goes.

    Raises
    ------
    ProtocolError
        When something does. The message does not repeat it.
    """
    looked_at = _RECENT_DAY.sub(" ", text)
    for pattern, kind in _IDENTITY:
        if pattern.search(looked_at):
            raise ProtocolError(
                where, _("what looks like {kind}").format(kind=kind), _("nothing that names a person")
            )
    return text


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
