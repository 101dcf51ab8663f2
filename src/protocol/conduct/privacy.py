"""Free text is looked at for what may name a person, before it is recorded or sent. A net, and no proof."""

import re
from collections.abc import Iterator
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
    "白细胞|白血病|白蛋白|白介素|白色|白班|血小板|高血压|高血糖|高血脂|高血钾|高热|高烧|高危|高剂量|黄疸|黄染|黄体|方案|方法|方式|方可|"
    "任何|任意|范围|程度|何时|何地|于今|于当日|于昨日|于次日|于前|于后|余无|余项|余正常|江苏|石蜡|石膏|马法兰|"
    "马利兰|许可|丁酸|叶酸|苏醒|夏季|田间|付费|林可霉素|罗红霉素|曾有|曾用|曾行|曾接受|吴茱萸|杜冷丁|钟声|时间"
)
"""Words of the clinic that begin like a family name."""
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
    "the third toxicity transfusion treatment trial type union versus visit week white wuhan "
)
"""Words that stand capitalised in clinical English and are no part of a name."""
_WORDS = frozenset(_CAPITALISED.split())
_DRUG = re.compile(
    r"[a-z]*(?:mab|nib|bicin|rubicin|platin|azole|fungin|cillin|mycin|micin|cycline|floxacin|penem|ximab|zumab|parin|"
    r"statin|sone|solone|trexate|rabine|tabine|bine|phamide|fosfamide|vir|clax|domide|zomib|grastim|botin|stim|setron|"
    r"profen|cetamol|lukin|cept|poside|cristine|urea|oxide|acid|itis|emia|aemia|penia|osis|opathy|oma)"
)
_HAN, _CUES = "\u4e00-\u9fff", "患者|病人|受试者|姓名|名叫|家属|联系人|护士|医师|主任"
_SAYS = "自述|主诉|入院|出院|来院|来电|电话|同意|签署|拒绝|要求"
_RECENT_DAY = re.compile(r"(?<![\d-])20[2-9]\d-[01]\d-[0-3]\d(?![\d-])")
"""The day of an examination may be named; an earlier date may be one of birth and counts as a long number."""
_CARD = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15}(?!\d)")
_NUMBERS = (
    (_CARD, _("an ID-card number")),
    (re.compile(r"(?:\d[ ()./\-]{0,2}){6,}\d"), _("a telephone or other long number")),
    (re.compile(r"[^@\s]+@[^@\s]+"), _("a mail address")),
)
_NAMES = (
    (re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\b\.?|先生|女士|小姐|医生|教授"), _("a form of address")),
    (re.compile(rf"(?:[{_SURNAMES}]\s?|{_DOUBLE})[{_HAN}]{{1,2}}(?![{_HAN}])"), _("a name")),
    (re.compile(rf"(?:{_CUES})[:： ]*(?:[{_SURNAMES}]|{_DOUBLE})[{_HAN}]"), _("a name")),
    (re.compile(rf"(?<![{_HAN}])(?:[{_SURNAMES}]|{_DOUBLE})[{_HAN}]{{1,2}}(?:{_SAYS})"), _("a name")),
    (re.compile(rf"\b(?:{_PINYIN})\b", re.IGNORECASE), _("a name")),
)
_PAIR = re.compile(r"\b(?=([A-Z][a-z]+)[ -]+([A-Z][a-z]+)\b)")
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d{9}(?!\d)")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_card_number(text: str) -> bool:
    """Whether 18 characters are a Chinese ID-card number with its check digit (GB 11643-1999)."""
    if not re.fullmatch(r"\d{17}[\dXx]", text):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    return "10X98765432"[total % 11] == text[-1].upper()


def without_identity(text: str, where: str) -> str:
    """Return a text as it is when nothing in it looks like a person.

    Names, telephone numbers, ID-card numbers, mail addresses and forms of address are looked for. That is a net
    and no proof: the writer reads the text before it goes.

    Raises
    ------
    ProtocolError
        When something does. The message does not repeat it.
    """
    kind = next(_found(text), None)
    if kind is not None:
        raise ProtocolError(where, _("what looks like {kind}").format(kind=kind), _("nothing that names a person"))
    return text


def _found(text: str) -> Iterator[str]:
    """Name each kind of thing in a text that may be a person's."""
    numbers = _RECENT_DAY.sub(" ", text)
    yield from (kind for pattern, kind in _NUMBERS if pattern.search(numbers))
    words = _CLINICAL.sub("，", text)
    yield from (kind for pattern, kind in _NAMES if pattern.search(words))
    if any(not (_is_word(first) or _is_word(second)) for first, second in _PAIR.findall(text)):
        yield _("a name")


def _is_word(word: str) -> bool:
    return word.lower() in _WORDS or _DRUG.fullmatch(word.lower()) is not None


def check_event(event: Event, reason: str) -> None:
    """Return when nothing that a person wrote into an event looks like a person.

    The result of a screening comes from the record and not from a keyboard: there only numbers of persons and mail
    addresses are looked for.

    Raises
    ------
    ProtocolError
        Naming the field. The message does not repeat what stands there.
    """
    without_identity(reason, _("reason"))
    participant = getattr(event, "participant", None)
    if participant is not None:
        without_identity(participant, _("study id"))
    for name in event.free:
        without_identity(getattr(event, name), _FIELDS[name])
    replacement = getattr(event, "replacement", None)
    if replacement is not None:
        check_event(replacement, "")
    for text in _texts(getattr(event, "result", None)):
        cards = any(is_card_number(found) for found in _CARD.findall(text))
        if cards or _MOBILE.search(text) or "@" in text:
            found = _("what looks like a person's number or address")
            raise ProtocolError(_("screening result"), found, _("nothing that names a person"))


_FIELDS = {"why": _("why"), "decided_by": _("decided by"), "text": _("note")}


def _texts(value: Any) -> Iterator[str]:
    """Every text anywhere in plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(name)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
