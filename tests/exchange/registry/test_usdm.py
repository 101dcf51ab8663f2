"""USDM studies: read with every window in days; the trial's own export follows the schema and the reference rules."""

import importlib.util
import json
import os
from collections import Counter
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st
from support import paths
from support.trial import TRIAL

from protocol.exchange.foreign_json import Place
from protocol.exchange.registry import ctgov, usdm
from protocol.exchange.registry.usdm import duration_days
from protocol.followup import FollowupRecord, duration
from protocol.records import ProtocolError
from protocol.trial import load_trial

VECTORS = paths.VECTORS / "usdm"
STUDIES = sorted(VECTORS.glob("*_NCT*.json"))
EXPORTED = usdm.export(TRIAL)
VERSION = EXPORTED["study"]["versions"][0]
DESIGN = VERSION["studyDesigns"][0]

# study, timing, planned days from what it hangs on, window in days before and after, first and last day from the
# fixed reference; read off the files by hand. The labels of the visits say the same: "-42 to -9" for the first.
WINDOWS = [
    ("Alexion", "TIM1", -42, 0, 33, -42, -9),
    ("Alexion", "TIM52", 53, 2, 2, 51, 55),
    ("EliLilly", "TIMING_1", -28, 0, 26, -29, -3),
    ("EliLilly", "TIMING_8", 3, 0, 11, 3, 14),
    ("EliLilly", "TIMING_14", 28, 2, 2, 30, 34),
]


def read(content):
    return usdm.study(json.dumps(content).encode())


def small(timings, instances=("a", "b", "c")):
    """A study with one timeline; a timing is (instance, relative to, direction, value, lower, upper)."""
    names = (
        "relativeFromScheduledInstanceId",
        "relativeToScheduledInstanceId",
        "type",
        "value",
        "windowLower",
        "windowUpper",
    )
    made = [{"name": f"T{number}", **dict(zip(names, timing, strict=False))} for number, timing in enumerate(timings)]
    for timing in made:
        timing["type"] = {"decode": timing["type"]}
    line = {"name": "Main", "instances": [{"id": one, "name": one} for one in instances], "timings": made}
    design = {"scheduleTimelines": [line]}
    return read({"usdmVersion": "4.0.0", "study": {"versions": [{"studyDesigns": [design]}]}})


ANCHOR = ("a", None, "Fixed Reference", "P1D")


def test_every_window_of_the_real_studies_is_listed_with_its_days():
    found = []
    for path in STUDIES:
        frame = usdm.schedule(usdm.study(path.read_bytes(), path.name))
        columns = ["timing", "target_days", "before_days", "after_days", "opens_days", "closes_days"]
        windows = frame[frame["form"] != ""]
        assert set(windows["form"]) == {"relative"}
        found += [(path.stem.partition("_")[0], *row) for row in windows[columns].itertuples(index=False)]
    assert found == WINDOWS


def test_a_window_that_stands_in_a_label_only_is_not_invented_but_noted():
    frame = usdm.schedule(usdm.study(STUDIES[0].read_bytes()))
    noted = frame[frame["note"] != ""]
    assert noted[["timing", "note"]].to_numpy().tolist() == [
        ["TIM53", "the window stands in the label only: 3..3 minutes"]
    ]
    assert noted["target_days"].item() == pytest.approx(-30 / 1440)


def test_every_timing_of_the_real_studies_finds_its_fixed_reference():
    counts = {path.stem: len(usdm.schedule(usdm.study(path.read_bytes()))) for path in STUDIES}
    assert list(counts.values()) == [66, 35]
    for path in STUDIES:
        assert usdm.schedule(usdm.study(path.read_bytes()))["elapsed_days"].notna().all()


def test_the_criteria_of_the_real_studies_come_whole():
    for path, inclusion, exclusion in zip(STUDIES, (12, 10), (19, 26), strict=True):
        root = usdm.study(path.read_bytes())
        frame = usdm.criteria(root)
        assert frame["kind"].value_counts().to_dict() == {"inclusion": inclusion, "exclusion": exclusion}
        texts = {item["text"] for item in root.value["study"]["versions"][0]["eligibilityCriterionItems"]}
        assert set(frame["text"]) == texts
        assert not frame["plain"].str.contains(r"</?(?:p|li|ul|ol|usdm)\b|&\w+;").any()
    alexion = usdm.criteria(usdm.study(STUDIES[0].read_bytes()))
    assert alexion["plain"][0] == "Participants aged ≥ [min_age] at the time of signing the ICF."


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_whole_file_says_the_same_as_its_extract(path):
    folder = Path(os.environ.get("USDM_STUDIES", VECTORS))
    if folder == VECTORS or not (folder / path.name).exists():
        pytest.skip(f"the whole studies are not in the repository; USDM_STUDIES names a folder with {path.name}")
    whole = (folder / path.name).read_bytes()
    specification = importlib.util.spec_from_file_location("extract", VECTORS / "extract.py")
    extract = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(extract)
    assert extract.cut(json.loads(whole)) == json.loads(path.read_bytes())
    full, cut = usdm.study(whole), usdm.study(path.read_bytes())
    pd.testing.assert_frame_equal(usdm.schedule(full), usdm.schedule(cut))
    pd.testing.assert_frame_equal(usdm.criteria(full), usdm.criteria(cut))


@pytest.mark.parametrize(
    ("value", "lower", "upper", "bounds", "expected"),
    [
        ("P14D", "P2D", "P1D", "around", (2, 1, "relative")),
        ("P2W", "P2D", "P1D", "around", (2, 1, "relative")),
        ("P14D", "-P2D", "P1D", "around", (2, 1, "negative")),
        ("P14D", "-P0D", "P1D", "around", (0, 1, "negative")),
        ("P14D", "-P2D", "-P1D", "around", (2, -1, "negative")),
        ("P14D", "P12D", "P15D", "from the start", (2, 1, "absolute")),
        ("P14D", "P14D", "P14D", "from the start", (0, 0, "absolute")),
        ("PT36H", "PT12H", "PT6H", "around", (0.5, 0.25, "relative")),
    ],
)
def test_negative_absolute_and_relative_windows_are_told_apart(value, lower, upper, bounds, expected):
    frame = usdm.schedule(small([ANCHOR, ("b", "a", "After", value, lower, upper)]), bounds)
    assert tuple(frame.loc[1, ["before_days", "after_days", "form"]]) == expected


def test_an_absolute_window_before_the_anchor_is_turned_round():
    frame = usdm.schedule(small([ANCHOR, ("b", "a", "Before", "P14D", "P12D", "P15D")]), "from the start")
    assert tuple(frame.loc[1, ["opens_days", "elapsed_days", "closes_days"]]) == (-15, -14, -12)


def test_a_window_that_could_be_meant_from_the_start_is_noted_and_not_guessed():
    frame = usdm.schedule(small([ANCHOR, ("b", "a", "After", "P14D", "P12D", "P15D")]))
    assert tuple(frame.loc[1, ["before_days", "after_days", "form"]]) == (12, 15, "relative")
    assert frame.loc[1, "note"] == "could also be meant from the start"


def test_a_month_has_no_fixed_number_of_days():
    frame = usdm.schedule(small([ANCHOR, ("b", "a", "After", "P3M", "P7D", "P7D"), ("c", "b", "After", "P1D")]))
    assert frame["elapsed_days"].isna().tolist() == [False, True, True]
    assert frame.loc[1, "value"] == "P3M"
    assert frame.loc[1, "before_days"] == 7


@pytest.mark.parametrize(
    ("timings", "place", "found"),
    [
        ([("b", "z", "After", "P1D")], "timings[1].relativeToScheduledInstanceId", "'z'"),
        ([("z", "a", "After", "P1D")], "timings[1].relativeFromScheduledInstanceId", "'z'"),
        ([("b", None, "After", "P1D")], "timings[1].relativeToScheduledInstanceId", "None"),
        ([("b", "c", "After", "P1D"), ("c", "b", "After", "P1D")], "timings[1]", "b → c → b"),
        ([("b", "b", "After", "P1D")], "timings[1]", "b → b"),
        ([ANCHOR, ("b", "a", "After", "3 days")], "timings[2].value", "'3 days'"),
        ([ANCHOR, ("b", "a", "After", "P")], "timings[2].value", "'P'"),
        ([ANCHOR, ("b", "a", "After", "P1D", "P1D")], "timings[2].windowUpper", "half a window"),
        ([ANCHOR, ("b", "a", "After", "P1D", None, "P1D")], "timings[2].windowLower", "half a window"),
        ([ANCHOR, ("b", "a", "After", "P1D", "-P1D", "-P2D")], "timings[2].windowLower", "ends before it begins"),
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_read_names_the_timing(timings, place, found):
    with pytest.raises(ProtocolError) as refused:
        usdm.schedule(small(timings))
    assert refused.value.where.endswith(place)
    assert found in refused.value.found


def test_bounds_from_the_start_must_hold_the_planned_time():
    with pytest.raises(ProtocolError, match="P2D to P2D around P14D"):
        usdm.schedule(small([ANCHOR, ("b", "a", "After", "P14D", "P2D", "P2D")]), "from the start")


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        (STUDIES[0].read_bytes()[:90_000], "study, line 1", "not JSON"),
        (b"[" * 5_000_000, "study", "levels of nesting"),
        (b"[]", "study, root", "list"),
        (b"{}", "study, usdmVersion", "None"),
        (b'{"usdmVersion": "1.9"}', "study, usdmVersion", "1.9"),
        (b'{"usdmVersion": "4.0.0", "study": {}}', "study, study.versions", "no study design"),
        (b'{"usdmVersion": "4.0.0", "study": []}', "study", "[]"),
    ],
)
def test_what_is_no_study_is_refused_with_its_place(content, place, found):
    with pytest.raises(ProtocolError) as refused:
        usdm.study(content)
    assert refused.value.where.startswith(place)
    assert found in refused.value.found


def test_a_criterion_without_its_text_is_refused():
    content = json.loads(STUDIES[0].read_bytes())
    content["study"]["versions"][0]["eligibilityCriterionItems"].pop()
    with pytest.raises(ProtocolError, match="criterionItemId"):
        usdm.criteria(read(content))


@given(st.lists(st.integers(0, 400), min_size=4, max_size=4).filter(any), st.sampled_from(["", "-"]))
def test_days_agree_with_the_calendar(numbers, sign):
    weeks, spare, hours, minutes = numbers
    text = f"{sign}P{weeks}W{spare}DT{hours}H{minutes}M"
    expected = relativedelta(weeks=weeks, days=spare, hours=hours, minutes=minutes)
    total = expected.days + expected.hours / 24 + expected.minutes / 1440
    assert duration_days(Place("x", text)) == pytest.approx(-total if sign else total)


def pieces(content):
    if isinstance(content, dict):
        if "instanceType" in content:
            yield content
        for value in content.values():
            yield from pieces(value)
    elif isinstance(content, list):
        for value in content:
            yield from pieces(value)


def of(kind, content=None):
    return [piece for piece in pieces(content or EXPORTED) if piece["instanceType"] == kind]


def test_the_export_is_valid_by_the_schema_and_a_broken_one_is_not():
    schema = json.loads((VECTORS / "usdm-4-0-schema.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in check.iter_errors(EXPORTED)] == []
    broken = deepcopy(EXPORTED)
    del broken["study"]["versions"][0]["rationale"]
    assert list(check.iter_errors(broken))


def test_the_same_trial_gives_the_same_file():
    assert json.dumps(usdm.export(TRIAL)) == json.dumps(EXPORTED)


def test_ids_are_unique_and_every_reference_leads_to_one():
    ids = Counter(piece["id"] for piece in pieces(EXPORTED))
    assert max(ids.values()) == 1
    for piece in pieces(EXPORTED):
        for key, value in piece.items():
            if key.endswith(("Id", "Ids")) and value:
                assert set(value if isinstance(value, list) else [value]) <= set(ids), (piece["id"], key)


def test_names_are_unique_among_siblings():
    for piece in pieces(EXPORTED):
        for value in piece.values():
            if isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
                names = [one["name"] for one in value]
                assert len(set(names)) == len(names), names


def test_durations_have_no_sign_and_windows_are_whole_and_never_at_an_anchor():
    for timing in of("Timing"):
        window = [timing[key] for key in ("windowLower", "windowUpper", "windowLabel")]
        assert all(window) or not any(window)
        for text in (timing["value"], *(window[:2] if any(window) else [])):
            assert text.startswith("P")
            duration(text)
        if timing["type"]["decode"] == "Fixed Reference":
            assert not any(window)
            assert timing["relativeToScheduledInstanceId"] is None
            assert timing["relativeToFrom"]["decode"] == "Start to Start"
        else:
            assert timing["relativeToScheduledInstanceId"] not in (None, timing["relativeFromScheduledInstanceId"])


def test_a_timeline_has_anchors_an_exit_and_one_way_through_all_its_instances():
    assert [line["mainTimeline"] for line in DESIGN["scheduleTimelines"]] == [True, False, False]
    for line in DESIGN["scheduleTimelines"]:
        inside = {one["id"]: one for one in line["instances"]}
        fixed = [one for one in line["timings"] if one["type"]["decode"] == "Fixed Reference"]
        assert [one["name"] for one in fixed] == [anchor.id for anchor in TRIAL.followup.anchors]
        for timing in line["timings"]:
            ends = (timing["relativeFromScheduledInstanceId"], timing["relativeToScheduledInstanceId"])
            assert {end for end in ends if end} <= set(inside)
        way = [line["entryId"]]
        while following := inside[way[-1]]["defaultConditionId"]:
            way.append(following)
        assert way == list(inside)
        assert [bool(one["timelineExitId"]) for one in line["instances"]] == [False] * (len(way) - 1) + [True]
        assert inside[way[-1]]["timelineExitId"] == line["exits"][0]["id"]
        assert line["plannedDuration"]


@pytest.mark.parametrize(("many", "key"), [("epochs", "epochId"), ("encounters", "encounterId")])
def test_epochs_and_encounters_follow_each_other_as_the_instances_do(many, key):
    order = [piece["id"] for piece in DESIGN[many]]
    for before, after in pairwise(DESIGN[many]):
        assert (before["nextId"], after["previousId"]) == (after["id"], before["id"])
    used = set()
    for line in DESIGN["scheduleTimelines"]:
        places = [order.index(one[key]) for one in line["instances"] if one[key]]
        assert places == sorted(places)
        used |= {one[key] for one in line["instances"] if one[key]}
    assert used == set(order)


def test_every_arm_and_epoch_has_one_cell_and_every_element_its_use():
    cells = [(cell["armId"], cell["epochId"]) for cell in DESIGN["studyCells"]]
    assert sorted(cells) == sorted((arm["id"], epoch["id"]) for arm in DESIGN["arms"] for epoch in DESIGN["epochs"])
    assert {name for cell in DESIGN["studyCells"] for name in cell["elementIds"]} == {
        element["id"] for element in DESIGN["elements"]
    }


def test_there_is_one_sponsor_with_one_identifier_and_one_title_of_each_type():
    (role,) = [role for role in VERSION["roles"] if role["code"]["decode"] == "Sponsor"]
    (sponsor,) = role["organizationIds"]
    assert role["appliesToIds"] == [VERSION["id"]]
    assert sum(one["scopeId"] == sponsor for one in VERSION["studyIdentifiers"]) == 1
    types = [title["type"]["decode"] for title in VERSION["titles"]]
    assert sorted(types) == ["Brief Study Title", "Official Study Title"]


def test_one_primary_objective_holds_the_primary_endpoint():
    (objective,) = [one for one in DESIGN["objectives"] if one["level"]["decode"] == "Primary Objective"]
    assert "Primary Endpoint" in {endpoint["level"]["decode"] for endpoint in objective["endpoints"]}


def test_the_population_has_two_sexes_an_age_range_and_every_criterion_once():
    population = DESIGN["population"]
    assert sorted(sex["decode"] for sex in population["plannedSex"]) == ["Female", "Male"]
    assert [population["plannedAge"][end]["value"] for end in ("minValue", "maxValue")] == [18, 75]
    assert population["plannedEnrollmentNumber"]["value"] == 181
    assert population["plannedEnrollmentNumber"]["unit"] is None
    assert population["criterionIds"] == [criterion["id"] for criterion in DESIGN["eligibilityCriteria"]]
    assert {one["criterionItemId"] for one in DESIGN["eligibilityCriteria"]} == {
        item["id"] for item in VERSION["eligibilityCriterionItems"]
    }


def test_one_code_has_one_meaning_except_where_cdisc_gives_it_two():
    meanings = {}
    for code in of("Code"):
        meanings.setdefault(code["code"], set()).add(code["decode"])
    assert {code: words for code, words in meanings.items() if len(words) > 1} == {
        "C70793": {"Sponsor", "Clinical Study Sponsor"}
    }


def test_assumptions_leave_as_assumptions():
    timings = {timing["name"]: timing["description"] for timing in of("Timing")}
    for visit in TRIAL.followup.all_visits:
        assert timings[visit.id].startswith("Assumption: " if visit.is_assumption else "Source: registry: ")


def expected(record):
    """The schedule as the record has it."""
    rows = []
    for level in record.frequencies:
        for visit in record.visits_at(level.level):
            back = visit.offset.startswith("-")
            rows.append((f"Frequency {level.level}", visit.id, record.parent(visit, level.level),
                         "Before" if back else "After", visit.offset.removeprefix("-"),
                         float(duration(visit.window.before).days),
                         float(duration(visit.window.after).days)))  # fmt: skip
    return rows


def came_back(record):
    frame = usdm.schedule(read(usdm.export(TRIAL.model_copy(update={"followup": record}))))
    frame = frame[frame["direction"] != "Fixed Reference"]
    columns = ["timeline", "timing", "relative_to", "direction", "value", "before_days", "after_days"]
    return list(frame[columns].itertuples(index=False, name=None))


def test_the_schedule_and_the_criteria_come_back_as_they_went():
    assert came_back(TRIAL.followup) == expected(TRIAL.followup)
    frame = usdm.criteria(read(EXPORTED))
    assert frame["identifier"].tolist() == [criterion.id for criterion in TRIAL.eligibility.criteria]
    assert frame["id"].tolist() == frame["identifier"].tolist()
    for criterion, plain in zip(TRIAL.eligibility.criteria, frame["plain"], strict=True):
        assert plain.split("\n")[0] == " ".join(criterion.wording.split())


@st.composite
def places(draw):
    """Draw an offset and a window that does not reach over the day it is counted from."""
    number, unit, sign = draw(st.integers(0, 60)), draw(st.sampled_from("DWM")), draw(st.sampled_from(["", "-"]))
    gap = number * {"D": 1, "W": 7, "M": 28}[unit]
    towards, away = draw(st.integers(0, min(gap, 30))), draw(st.integers(0, 30))
    before, after = (away, towards) if sign else (towards, away)
    return f"{sign}P{number}{unit}", {"before": f"P{before}D", "after": f"P{after}D"}


@pytest.mark.slow
@settings(max_examples=40)
@given(st.data())
def test_any_schedule_comes_back_as_it_went(data):
    content = TRIAL.followup.model_dump()
    for visit in content["visits"]:
        visit["offset"], window = data.draw(places())
        visit["window"] |= window
    record = FollowupRecord.model_validate(content)
    assert came_back(record) == expected(record)


def test_a_trial_the_export_has_no_design_for_is_refused():
    identity = TRIAL.identity
    with pytest.raises(ProtocolError, match="2 arms"):
        usdm.export(TRIAL.model_copy(update={"identity": identity.model_copy(update={"arms": identity.arms * 2})}))
    facts = tuple(fact for fact in identity.facts if fact.id != "study_type")
    with pytest.raises(ProtocolError, match="study_type"):
        usdm.export(TRIAL.model_copy(update={"identity": identity.model_copy(update={"facts": facts})}))


RECORD = {
    "identificationModule": {
        "nctId": "NCT99999999", "briefTitle": "Brief", "officialTitle": "Official", "acronym": "ACRO",
        "orgStudyIdInfo": {"id": "SP-1"},
    },
    "statusModule": {"overallStatus": "TERMINATED", "whyStopped": "Slow accrual"},
    "designModule": {
        "studyType": "INTERVENTIONAL", "phases": ["PHASE1", "PHASE2"],
        "enrollmentInfo": {"count": 60, "type": "ESTIMATED"},
        "designInfo": {
            "allocation": "RANDOMIZED", "interventionModel": "PARALLEL", "primaryPurpose": "PREVENTION",
            "maskingInfo": {"masking": "DOUBLE", "whoMasked": ["PARTICIPANT", "INVESTIGATOR"]},
        },
    },
    "armsInterventionsModule": {
        "armGroups": [{"label": "A", "type": "PLACEBO_COMPARATOR", "interventionNames": ["Device: D"]}],
        "interventions": [{"type": "DEVICE", "name": "D", "armGroupLabels": ["A"]}],
    },
    "eligibilityModule": {
        "eligibilityCriteria": "Inclusion Criteria:\n* a", "sex": "FEMALE", "minimumAge": "18 Years",
    },
    "contactsLocationsModule": {"locations": [{"facility": "H", "city": "Lyon", "country": "France"}]},
}  # fmt: skip


def exported(folder, **changes):
    """The USDM study of a record of ClinicalTrials.gov whose modules are changed."""
    content = deepcopy(RECORD)
    for module, update in changes.items():
        content[module] = content[module] | update
    ctgov.write_folder(ctgov.draft(json.dumps({"protocolSection": content}).encode()), folder)
    out = usdm.export(load_trial(folder))
    schema = json.loads((VECTORS / "usdm-4-0-schema.json").read_text(encoding="utf-8"))
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(out)] == []
    version = out["study"]["versions"][0]
    return version, version["studyDesigns"][0]


def decode(code):
    return code["standardCode"]["decode"] if "standardCode" in code else code["decode"]


def test_design_arm_and_intervention_leave_with_the_terms_of_the_record(tmp_path):
    version, design = exported(tmp_path / "t")
    assert decode(design["blindingSchema"]) == "Double Blind Study"
    assert [decode(one) for one in design["characteristics"]] == ["Randomized"]
    assert [decode(one) for one in design["intentTypes"]] == ["Prevention Study"]
    assert decode(design["model"]) == "Parallel Study"
    assert "Who is masked: Participant, Investigator" in design["description"]
    assert "Why stopped: Slow accrual" in design["description"]
    assert decode(design["arms"][0]["type"]) == "Placebo Control Arm"
    (device,) = version["studyInterventions"]
    assert (decode(device["type"]), decode(device["role"])) == ("Medical Device", "Placebo")
    titles = {decode(title["type"]): title["text"] for title in version["titles"]}
    assert titles == {"Official Study Title": "Official", "Brief Study Title": "Brief", "Study Acronym": "ACRO"}
    assert [one["text"] for one in version["studyIdentifiers"]] == ["NCT99999999", "SP-1"]
    assert version["organizations"][2]["managedSites"][0]["country"]["code"] == "FRA"


@pytest.mark.parametrize(
    ("phases", "term"),
    [
        (["EARLY_PHASE1"], "Phase 0 Trial"), (["PHASE1"], "Phase I Trial"),
        (["PHASE1", "PHASE2"], "Phase I/II Trial"),
        (["PHASE1|PHASE2"], "Phase I/II Trial"), (["PHASE2", "PHASE3"], "Phase II/III Trial"),
        (["PHASE4"], "Phase IV Trial"), (["NA"], "Not Applicable"), ([], None), (["PHASE1", "PHASE4"], None),
    ],
)  # fmt: skip
def test_every_phase_has_its_own_term_and_none_is_invented(phases, term, tmp_path):
    _version, design = exported(tmp_path / "t", designModule={"phases": phases})
    assert (decode(design["studyPhase"]) if design["studyPhase"] else None) == term


@pytest.mark.parametrize(
    ("youngest", "oldest", "expected", "said"),
    [
        ("18 Years", "75 Years", [(18, "Year"), (75, "Year")], None),
        ("6 Months", "5 Years", [(6, "Month"), (5, "Year")], None),
        ("1 Day", "28 Days", [(1, "Day"), (28, "Day")], None),
        ("37 Weeks", "42 Weeks", [(37, "Week"), (42, "Week")], None),
        ("18 Years", None, None, "Eligible ages: 18 Years - no limit"),
        (None, "17 Years", None, "Eligible ages: no limit - 17 Years"),
        ("N/A", "17 Years", None, "Eligible ages: no limit - 17 Years"),
        (None, None, None, "Eligible ages: not stated"),
    ],
)
def test_ages_leave_in_their_own_units_and_a_limit_that_is_absent_is_not_invented(
    youngest, oldest, expected, said, tmp_path
):
    ages = {"minimumAge": youngest, "maximumAge": oldest}
    _version, design = exported(tmp_path / "t", eligibilityModule=ages)
    population, found = design["population"], design["population"]["plannedAge"]
    limits = found and [(found[end]["value"], decode(found[end]["unit"])) for end in ("minValue", "maxValue")]
    assert limits == expected
    assert (said in population["description"]) if said else "ages" not in (population["description"] or "")


def test_the_number_that_took_part_is_not_called_planned(tmp_path):
    _version, design = exported(tmp_path / "t", designModule={"enrollmentInfo": {"count": 194, "type": "ACTUAL"}})
    assert design["population"]["plannedEnrollmentNumber"] is None
    assert "Actual enrolment: 194" in design["population"]["description"]


def test_an_undecided_criterion_is_not_exported_as_one_of_the_two(tmp_path):
    with pytest.raises(ProtocolError, match="U1 undecided"):
        exported(tmp_path / "t", eligibilityModule={"eligibilityCriteria": "* a"})


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ({"code": "C25532", "decode": "Inclusion Criteria"}, "inclusion"), ({"code": "C25370"}, "exclusion"),
        ({"decode": "EXCLUSION"}, "exclusion"), ({"code": "C99", "decode": "Other"}, "undecided"),
        (None, "undecided"),
        ({"code": "C25532", "decode": "Exclusion Criteria"}, "undecided"),
    ],
)  # fmt: skip
def test_a_category_that_is_neither_is_undecided(category, kind):
    design = {"eligibilityCriteria": [{"criterionItemId": "i", "category": category}]}
    version = {"eligibilityCriterionItems": [{"id": "i", "text": "HIV"}], "studyDesigns": [design]}
    frame = usdm.criteria(read({"usdmVersion": "4.0.0", "study": {"versions": [version]}}))
    assert frame[["id", "kind"]].to_numpy().tolist() == [[f"{kind[0].upper()}1", kind]]


def changed(change) -> usdm.Place:
    root = json.loads(json.dumps(usdm.export(TRIAL)))
    version = root["study"]["versions"][0]
    timings = version["studyDesigns"][0]["scheduleTimelines"][0]["timings"]
    change(version, next(one for one in timings if one["type"]["decode"] != "Fixed Reference"))
    return usdm.study(json.dumps(root).encode())


def test_signs_of_comparison_in_a_criterion_are_no_tags():
    text = "<p>ANC < 1.5 and platelets > 100, <b>age</b> &lt; 75</p>"
    root = changed(lambda version, _timing: version["eligibilityCriterionItems"][0].update(text=text))
    assert usdm.criteria(root)["plain"][0] == "ANC < 1.5 and platelets > 100, age < 75"


def test_two_criterion_items_with_one_id_are_refused():
    def twice(version, _timing):
        version["eligibilityCriterionItems"].append(version["eligibilityCriterionItems"][0] | {"text": "another"})

    with pytest.raises(ProtocolError, match="a second time"):
        usdm.criteria(changed(twice))


@pytest.mark.parametrize("kind", [{"code": "C201357", "decode": ""}, {"code": "", "decode": "before"}])
def test_the_direction_of_a_timing_is_read_from_its_code_or_its_word(kind):
    frame = usdm.schedule(changed(lambda _version, timing: timing.update(type=kind, value="P7D")))
    assert (frame["target_days"] == -7).any()


@pytest.mark.parametrize("kind", [{"code": "", "decode": ""}, {"code": "C201357", "decode": "After"}])
def test_a_timing_that_does_not_say_its_direction_is_refused(kind):
    with pytest.raises(ProtocolError, match="Before or After or Fixed Reference"):
        usdm.schedule(changed(lambda _version, timing: timing.update(type=kind)))
