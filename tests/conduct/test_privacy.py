"""Privacy: free text that may name a person is refused, and usual clinical text is accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import log_events
from support.log_events import DAY

from protocol.conduct import Correction, Decision, Note
from protocol.conduct.privacy import check_event, is_card_number, without_identity
from protocol.records import ProtocolError

PERSONS = [
    "John Smith",
    "spoke with Anna-Maria Rossi",
    "Call Wang",
    "zhang has fever",
    "Mr Bean",
    "Dr. Watson",
    "Ming Yang agreed",
    "Patient John",
    "Given to Peter Miller",
    "Fever of Mary Brown on day 3",
    "王小明",
    "张 伟",
    "患者王小明",
    "姓名：李雷",
    "受试者欧阳锋发热",
    "欧阳娜娜",
    "李先生",
    "赵医生说",
    "王小明今日入院，王小明入院",
    "陈芳自述头痛",
    "联系人：刘洋",
    "110101199003078515",
    "11010119900307851X",
    "130503670401001",
    "13800138000",
    "+86 138 0013 8000",
    "027-85726387",
    "(027) 8572 6387",
    "who@example.org",
    "born 1961-04-05",
    "张三今天发热",
    "张三丰今日来院",
    "赵六因发热住院",
    "李娜的家属",
    "欧阳锋不适",
    "白细胞低，张三因发热",
    "JOHN SMITH",
    "MARY BROWN refused",
    "patient sun wen",
    "ZhangWei",
    "SunWen called",
    "138–0013–8000",
    "138_0013_8000",
    "138·0013·8000",
    "138.0013.8000",
    "86 138 0013 8000",
    "027 857 263 87",
    "13800138000 g",
    "一三八零零一三八零零零",
    "who(at)example.org",
    "微信号 zhang123456",
    "微信：abcdef1",
    "WeChat ID: w1234567",
    "1961/04/05",
    "LIU YANG",
]

CLINICAL = [
    "",
    "no DLT in 3 of 3",
    "Grade 3 rash on day 5",
    "Given Cytarabine and Daunorubicin",
    "Daunorubicin Cytarabine",
    "Idarubicin Cytarabine, then Azacitidine Venetoclax",
    "Piperacillin Tazobactam for Pseudomonas Aeruginosa",
    "Staphylococcus Aureus in the Central Line",
    "Steering Committee",
    "Independent Data Monitoring Committee",
    "Wuhan Union Hospital",
    "Principal Investigator",
    "Common Terminology Criteria 5.0",
    "Non-Hodgkin Lymphoma",
    "Acute Myeloid Leukemia",
    "Acute Lymphoblastic Leukaemia",
    "Platelets 18 x 10^9/L on 2026-11-20",
    "Bone Marrow biopsy",
    "Filgrastim Meropenem Voriconazole",
    "Graft Versus Host Disease",
    "Clostridium Difficile",
    "Escherichia Coli",
    "Computed Tomography of the chest",
    "ECOG 2, SpO2 97%, ALT 38 U/L, LVEF 55%",
    "UC-MSC 1.0e6 cells/kg over 45 min",
    "Stay at B1: 1 of 6 with a DLT (lambda_d 0.359)",
    "CD34+ 15/uL: is it low?",
    "first dose 2026-03-05, second 2026-03-12",
    "白细胞低，复查血常规",
    "白细胞",
    "高血压",
    "患者高热",
    "高烧",
    "黄疸",
    "方案B1",
    "任何不适",
    "无任何不适",
    "于昨日输注",
    "马法兰",
    "血小板回升，白细胞 2.1",
    "输注后无不适",
    "江苏",
    "范围内",
    "患者白细胞低",
    "患者万古霉素治疗",
    "余无异常",
    "曾用药",
    "程度轻",
    "每周两次",
    "一周后",
    "疗程结束",
    "血红蛋白下降",
    "蛋白升高",
    "左肺上叶感染",
    "血小板低于正常",
    "代谢异常",
    "少许出血",
    "30分钟后",
    "病程进展",
    "规范治疗",
    "下周复查血常规",
    "周三，输注",
    "第3周后",
    "血钾升高明显",
    "高于上限",
    "于周三输注",
    "患者于3月2日退出",
    "受试者要求退出",
    "由于发热",
    "Cytokine Release Syndrome",
    "Tumor Lysis Syndrome",
    "Acute Kidney Injury",
    "Deep Vein Thrombosis",
    "Multiple Organ Failure",
    "Veno-Occlusive Disease",
    "Disseminated Intravascular Coagulation",
    "Sinusoidal Obstruction Syndrome",
    "Febrile Neutropenia",
    "hydroxyurea (HU)",
    "2026/03/04",
    "2026.03.04",
    "registered as NCT05672420",
    "5000000 cells/kg",
    "PLT 20 25 30 35",
    "ferritin 12345.67",
    "CRS, ICANS and GVHD",
]


@pytest.mark.requirement("R-PRI-01")
@pytest.mark.parametrize("text", PERSONS)
def test_what_may_name_a_person_is_refused_and_not_repeated(text):
    with pytest.raises(ProtocolError, match="what looks like") as refused:
        without_identity(text, "note")
    assert text not in str(refused.value)


@pytest.mark.parametrize("text", CLINICAL)
def test_what_a_clinic_writes_passes(text):
    assert without_identity(text, "note") == text


def test_a_name_of_a_site_passes_and_a_person_beside_it_does_not() -> None:
    names = ["Wuhan Tongji Hospital"]
    assert without_identity("moved to Wuhan Tongji Hospital", "note", names)
    check_event(Note(on=DAY, text="moved to Wuhan Tongji Hospital"), "", names)
    for text, known in [("moved to Wuhan Tongji Hospital", ()), ("Wuhan Tongji Hospital, John Smith", names)]:
        with pytest.raises(ProtocolError, match="a name"):
            check_event(Note(on=DAY, text=text), "", known)


@pytest.mark.parametrize(
    ("text", "valid"),
    [("11010519491231002X", True), ("440524188001010014", True), ("110105194912310021", False), ("12", False)],
)
def test_the_check_digit_of_an_id_card_is_the_standards(text, valid):
    assert is_card_number(text) is valid  # the two valid ones are the examples of GB 11643-1999


@pytest.mark.slow
@given(st.integers(0, 10**17 - 1))
def test_one_check_digit_in_eleven_fits(number):
    fits = [digit for digit in "0123456789X" if is_card_number(f"{number:017d}{digit}")]
    assert len(fits) == 1


@pytest.mark.requirement("R-PRI-01")
@pytest.mark.parametrize(
    ("event", "reason", "where"),
    [
        (Note(on=DAY, text="call 13800138000"), "", "note"),
        (Decision(on=DAY, recommended=None, chosen="A1", why="asked by 王小明", decided_by="committee"), "", "why"),
        (Decision(on=DAY, recommended=None, chosen="A1", why="fits", decided_by="John Smith"), "", "decided by"),
        (log_events.screened(), "as Wang said", "reason"),
        (log_events.screened("A13800138000"), "", "study id"),
        (log_events.screened(remarks=["13800138000"]), "", "screening result"),
        (log_events.screened(facts={"who@example.org": 1}), "", "screening result"),
        (log_events.screened(card="11010519491231002X"), "", "screening result"),
        (Correction(of=1, hash="0" * 64, replacement=Note(on=DAY, text="John Smith"), why="typo"), "", "note"),
        (Correction(of=1, hash="0" * 64, why="John Smith"), "", "why"),
    ],
)
def test_every_free_field_of_an_event_is_looked_at(event, reason, where):
    with pytest.raises(ProtocolError, match=f"^{where}: found (what looks like|letters or digits that can be)"):
        check_event(event, reason)


def test_the_result_of_a_screening_may_hold_the_listings_words_and_dates_of_long_ago():
    said = ["Acute Myeloid Leukemia", "Date of birth 1961-04-05", "Relapsed After Smith Regimen", "10000000 cells"]
    check_event(log_events.screened(because=said), "rescreened after 2 weeks")
