"""The sign of registered criteria: given by a heading, or undecided; never an inclusion by default."""

import json

import pytest
from support import paths

from protocol.exchange.registry import ctgov
from protocol.exchange.registry.criteria_text import plain_text, split_criteria
from protocol.trial import load_trial

RECORD = paths.VECTORS / "ctgov" / "NCT06171568.json"

EXCLUSION_HEADINGS = [
    "NON-INCLUSION CRITERIA :", "Non inclusion criteria:", "Exclusion Criteria: any of the following",
    "Exclusion Criteria for All Patients:", "Exclusion Criteria - Cohort B:", "Exclusion Criteria at screening",
    "Key exclusion criteria include:", "Exclusions:", "Ineligibility Criteria:", "Patients will be excluded if:",
    "排除标准：", "**Exclusion Criteria:**", "__Exclusion Criteria__", "## Exclusion Criteria", "EXCLUSION",
    "1. Exclusion Criteria", "* Exclusion Criteria:", "* Patients will be excluded if:", "Excluded:", "Not eligible:",
    "Participants with any of the following will not be eligible:", "Cohort A Exclusion Criteria:",
    "Subjects meeting any of the following criteria are not eligible for the study:", "Phase II - Exclusion",
    "Patients meeting any of the following criteria are not eligible for inclusion in this study:",
    "Criteria for exclusion:", "Reasons for exclusion", "Exclusion Criteria (Part 2):", "Exclusion Criteria\\:",
    "Healthy volunteers exclusion criteria", "Exclusion criteria (any of the following):", "Exclusion Criteria&#58;",
    "Patients who meet any of the following criteria will be excluded from the study:", "Exclusion Criteria.",
    "The following patients are excluded:", "主要排除标准", "二、排除标准：", "Critères de non-inclusion :",
    "Critères d'exclusion", "Criterios de exclusión:", "Ausschlusskriterien:", "除外基準", "제외기준",
    "Exclusion criteria are as follows:", "EXCLUSION CRITERIA FOR HEALTHY CONTROLS:", "Key Exclusion Criteria -",
    "Patients are not eligible for this study if they fulfill one or more of the following",
    "Subjects who meet any of the following are ineligible:", "Do not enroll patients who have:",
    "Major Exclusion Criteria (abbreviated)", "Exclusion Criteria Cohort 1 and 2", "Exclusion Criteria, Part A",
    "You may not participate if:", "You will be excluded from this study if you:",
]  # fmt: skip


@pytest.mark.parametrize("heading", EXCLUSION_HEADINGS)
def test_what_stands_below_a_heading_of_exclusions_is_an_exclusion(heading):
    found = split_criteria(f"Inclusion Criteria:\n\n* Adult\n\n{heading}\n\n* Pregnancy\n* HIV\n")
    assert [(item.id, item.wording) for item in found] == [("I1", "Adult"), ("E1", "Pregnancy"), ("E2", "HIV")]


@pytest.mark.parametrize(
    "heading",
    [
        "Inclusion Criteria", "INCLUSION CRITERIA:", "入选标准：", "纳入标准", "主要入组标准:",
        "Patients are eligible if:",
        "Key Inclusion Criteria (Cohort A):", "Criterios de inclusión:", "Einschlusskriterien",
        "Subjects eligible for enrollment must meet all of the following criteria:",
        "1. Inclusion criteria for part 2",
    ],
)  # fmt: skip
def test_what_stands_below_a_heading_of_inclusions_is_an_inclusion(heading):
    found = split_criteria(f"{heading}\n\n* Adult\n* Consent\n\nExclusion Criteria:\n\n* HIV\n")
    assert [(item.id, item.wording) for item in found] == [("I1", "Adult"), ("I2", "Consent"), ("E1", "HIV")]


@pytest.mark.parametrize(
    "text",
    [
        "* Adult\n* HIV",
        "Adult, no HIV",
        "Inclusion and Exclusion Criteria:\n\n* Adult\n* HIV",
        "Inclusion/Exclusion Criteria\n\n* Adult\n* HIV",
        "Eligibility Criteria:\n\n* Adult\n* HIV",
        "DISEASE CHARACTERISTICS:\n\n* AML\n\nPATIENT CHARACTERISTICS:\n\nAge:\n\n* 18 and over",
        "Inclusion Criteria:\n\nPatients must not have any of the following:\n\n* HIV\n* Pregnancy",
        "Withdrawal criteria:\n\n* HIV",
        "剔除标准：\n1、HIV",
        "Patients will not be excluded if:\n\n* HIV",
    ],
)
def test_without_a_heading_that_says_so_nothing_is_an_inclusion_or_an_exclusion(text):
    assert {item.kind for item in split_criteria(text)} == {"undecided"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Inclusion Criteria:\n* a\n\nExclusion Criteria:\n* b\n\nHealthy Controls:\n* c", "I1 a E1 b U1 c"),
        (("Inclusion Criteria:\n\nCohort A:\n* a\n\nCohort B:\n* b\n\n"
          "Exclusion Criteria:\n\nCohort A:\n* c\n\nCohort B\n* d"),
         "I1 a I2 b E1 c E2 d"),
        ("Cohort A:\n\nInclusion Criteria:\n* a\n\nExclusion Criteria:\n* b\n\nCohort B:\n\nInclusion Criteria:\n* c",
         "I1 a E1 b I2 c"),
        ("Inclusion Criteria:\n* a\n* Exclusion Criteria:\n   * b\n   * c\n* d", "I1 a E1 b E2 c U1 d"),
        ("Inclusion Criteria:\n* a\n* Exclusion: b\n* c", "I1 a E1 b U1 c"),
        ("Inclusion Criteria: 1. a 2. b Exclusion Criteria: 1. c 2. d", "I1 a I2 b E1 c E2 d"),
        ("Inclusion Criteria: a. Exclusion Criteria: b", "I1 a. E1 b"),
        ("纳入标准:1.a;2.b。排除标准:1.c;2.d", "I1 a; I2 b。 E1 c; E2 d"),
        ("入选标准：\n1、a；\n（2）b\n排除标准\n①c\n② d", "I1 a； I2 b E1 c E2 d"),
        ("Inclusion criteria\n1.1. a\n1.2. b\nExclusion criteria\n(1) c\n(2) d", "I1 a I2 b E1 c E2 d"),
        ("Exclusion Criteria:\n* does not meet the\n  inclusion criteria\n  of part A\n* b",
         "E1 does not meet the inclusion criteria of part A E2 b"),
        ("Exclusion Criteria:\n* a. Patients are eligible if 4 weeks passed\n* b",
         "E1 a. Patients are eligible if 4 weeks passed E2 b"),
        ("Inclusion Criteria:\n* a\n* Patients with HIV are excluded\n* b",
         "I1 a U1 Patients with HIV are excluded I2 b"),
        ("Inclusion Criteria:\n* a\n* must not meet any exclusion criteria: see below\n\nExclusion Criteria:\n* b",
         "I1 a U1 must not meet any exclusion criteria: see below E1 b"),
    ],
)  # fmt: skip
def test_groups_nesting_and_headings_in_a_line_keep_their_sign(text, expected):
    found = split_criteria(text)
    assert " ".join(f"{item.id} {' '.join(item.wording.split())}" for item in found) == expected


def test_the_group_of_persons_stands_in_the_title():
    found = split_criteria("Inclusion Criteria:\n* a\n\nExclusion Criteria - Cohort B:\n* b")
    assert [item.title for item in found] == ["Inclusion 1", "Exclusion 1 (Cohort B)"]


@pytest.mark.parametrize(
    ("registered", "shown"),
    [
        ("Bilirubin \\<= 1.5 \\* ULN", "Bilirubin <= 1.5 * ULN"),
        ("age \\> 18 &amp; BMI &lt; 30 &#8805;", "age > 18 & BMI < 30 ≥"),
        (
            "**must** be __known__, see [here](https://example.org/a)",
            "must be known, see here (https://example.org/a)",
        ),
        ("a<br>b <b>c</b>", "a\nb c"),
        ("\\&lt; 3 \\_x\\_ 2 < 3 > 1", "&lt; 3 _x_ 2 < 3 > 1"),
        ("C:\\data 5 * 3 * 2", "C:\\data 5 * 3 * 2"),
    ],
)
def test_markup_of_the_registry_is_not_shown(registered, shown):
    assert plain_text(registered) == shown
    assert split_criteria(f"Exclusion Criteria:\n\n* {registered}")[0].wording == shown


def drafted(folder, text):
    content = json.loads(RECORD.read_text(encoding="utf-8"))
    content["protocolSection"]["eligibilityModule"]["eligibilityCriteria"] = text
    ctgov.write_folder(ctgov.draft(json.dumps(content).encode()), folder)
    return load_trial(folder)


def test_an_undecided_criterion_is_asked_and_never_met(tmp_path):
    trial = drafted(
        tmp_path / "t", "Inclusion Criteria:\n* a\n\nInclusion and exclusion criteria for controls:\n* b\n* c"
    )
    record = trial.eligibility
    assert [criterion.id for criterion in record.criteria] == ["I1", "U1", "U2"]
    first = trial.ambiguities[0]
    assert (first.concerns, first.severity) == (("U1", "U2"), "high")
    assert "Inclusion and exclusion criteria for controls" in first.problem
    assert record.criteria[1].ambiguities == (first.id,)
    for answer in (True, False, None):
        facts = {"inclusion_1": True} | ({} if answer is None else {"undecided_1": answer, "undecided_2": answer})
        screening = record.screen(facts, phase=record.phases[0])
        assert [verdict.status for verdict in screening.verdicts] == ["passes", "unknown", "unknown"]
        assert screening.overall == "possibly eligible"


def test_an_undecided_criterion_goes_out_as_one_and_comes_back_as_one(tmp_path):
    trial = drafted(tmp_path / "t", "* a \\> 1\n* b")
    out = ctgov.export(trial)
    assert out["protocolSection"]["eligibilityModule"]["eligibilityCriteria"] == "* a \\> 1\n* b"
    facts = tuple(fact for fact in trial.identity.facts if fact.id != "criteria_text")
    bare = trial.model_copy(update={"identity": trial.identity.model_copy(update={"facts": facts})})
    text = ctgov.export(bare)["protocolSection"]["eligibilityModule"]["eligibilityCriteria"]
    assert [(item.id, item.wording) for item in split_criteria(text)] == [("U1", "a > 1"), ("U2", "b")]


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("符合下列条件者可入组：\n1.年龄\n有下列情况之一者不能入选：\n1.妊娠\n", "I E"),
        ("入选条件\n1.年龄\n不宜入选条件\n1.妊娠\n禁忌：\n1.过敏\n", "I E E"),
        ("入选标准：\n1.年龄\n以下患者不予纳入：\n1.妊娠\n", "I E"),
        ("病例入选标准：年龄≥18。病例排除标准：妊娠。", "I E"),
        ("未治疗患者入选标准：\n1.年龄\n未治疗患者排除标准：\n1.妊娠\n", "I E"),
        ("排除标准：\n1. 妊娠\n2. 研究者认为不宜入组者\n3. 不符合入选标准者\n4. HIV\n", "E E E E"),
        ("Inclusion Criteria:\n- A\nPrecluding conditions:\n- C\n", "I E"),
    ],
)
def test_chinese_and_rare_words_of_exclusion_are_read(text, signs):
    assert [item.id[0] for item in split_criteria(text)] == signs.split()


@pytest.mark.parametrize("heading", ["Exlusion Criteria:", "Exculsion Criteria", "Excluson criteria:"])
def test_a_heading_with_a_slip_of_the_pen_is_no_topic_of_the_inclusions(heading):
    found = split_criteria(f"Inclusion Criteria:\n- A\n\n{heading}\n- C\n")
    assert [(item.id, item.wording) for item in found] == [("I1", "A"), ("U1", "C")]


@pytest.mark.parametrize("heading", ["Exceptions:", "Restrictions:", "Prohibited:"])
def test_what_an_inclusion_list_denies_below_a_subheading_is_undecided(heading):
    found = split_criteria(f"Inclusion Criteria:\n- A\n{heading}\n- C\n")
    assert [item.id for item in found] == ["I1", "U1"]


def test_an_item_that_speaks_of_the_other_list_is_a_criterion_and_no_heading():
    text = "Inclusion Criteria:\n- A\nExclusion Criteria:\n- Does not meet inclusion criteria\n- C\n"
    found = [(item.id, item.wording) for item in split_criteria(text)]
    assert found == [("I1", "A"), ("E1", "Does not meet inclusion criteria"), ("E2", "C")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Inclusion Criteria\n-------\n- A\n- B\n* * *\nExclusion Criteria\n=====\n- C\n",
            ["I1 A", "I2 B", "E1 C"],
        ),
        (
            "<b>Inclusion Criteria:</b><ul><li>A</li><li>B</li></ul><b>Exclusion Criteria:</b><ol><li>C</li></ol>",
            ["I1 A", "I2 B", "E1 C"],
        ),
        ("Inclusion Criteria:\tExclusion Criteria:\nA\tC\n", ["U1 A\tC"]),
        ("Inclusion Criteria:\n* A\n  Exclusion:\n  * C\n* B\n", ["I1 A", "E1 C", "U1 B"]),
    ],
)
def test_drawn_lines_html_lists_columns_and_lists_in_lists_are_taken_apart(text, expected):
    assert [f"{item.id} {item.wording}" for item in split_criteria(text)] == expected
