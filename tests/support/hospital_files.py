"""The invented participants as a hospital in China would send them: in Excel, and as CSV in GB18030."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import openpyxl
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from support.paths import EXAMPLES

HEADINGS = {
    "participant_id": "受试者编号",
    "enrolment_date": "入组日期",
    "birth_date": "出生日期",
    "sex": "性别",
    "consent_signed": "是否签署知情同意书",
    "consent_date": "知情同意日期",
    "weight_kg": "体重（kg）",
    "height_cm": "身高(cm)",
    "diagnosis": "临床诊断",
    "ecog": "ECOG评分",
    "ecog_date": "ECOG评分日期",
    "spo2_pct": "血氧饱和度",
    "lvef_pct": "左室射血分数",
    "lvef_date": "心脏超声日期",
    "alt_u_l": "谷丙转氨酶(U/L)",
    "alt_uln_u_l": "ALT正常值上限",
    "ast_u_l": "AST",
    "ast_uln_u_l": "AST正常值上限",
    "bilirubin_umol_l": "总胆红素（TBIL）",
    "bilirubin_uln_umol_l": "总胆红素上限",
    "creatinine_umol_l": "血清肌酐（Scr）",
    "creatinine_uln_umol_l": "肌酐正常值上限",
    "labs_date": "生化检验日期",
    "hbsag": "乙肝表面抗原",
    "anti_hcv": "抗-HCV",
    "hiv_test": "HIV抗体",
    "pregnancy_test": "妊娠试验",
    "breastfeeding": "哺乳期",
    "hbv_dna": "HBV-DNA",
    "virology_date": "传染病筛查日期",
    "cns_disease": "中枢神经系统白血病",
}
"""Of the facts that hospital systems hold; the others keep the workbook's own names."""

WORDS = {
    "sex": {"male": "男", "female": "女"},
    "hbsag": {"negative": "阴性", "positive": "阳性（+）"},
    "anti_hcv": {"negative": "阴性", "positive": "阳性"},
    "hiv_test": {"negative": "阴性", "confirmed": "阳性", "reactive": "待确证"},
    "pregnancy_test": {"negative": "阴性", "positive": "阳性"},
    "hbv_dna": {"not_detectable": "低于检测下限"},
    "cns_disease": {"none": "无"},
    "diagnosis": {"apl": "急性早幼粒细胞白血病", "all": "急性淋巴细胞白血病", "aml": "急性髓系白血病"},
}
YES_NO = {"yes": "是", "no": "否"}
HAVE = {"yes": "有", "no": "无"}
NAMES = ("姓名", "联系电话")
UNITS = (
    "alt_uln_u_l",
    "ast_u_l",
    "ast_uln_u_l",
    "bilirubin_uln_umol_l",
    "creatinine_umol_l",
    "creatinine_uln_umol_l",
)
"""Facts whose columns say no unit."""

Cells = Sequence[Any]


def example() -> list[dict[str, str]]:
    """The invented cohort, as the file has it."""
    return list(csv.DictReader(io.StringIO((EXAMPLES / "cohort.csv").read_text(encoding="utf-8"))))


def headings(rows: Sequence[dict[str, str]]) -> list[str]:
    """The headings of the hospital's file; two columns name the person, and two hold what the record does not ask."""
    return [*(HEADINGS.get(name, name) for name in rows[0]), *NAMES, "血小板 PLT", "确诊日期"]


def hospital_cell(name: str, text: str, place: int, *, excel: bool) -> Any:
    """A cell as a hospital writes it; its spelling changes from row to row."""
    if not text:
        return ("", "未查", "不详", "")[place % 4]
    if name.endswith("_date"):
        day = date.fromisoformat(text)
        written = f"{day.year}年{day.month}月{day.day}日" if place % 2 else f"{day.year}/{day.month}/{day.day}"
        return day if excel and place % 3 else written
    if name == "bilirubin_umol_l":
        return f"{text} μmol/L"
    if name == "ecog":
        return f"{text}级" if place % 2 else (int(text) if excel else text)
    if name in WORDS:
        return WORDS[name].get(text, text)
    if text in YES_NO:
        return (HAVE if place % 2 else YES_NO)[text]
    if name != "participant_id" and text.replace(".", "", 1).isdigit():
        wide = text.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789."})
        return (float(text) if excel else text, text, wide)[place % 3]
    return text


def hospital_rows(*, excel: bool) -> list[Cells]:
    """The whole file, heading first."""
    rows = example()
    cells = [
        [hospital_cell(name, text, place, excel=excel) for name, text in row.items()] + [f"某{place}", "13800000000"]
        for place, row in enumerate(rows)
    ]
    return [headings(rows), *([*row, 85, "2026/1/5"] for row in cells)]


def excel_file(rows: Iterable[Cells], *, mac: bool = False, sheets: Sequence[str] = ("筛选表",)) -> bytes:
    """An Excel file with these rows on the first of its sheets."""
    book = openpyxl.Workbook()
    if mac:
        book.epoch = CALENDAR_MAC_1904
    first = book.active
    first.title = sheets[0]
    for row in rows:
        first.append(row)
    for name in sheets[1:]:
        book.create_sheet(name).append(["说明"])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def csv_file(rows: Iterable[Cells], encoding: str = "gb18030", separator: str = ",") -> bytes:
    """A CSV file with these rows."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)
