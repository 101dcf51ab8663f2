"""No cell and no head of an exported table is run as a formula, whichever form its sign has."""

import csv
import io

import pandas as pd
import pytest
from support.trial import TRIAL

from protocol.exchange.clinical.reference_ranges import limit_template, read_limits
from protocol.exchange.spreadsheet import csv as written
from protocol.exchange.spreadsheet import plain_cell, safe_cell

FORMULAS = ["=1+1", "+1", "-1", "@A1", "＝1+1", "＋1", "－1", "＠A1", "﹢1", "﹣1", "﹦1", "﹫A1", "⁺1", "−1",
            " =1", "\t=1", "\r1", "\n1", "\ufeff=1", "\u3000＝1", "\u200b=1", "\xa0=1", "\x00=1"]  # fmt: skip
HARMLESS = ["a=b", "1-2", "", "–", "P-017", "武汉", "'quoted", "<5", "≥ 3", "\u3000x"]


@pytest.mark.requirement("R-EXP-01")
@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_looks_like_a_formula_gets_an_apostrophe_as_cell_and_as_head(text):
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text
    rows = list(csv.reader(io.StringIO(written(pd.DataFrame({text: [text]})).decode("utf-8-sig"), newline="")))
    assert rows == [[f"'{text}"], [f"'{text}"]]


@pytest.mark.parametrize("text", HARMLESS)
def test_another_text_stays_as_it_is(text):
    assert safe_cell(text) == text == plain_cell(text)


@pytest.mark.parametrize("value", [-1, -1.5, None, True, pd.Timestamp("2026-03-02")])
def test_numbers_and_dates_stay_as_they_are(value):
    assert safe_cell(value) is value


def test_categories_and_heads_that_are_no_text_are_written_too():
    frame = pd.DataFrame({1: pd.Categorical(["=1", "a"]), "+": [1, 2]})
    assert written(frame).decode("utf-8-sig").splitlines() == ["1,'+", "'=1,1", "a,2"]


def test_a_site_that_looks_like_a_formula_comes_back_from_the_table_of_limits():
    site = "＝cmd Hospital"
    template = limit_template(TRIAL.eligibility, (site,)).decode("utf-8-sig")
    assert f"\r\n'{site}," in template
    head, first, *_rest = template.splitlines()
    cells = first.split(",")
    filled = ",".join([*cells[:3], "40", cells[4], "2026-01-01", "laboratory"])
    table = read_limits("limits.csv", f"{head}\n{filled}\n".encode(), TRIAL.eligibility)
    assert [limit.site for limit in table.limits] == [site], table.problems
