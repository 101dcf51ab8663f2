"""Free text is searched for names and numbers of persons before it is recorded or sent. The search is not complete.

A name is recognised by a common family name at the beginning of a Chinese phrase, by a form of address, by two
capitalised words that are not clinical terms, or by a word before or after it. Not recognised: a rare family name; a
Chinese name inside a phrase, or one that begins like a clinical term; a single Western name; initials and nicknames;
a telephone number written like a row of values; a person described by bed, job or day. Some harmless words are
refused and have to be replaced.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from protocol.conduct.events import Event
from protocol.records import ProtocolError
from protocol.translation import _

_PINYIN = (
    "wang|li|zhang|liu|chen|yang|huang|zhao|wu|zhou|xu|zhu|hu|guo|lin|gao|luo|zheng|liang|xie|tang|xiao|jiang|cai|"
    "deng|feng|cao|peng|zeng|xiong|yuan|dong|yu|su|lu|wei"
)
"""The commonest family names of China (fifth census), in pinyin; those that are English words are left out."""

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢唐许冯宋韩邓彭曹曾田萧潘袁蔡蒋余于杜叶程魏苏吕丁沈"
    "任姚卢姜崔钟谭陆汪范石廖贾夏韦付方邹熊白孟秦邱侯江尹薛"
)

_DOUBLE = "欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|公孙|慕容|令狐"

_CLINICAL = re.compile(
    "白[细血蛋介色班天带苔膜内痰]|血小板|黄[疸染体色绿痰]|方[案法式可面向便]|任[何意一]|范[围例]|程[度序]|何[时地种处]|"
    "高[于值达峰热烧危剂血压流分钾钠钙磷镁氯脂糖酸胆尿龄度敏频效强低位凝渗]|周[一二三四五六日末围期内后前边次岁身径年转]|"
    "于[今当昨次前后第周本上下其该此输治入出早晚术化住一二三四五六七八九十]|余[无项正下量均者未热]|江[苏北南岸汉]|石[蜡膏化]|"
    "马[法利上]|许[可多]|丁[酸胺]|叶酸|苏[醒打]|夏季|田间|付[费款]|林可霉素|罗[红库哌沙氏音]|曾[有用行接出因于在服发多经患做]|"
    "吴茱萸|杜[冷绝]|钟[声后内]|时间|潘[生立]|陈[旧述]|徐缓|陆续|张[力口开]|孟鲁司特|熊去氧|唐氏|胡萝卜|韦格纳|杨梅|贾第"
)
"""Clinical terms that begin like a family name."""

_CAPITALISED = (
    "abdomen acute adverse aeruginosa after allergic anc and arm aspergillus assessment aureus baseline before "
    "bilirubin biopsy blood bone both burkitt candida cardiac cd cell cells central chest chronic clinical "
    "clostridium cohort coli committee common complete computed consent course criteria cytogenetics "
    "cytomegalovirus data day decision delayed department design difficile diffuse disease dose drug ebv ecg "
    "echocardiography eligibility emergency enrolment escalation escherichia event exclusion fever first follow "
    "fraction frequency given grade graft haematology hematology hepatic high hodgkin hospital host inclusion "
    "independent induction infection infusion intensive investigator klebsiella lab laboratory large left line "
    "liver low lung lymphoblastic lymphoma marrow medical meeting monitoring month myeloid neutrophil neutrophils "
    "new next no non normal not nurse per phase philadelphia platelet platelets pneumonia positive post pre "
    "protocol pseudomonas reason recommended red regimen relapsed remission renal repeat response review right "
    "safety screening second serious severe site sponsor staphylococcus steering streptococcus study terminology "
    "the third toxicity transfusion treatment trial type union versus visit week white "
    "branch bundle chinese coagulation cytokine deep disseminated distress edema effusion embolism failure febrile "
    "festival gastrointestinal gram haemorrhage heart hemophagocytic hemorrhage infarction injury interleukin "
    "intravascular kidney lysis multiple myocardial negative obstruction occlusive organ pulmonary release "
    "respiratory septic shock sinusoidal spring syndrome thrombosis tumor tumour vein veno venous "
)
"""Words that are capitalised in clinical English and are not part of a name."""

_WORDS = frozenset(_CAPITALISED.split())

_DRUG = re.compile(
    r"[a-z]*(?:mab|nib|bicin|rubicin|platin|azole|fungin|cillin|mycin|micin|cycline|floxacin|penem|ximab|zumab|parin|"
    r"statin|sone|solone|trexate|rabine|tabine|bine|phamide|fosfamide|vir|clax|domide|zomib|grastim|botin|stim|setron|"
    r"profen|cetamol|lukin|cept|poside|cristine|urea|oxide|acid|itis|emia|aemia|penia|osis|opathy|oma)"
)

_HAN = "\u4e00-\u9fff"

_CUES = "患者|病人|受试者|姓名|名叫|家属|联系人|护士|医师|主任|联系|告知|通知|咨询|询问"

_SAYS = (
    "自述|主诉|入院|出院|来院|来电|电话|同意|签署|拒绝|要求|今天|今日|今晨|今早|昨天|昨日|昨晚|明天|明日|因|不适|发热|发烧|出现|"
    "住院|退出|失访|死亡|家属|表示|反映|的(?:家属|母亲|父亲|妻子|丈夫|儿子|女儿|电话|姓名|号码|微信)"
)

_HELD = "\ue000"
"""Replaces a clinical term: no name begins directly after it."""

_SYLLABLE = (
    "(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|ai|ei|ao|ou|an|en|in|un|"
    "ia|ie|iu|ua|uo|ui|ue|a|o|e|i|u)"
)

_ENGLISH = "sun|ma|song|han|fan|shen|ren|yao|jia|tan|fang|shi|qin|meng|hou|bai|dai|du|ye|ding|pan|lei|hao|mao|fu|cui"
"""Family names that are, or may be, English words: names only in a name's place."""

_WESTERNS = (
    "anderson anna brown daniel david davis garcia george henry james john johnson jones laura maria martin mary "
    "meier michael miller mueller paul peter robert rossi schmidt smith susan taylor thomas william williams wilson "
)

_WESTERN = frozenset(_WESTERNS.split())

_TITLED = "|".join(name.title() for name in f"{_PINYIN}|{_ENGLISH}".split("|"))

_PINYINS = "|".join(
    form for name in _PINYIN.split("|") for form in (name, name.title(), name.upper()) if form != "HU"
)

_HARMLESS = re.compile(
    r"(?<![\d-])20[2-9]\d([-/.])[01]\d\1[0-3]\d(?![\d-])"  # a recent day; an earlier one may be one of birth
    r"|\bNCT\d{8}\b|\bChiCTR\d{10}\b"
    r"|(?<![\d.+()-])(?!1[3-9]\d{9}(?!\d))\d{1,12} ?(?:cells|copies|mg|g|kg|ng|pg|ml|mL|L|IU|U|mmol)\b"
    r"|(?<![\d.-])\d{1,6}\.\d{1,4}(?![\d.-])"
    r"|(?<!\S)(?<!\d )(?!1[3-9]\d )(?:[1-9]\d{0,2} ){2,}[1-9]\d{0,2}(?!\w)(?! ?\d)"  # values, no telephone
)
"""Long numbers that do not identify a person."""

_CARD = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15}(?!\d)")

_NUMBERS = (
    (_CARD, _("an ID-card number")),
    (
        re.compile(r"(?:\d[ ()./\-\u2010-\u2015_·]{0,2}){6,}\d|[零〇一二三四五六七八九幺]{7,}"),
        _("a telephone or other long number"),
    ),
    (re.compile(r"[^@\s]+(?:@|\(at\))[^@\s]+"), _("a mail address")),
    (
        re.compile(
            r"微信(?:号|号码)?[:： 是为]*[A-Za-z][\w-]{5,}|(?i:wechat|weixin|qq)(?: id)?[:： ]+(?=\S*\d)[\w-]{5,}"
        ),
        _("an account"),
    ),
)

_BEGIN = rf"(?<![{_HAN}{_HELD}])"

_NAMES = (
    (re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\b\.?|先生|女士|小姐|医生|教授"), _("a form of address")),
    (re.compile(rf"{_BEGIN}(?:[{_SURNAMES}]\s?[{_HAN}]{{1,2}}(?![{_HAN}])|(?:{_DOUBLE})[{_HAN}])"), _("a name")),
    (re.compile(rf"(?:{_CUES})[:： ]*(?:[{_SURNAMES}]|{_DOUBLE})[{_HAN}]"), _("a name")),
    (re.compile(rf"{_BEGIN}[{_SURNAMES}][{_HAN}]{{1,2}}(?:{_SAYS})"), _("a name")),
    (re.compile(rf"\b(?:{_PINYINS})\b"), _("a name")),
    (re.compile(rf"\b(?:{_TITLED})(?=[A-Z])(?i:{_SYLLABLE}){{1,2}}\b"), _("a name")),
    (
        re.compile(rf"\b(?:patient|subject|participant|named?) (?:{_ENGLISH}) (?:{_SYLLABLE}){{1,2}}\b", re.I),
        _("a name"),
    ),
)

_PAIR = re.compile(r"\b(?=([A-Z][a-z]+)[ -]+([A-Z][a-z]+)\b)")

_CAPITALS = re.compile(r"\b(?=([A-Z]{2,})[ ,-]+([A-Z]{2,})\b)")

_MOBILE = re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d{9}(?!\d)")

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_card_number(text: str) -> bool:
    """Return whether a text is a Chinese ID-card number: 18 characters with a check digit (GB 11643-1999)."""
    if not re.fullmatch(r"\d{17}[\dXx]", text):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    return "10X98765432"[total % 11] == text[-1].upper()


def without_identity(text: str, where: str, names: Collection[str] = ()) -> str:
    """Return a text unchanged if nothing in it looks like a name or a number of a person.

    Names, telephone numbers, ID-card numbers, mail addresses, accounts and forms of address are searched for. The
    search is not complete (see the top of this module): the writer still has to read the text.

    Parameters
    ----------
    text : str
    where : str
        The field, for the message.
    names : collection of str
        Names of sites or places; a pair of capitalised words with one of theirs is no name of a person.

    Raises
    ------
    ProtocolError
        If something does. The message does not repeat it.
    """
    kind = next(_found(text, names), None)
    if kind is not None:
        raise ProtocolError(where, _("what looks like {kind}").format(kind=kind), _("nothing that names a person"))
    return text


def _found(text: str, names: Collection[str]) -> Iterator[str]:
    """Return each kind of name or number found in a text."""
    numbers = _HARMLESS.sub(" ; ", text)
    yield from (kind for pattern, kind in _NUMBERS if pattern.search(numbers))
    words = _CLINICAL.sub(_HELD, text)
    yield from (kind for pattern, kind in _NAMES if pattern.search(words))
    places = {word.lower() for name in names for word in name.split()}
    pairs = [pair for pair in _PAIR.findall(text) if not any(word.lower() in places for word in pair)]
    if any(not (_is_word(first) or _is_word(second)) for first, second in pairs):
        yield _("a name")
    if any(not _WESTERN.isdisjoint((first.lower(), second.lower())) for first, second in _CAPITALS.findall(text)):
        yield _("a name")


def _is_word(word: str) -> bool:
    return word.lower() in _WORDS or _DRUG.fullmatch(word.lower()) is not None


def check_account(actor: str, site: str, names: Collection[str] = ()) -> None:
    """Raise if the account or the site of an entry looks like a name or a number of a person.

    The words of a hospital or another institution are those of a place.

    Raises
    ------
    ProtocolError
        Naming which. The message does not repeat its text.
    """
    without_identity(actor, _("actor"))
    if site not in names:
        without_identity(site, _("site"), (*names, site) if _INSTITUTION.search(site) else names)


def check_event(event: Event, reason: str, names: Collection[str] = ()) -> None:
    """Raise if free text in an event looks like a name or a number of a person.

    The result of a screening is not typed by a person: only ID-card and mobile numbers and mail addresses are
    searched for there. For `names` see :func:`without_identity`.

    Raises
    ------
    ProtocolError
        Naming the field. The message does not repeat its text.
    """
    without_identity(reason, _("reason"), names)
    participant = getattr(event, "participant", None)
    if participant is not None and next(_found(participant, names), None) is not None:
        found = _("letters or digits that can be those of a person, such as a family name")
        raise ProtocolError(_("study id"), found, _("an id that the trial gives, such as P-0901"))
    for name in event.free:
        without_identity(getattr(event, name), _FIELDS[name], names)
    lot = getattr(event, "lot", None) or ""
    if _MOBILE.search(lot) or is_card_number(lot):
        raise ProtocolError(_("lot"), _("what looks like a person's number"), _("the number of the lot"))
    replacement = getattr(event, "replacement", None)
    if replacement is not None:
        check_event(replacement, "", names)
    for text in _texts(getattr(event, "result", None)):
        cards = any(is_card_number(found) for found in _CARD.findall(text))
        if cards or _MOBILE.search(text) or "@" in text:
            found = _("what looks like a person's number or address")
            raise ProtocolError(_("screening result"), found, _("nothing that names a person"))


_INSTITUTION = re.compile(
    r"(?i:\b(?:hospital|clinic|cent(?:er|re)|institute|university|college)\b)|医院|中心|大学|学院"
)

_FIELDS = {"why": _("why"), "decided_by": _("decided by"), "text": _("note")}


def _texts(value: Any) -> Iterator[str]:
    """Return every text in nested plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(name)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
