"""Results of a cohort to export: tables and a flow diagram, each with its stamp."""

import csv
import io
import json
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from support.frames import frame
from support.small_protocols import criterion, record_of
from support.trial import ELIGIBILITY

from protocol.eligibility import Tally
from protocol.eligibility.screening_record import interpretation_id, rule_hash
from protocol.eligibility.subgroups import SMALLEST, Grouping, exclusion_rates
from protocol.exchange.cohort.fhir_group import group
from protocol.exchange.cohort.results import Stamp, attrition, groups, screening_log, stamp
from protocol.exchange.documents.flow import flow_diagram
from protocol.exchange.documents.open_questions import questions_page
from protocol.records import Ambiguity, ProtocolError
from protocol.version import __version__

RULES = [criterion(1, "p", "inclusion"), criterion(2, "x > 30"), criterion(3, "not p", mirrors="I1")]
RECORD_OF_THREE = record_of(RULES)
PEOPLE = [
    {"p": True, "x": 10.0},
    {"p": False, "x": 40.0},
    {"p": True},
    {"p": False, "x": 1.0},
]
UNDER = stamp(RECORD_OF_THREE, "Ib", date(2026, 11, 20), "NCT05672420")
SVG = "{http://www.w3.org/2000/svg}"


def counted(off: tuple[str, ...] = ()) -> Tally:
    return RECORD_OF_THREE.screen_cohort(frame(PEOPLE)).tally(off)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_a_stamp_says_under_which_readings_rules_version_and_day() -> None:
    wide = ELIGIBILITY.with_parameters(bmi_max_kg_m2=35.0)
    one, other = (stamp(record, "II", date(2026, 11, 20), "NCT05672420") for record in (ELIGIBILITY, wide))
    assert (one.rule_hash, one.software) == (other.rule_hash, __version__)
    assert one.rule_hash == rule_hash(ELIGIBILITY)
    assert one.interpretation_id == interpretation_id(ELIGIBILITY) != other.interpretation_id


def test_the_screening_log_has_a_line_per_participant_and_its_stamp_on_each() -> None:
    log = rows(screening_log(RECORD_OF_THREE.screen_cohort(frame(PEOPLE)), UNDER, counted()))
    assert [row["Answer"] for row in log] == ["eligible so far", "not eligible", "possibly eligible", "not eligible"]
    assert [row["Excludes"] for row in log] == ["", "I1 E2 E3", "", "I1 E3"]
    assert [row["Unknown"] for row in log] == ["", "", "E2", ""]
    assert {row["Rules"] for row in log} == {UNDER.rule_hash}
    assert {row["As of"] for row in log} == {"2026-11-20"}


def test_what_is_switched_off_is_in_no_answer_of_the_log() -> None:
    log = rows(screening_log(RECORD_OF_THREE.screen_cohort(frame(PEOPLE)), UNDER, counted(("I1",))))
    assert [row["Excludes"] for row in log] == ["", "E2", "", ""]
    assert [row["Answer"] for row in log][3] == "eligible so far"


def test_an_id_that_would_be_a_formula_is_text_in_the_log() -> None:
    people = frame(PEOPLE).with_columns(participant_id=__import__("polars").Series(["=1+1", "@b", "c", "d"]))
    log = rows(screening_log(RECORD_OF_THREE.screen_cohort(people), UNDER, counted()))
    assert [row["Participant"] for row in log] == ["'=1+1", "'@b", "c", "d"]


def test_attrition_loses_everybody_once_and_ends_where_the_funnel_ends() -> None:
    table = rows(attrition(counted(), "most", UNDER))
    assert [row["Criterion"] for row in table] == ["all participants", "I1", "E2"]
    assert [row["Not excluded so far"] for row in table] == ["4", "2", "2"]
    assert sum(int(row["First excluded here"]) for row in table[1:]) == 2
    assert sum(float(row["Share of the exclusions"]) for row in table[1:]) == 2.0


def test_the_file_of_the_groups_hides_what_the_page_hides() -> None:
    people = [{"p": number >= 3} for number in range(60)]
    tally = RECORD_OF_THREE.screen_cohort(frame(people)).tally()
    rates = exclusion_rates(tally, Grouping(__import__("numpy").arange(60) % 2, ("A", "B")))
    table = rows(groups(rates, {}, UNDER))
    hidden = [row for row in table if row["Criterion"] == "I1"]
    assert [row["Excluded"] for row in hidden] == ["", ""]
    assert {row["Hidden"] for row in hidden} == {
        "hidden: a number from 1 to 9, or one that would give such a number away"
    }
    assert all(not 0 < float(row["Excluded"] or 0) < SMALLEST for row in table)


def test_the_flow_is_a_drawing_of_its_own_with_title_description_and_every_count() -> None:
    root = ET.fromstring(flow_diagram(counted(), "protocol", UNDER))
    assert root.tag == SVG + "svg"
    labelled = str(root.get("aria-labelledby")).split()
    assert [root.find(f".//*[@id='{name}']") is not None for name in labelled] == [True, True]
    texts = [text.text or "" for text in root.iter(SVG + "text")]
    for said in ("Screened: 4", "Excluded: 2", "Not excluded: 2", "✓ Eligible so far: 1", "? Possibly eligible: 1"):
        assert said in texts
    assert any(text.startswith("I1") and text.endswith(": 2") for text in texts)
    assert not any(text.startswith("E2") for text in texts)  # everybody it excludes was lost at I1 before
    assert UNDER.rule_hash in "".join(texts)
    assert {text.get("fill") for text in root.iter(SVG + "text")} == {"#111"}
    assert "http" not in flow_diagram(counted(), "protocol", UNDER).replace("http://www.w3.org/2000/svg", "")


def test_the_flow_escapes_what_others_wrote() -> None:
    nasty = Stamp("<script>alert(1)</script>", "Ib", date(2026, 1, 1), "a", "b", "c")
    assert "<script" not in flow_diagram(counted(), "protocol", nasty)
    ET.fromstring(flow_diagram(counted(), "protocol", nasty))


@pytest.mark.parametrize("off", [("I1", "E2"), ()])
def test_a_flow_is_drawn_whatever_is_switched_off(off: tuple[str, ...]) -> None:
    ET.fromstring(flow_diagram(counted(off), "most", UNDER))


def test_questions_say_how_many_participants_each_decides() -> None:
    entry = {"problem": "p", "default": "d", "concerns": ("I1",), "severity": "high"}
    asked = [Ambiguity(id="A01", question="first?", **entry), Ambiguity(id="A02", question="second?", **entry)]
    page = questions_page("NCT05672420", asked, date(2026, 11, 20), {"A02": 1234})
    assert "decides 1,234 participants" in page
    assert page.index("second?") < page.index("first?")
    assert "decides" not in questions_page("NCT05672420", asked, date(2026, 11, 20))


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.DataFrame.lazy, pl.DataFrame.to_arrow])
def test_a_group_is_written_of_a_cohort_from_any_frame(kind: Any) -> None:
    screening = ELIGIBILITY.screen_cohort(
        kind(pl.DataFrame({"participant_id": ["S-1", "S-2"], "bmi_kg_m2": [31.0, 22.0]}))
    )
    tally, under = screening.tally(), stamp(ELIGIBILITY, "Ib", date(2026, 11, 20), "NCT05672420")
    found = json.loads(group(screening, tally, under, "possibly eligible"))
    assert [one["entity"]["identifier"]["value"] for one in found["member"]] == ["S-2"]
    with pytest.raises(ProtocolError, match="write eligible so far or possibly eligible"):
        group(screening, tally, under, "ineligible")
