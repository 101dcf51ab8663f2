"""REDCap: the record's facts as a data dictionary, and a cohort as a file to import into that project.

Answers are coded 1, 0 and 99 for yes, no and unknown; a choice keeps the record's option ids and has 99 as well.
Unknown numbers and dates stay empty. What can be calculated has a second, calculated field beside the one to type.
"""

import ast
import codecs
import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import pandas as pd

from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import FIRST_DAY, LAST_DAY
from protocol.eligibility.frames import IDENTITY, identity
from protocol.exchange.spreadsheet import csv
from protocol.records import ProtocolError
from protocol.translation import _

COLUMNS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)

RECORD_ID = "record_id"

UNKNOWN = "99"


def dictionary(record: EligibilityRecord) -> bytes:
    """Return the data dictionary of a project that collects the record's facts, one form per group of facts."""
    shown = _branching(record)
    birth_date = record.imports.person.birth_date if record.imports.person else None
    rows = [_row(RECORD_ID, record.facts[0], "text", _("Study id of the participant, no name"))]
    for fact in record.facts:
        rows.append(_fact_row(fact, shown.get(fact.id, ""), identifies=fact.id == birth_date))
        if fact.derived is not None:
            rows.append(_calculated_row(fact))
    return _written(pd.DataFrame(rows, columns=[*COLUMNS]))


def import_file(frame: pd.DataFrame, record: EligibilityRecord) -> bytes:
    """Return a cohort as a file to import into the project of :func:`dictionary`.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per participant, columns by fact id and ``participant_id``; without that rows are numbered.
    record : EligibilityRecord
        The record whose facts the columns are.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ProtocolError(_("cohort"), type(frame).__name__, _("a pandas DataFrame"))
    ids = frame[IDENTITY] if IDENTITY in frame else range(1, len(frame) + 1)
    columns: dict[str, list[str]] = {RECORD_ID: [*map(identity, ids)]}
    for fact in (fact for fact in record.facts if fact.id in frame):
        columns[fact.id] = [_answer(value, fact) for value in frame[fact.id].astype(object)]
    return _written(pd.DataFrame(columns))


def _written(frame: pd.DataFrame) -> bytes:
    """Write a file that is safe in a spreadsheet, without the mark that REDCap would read into the first name."""
    return csv(frame).removeprefix(codecs.BOM_UTF8)


def _answer(value: Any, fact: Fact) -> str:
    if pd.isna(value):
        return UNKNOWN if fact.type in ("yes_no", "choice") else ""
    match fact.type:
        case "yes_no" | "whole":
            return str(int(value))
        case "date":
            return pd.Timestamp(value).date().isoformat()
        case "number":
            return f"{Decimal(f'{value:.12g}'):f}"  # never 1e-05, which REDCap does not take for a number
    return str(value)


def _row(name: str, fact: Fact, kind: str, label: str, **cells: str) -> dict[str, str]:
    form = re.sub(r"[^a-z0-9]+", "_", fact.group.lower()).strip("_")
    known = {"Variable / Field Name": name, "Form Name": form, "Field Type": kind, "Field Label": label}
    return dict.fromkeys(COLUMNS, "") | known | cells


_CHOICES = "Choices, Calculations, OR Slider Labels"


def _fact_row(fact: Fact, shown: str, *, identifies: bool) -> dict[str, str]:
    label = f"{fact.label} ({fact.unit_label})" if fact.unit_label else fact.label
    origin = _("assumption: {reason}").format(reason=fact.origin) if fact.is_assumption else fact.origin
    cells = {
        "Field Note": f"{fact.help} ({origin})".strip(),
        "Branching Logic (Show field only if...)": shown,
        "Field Annotation": "; ".join(([f"UCUM {fact.unit}"] if fact.unit else []) + [*fact.codes]),
        "Identifier?": "y" if identifies else "",
    }
    if fact.type in ("yes_no", "choice"):
        options = {"1": _("Yes"), "0": _("No")} if fact.type == "yes_no" else dict(fact.options)
        pairs = (options | {UNKNOWN: _("Unknown")}).items()
        choices = " | ".join(f"{code}, {text.replace('|', '/')}" for code, text in pairs)
        return _row(fact.id, fact, "radio", label, **cells, **{_CHOICES: choices})
    low, high = (FIRST_DAY, LAST_DAY) if fact.type == "date" else (f"{fact.minimum:g}", f"{fact.maximum:g}")
    kind = {"date": "date_ymd", "whole": "integer"}.get(fact.type, fact.type)
    validation = {
        "Text Validation Type OR Show Slider Number": kind,
        "Text Validation Min": str(low),
        "Text Validation Max": str(high),
    }
    return _row(fact.id, fact, "text", label, **cells, **validation)


def _calculated_row(fact: Fact) -> dict[str, str]:
    label = _("{label}, calculated").format(label=fact.label)
    tree = parse(fact.derived or "")
    absent = " or ".join(f"[{name}] = ''" for name in names_in(tree))
    return _row(f"{fact.id}_calc", fact, "calc", label, **{_CHOICES: f"if({absent}, '', {_formula(tree)})"})


def _formula(node: ast.expr) -> str:
    """Write a derivation in REDCap's language.

    Its datediff counts years of 365.2425 days, so that ages compare birthdays instead.
    """
    match node:
        case ast.Constant(value=float() | int() as value):
            return f"{value:g}"
        case ast.Name(id=name):
            return f"[{name}]"
        case ast.BinOp(left=left, op=op, right=right):
            signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
            if isinstance(op, ast.Pow):  # REDCap wants both sides in brackets and no space
                return f"(({_formula(left)})^({_formula(right)}))"
            return f"({_formula(left)} {signs[type(op)]} {_formula(right)})"
        case ast.Call(func=ast.Name(id="completed_years"), args=[ast.Name(id=born), ast.Name(id=on)]):
            days = [f"(month([{name}]) * 100 + day([{name}]))" for name in (on, born)]
            return f"(year([{on}]) - year([{born}]) - if({days[0]} < {days[1]}, 1, 0))"
    raise ProtocolError("eligibility.toml", repr(ast.unparse(node)), _("a derivation that REDCap can calculate"))


def _branching(record: EligibilityRecord) -> dict[str, str]:
    """Return when to ask for a fact that only matters under a condition: unless that is known to be false."""
    rules = [
        (criterion.applies_if or rule.applies_if, set(names_in(rule.condition)))
        for criterion in record.criteria
        for rule in criterion.rules()
        if rule.condition
    ]
    always = set[str]().union(*(asked for applies, asked in rules if applies is None))
    shown: dict[str, set[str | bool]] = {}
    for applies, asked in rules:
        for name in asked - always if applies else ():
            shown.setdefault(name, set()).add(_not_false(parse(str(applies)), asked - always))
    for fact in (fact for fact in record.facts if fact.dated_by and fact.dated_by not in always and fact.id in shown):
        shown.setdefault(str(fact.dated_by), set()).update(shown[fact.id])
    ids = {fact.id for fact in record.facts}
    return {
        name: " or ".join(f"({text})" for text in sorted(map(str, texts)))
        for name, texts in shown.items()
        if name in ids and True not in texts
    }


def _not_false(node: ast.expr, asked: Collection[str], wanted: bool = True) -> str | bool:
    """Write that a condition is not known to be false; with ``wanted=False``, not known to be true.

    What is `asked` by the fields to be shown is not known yet.
    """
    match node:
        case ast.BoolOp(op=op, values=values):
            return _joined([_not_false(one, asked, wanted) for one in values], isinstance(op, ast.And) == wanted)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _not_false(operand, asked, not wanted)
        case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]) if name in asked:
            return not wanted
        case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]):
            return f"([{name}] <> '' and [{name}] <> '99')" if wanted else f"([{name}] = '' or [{name}] = '99')"
        case ast.Call(func=ast.Name(id="unclear"), args=[operand]):
            return _not_false(operand, asked) if wanted else True
        case _ if set(names_in(ast.unparse(node))) <= set(asked):
            return True
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=str(value))]):
            if isinstance(op, ast.Eq) == wanted:
                return f"([{name}] = '{value}' or [{name}] = '' or [{name}] = '99')"
            return f"[{name}] <> '{value}'"
    raise ProtocolError("eligibility.toml", repr(ast.unparse(node)), _("a condition that REDCap can branch by"))


def _joined(texts: list[str | bool], every: bool) -> str | bool:
    """Join conditions with ``and`` (`every`) or ``or``; what is always so decides or is left out."""
    if (not every) in texts:
        return not every
    open_ = [text for text in texts if isinstance(text, str)]
    return "(" + (" and " if every else " or ").join(open_) + ")" if open_ else every
