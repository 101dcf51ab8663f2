"""Invalid records: the error says where, what was found and what to write instead."""

import re
from pathlib import Path

import pytest

from protocol.conduct import event
from protocol.eligibility import Cases, EligibilityRecord
from protocol.records import ProtocolError, read_record

SMALL = """
phases = ["Ib", "II"]

[[facts]]
id = "bmi_kg_m2"
label = "Body mass index"
group = "Body"
type = "number"
unit = "kg/m2"
minimum = 8.0
maximum = 90.0
source = "registry: Exclusion 3"

[[facts]]
id = "diagnosis"
label = "Diagnosis"
group = "Disease"
type = "choice"
source = "registry: Inclusion 2"
options = { aml = "AML", all = "ALL" }

[[facts]]
id = "consent_signed"
label = "Consent signed"
group = "Consent"
type = "yes_no"
source = "registry: Inclusion 3"

[[parameters]]
id = "bmi_max_kg_m2"
label = "Highest body mass index allowed"
value = 30.0
minimum = 20.0
maximum = 45.0
source = "registry: Exclusion 3"
concerns = ["E3"]

[[criteria]]
id = "E3"
kind = "exclusion"
title = "Body mass index above {bmi_max_kg_m2}"
wording = "Body mass index (BMI) of more than 30 kg/m^2"
condition = "bmi_kg_m2 > bmi_max_kg_m2"
type = "objective"
confirm = "screening"
source = "registry: Exclusion 3"
"""
CASES = """
E3 = [
  { says = "30 is allowed", facts = { bmi_kg_m2 = 30.0 }, expect = "passes" },
  { says = "31 is not", facts = { bmi_kg_m2 = 31.0 }, expect = "excludes", phase = "II" },
  { says = "nothing is known", expect = "unknown" },
]
"""
CONDITION = 'condition = "bmi_kg_m2 > bmi_max_kg_m2"'


def subgroups(fact: str, *bands: tuple[float, str]) -> str:
    """Return phases and the subgroups of a fact by bands."""
    rows = ", ".join(f'{{ low = {low}, label = "{label}" }}' for low, label in bands)
    return f'phases = ["Ib"]\nsubgroups = [{{ fact = "{fact}", bands = [{rows}], assumption = "a" }}]'


def broken(tmp_path: Path, old: str, new: str) -> ProtocolError:
    """Return the error of the small record with its first `old` replaced."""
    assert old in SMALL
    return unreadable(tmp_path, SMALL.replace(old, new, 1).encode())


def unreadable(tmp_path: Path, content: bytes) -> ProtocolError:
    """Return the error of a file with this content."""
    path = tmp_path / "eligibility.toml"
    path.write_bytes(content)
    with pytest.raises(ProtocolError) as caught:
        read_record(path, EligibilityRecord)
    return caught.value


def test_the_small_record_itself_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "eligibility.toml"
    path.write_text(SMALL, encoding="utf-8")
    assert read_record(path, EligibilityRecord).screen({"bmi_kg_m2": 30.0})["E3"].status == "passes"


FACT, CRITERION, WHOLE = "eligibility.toml, facts[bmi_kg_m2]", "eligibility.toml, criteria[E3]", "eligibility.toml"
ORIGIN = 'source = "registry: Exclusion 3"'
PLACES = [
    # what is broken, what stands in the file, what it becomes; where, found, write (all or part of it)
    ("an unknown key", 'unit = "kg/m2"', 'unit = "kg/m2"\ncolour = "blue"', f"{FACT}.colour", "not known", "remove"),
    ("no origin", ORIGIN, "", FACT, "no origin", "exactly one: source = "),
    ("two origins", ORIGIN, ORIGIN + '\nassumption = "why"', FACT, "two origins, a source and an assumption",
     "exactly one: source = "),
    ("an origin of no kind", ORIGIN, 'source = "Exclusion 3"', f"{FACT}.source", "'Exclusion 3'", "registry"),
    ("a missing label", 'label = "Diagnosis"\n', "", "eligibility.toml, facts[diagnosis].label", "nothing", "key"),
    ("an unknown type", '"choice"', '"list"', "eligibility.toml, facts[diagnosis].type", "'list'", "'yes_no'"),
    ("a number without a unit", 'unit = "kg/m2"\n', "", FACT, "without unit", "all three"),
    ("a range in words", "minimum = 8.0", 'minimum = "low"', f"{FACT}.minimum", "'low'", "number"),
    ("a choice without options", 'options = { aml = "AML", all = "ALL" }\n', "", "eligibility.toml, facts[diagnosis]",
     "options and type", "options for type"),
    ("a duplicate fact", 'id = "diagnosis"', 'id = "bmi_kg_m2"', WHOLE, "duplicate fact or parameter id 'bmi_kg_m2'",
     "a different id"),
    ("a parameter named like a fact", 'id = "bmi_max_kg_m2"', 'id = "diagnosis"', WHOLE, "duplicate", "different id"),
    ("a threshold outside its range", "value = 30.0", "value = 50.0", "eligibility.toml, parameters[bmi_max_kg_m2]",
     "value 50.0 outside", "20.0 to 45.0"),
    ("a threshold in words", "value = 30.0", 'value = "thirty"', "eligibility.toml, parameters[bmi_max_kg_m2]",
     "not a number", "value, minimum and maximum"),
    ("an unknown kind", '"exclusion"', '"exclude"', f"{CRITERION}.kind", "'exclude'", "'inclusion' or 'exclusion'"),
    ("a title with an unknown threshold", "{bmi_max_kg_m2}", "{bmi_max}", WHOLE, "title of E3", "parameter"),
    ("cases among the criteria", CONDITION, f"{CONDITION}\ncases = []", f"{CRITERION}.cases", "not known", "remove"),
    ("a phase of no trial", CONDITION, f'{CONDITION}\nphases = ["III"]', WHOLE, "E3 names phase 'III'", "Ib or II"),
    ("no phase", 'phases = ["Ib", "II"]', "phases = []", f"{WHOLE}, phases", "[]", "at least 1"),
    ("a role of no fact", 'phases = ["Ib", "II"]', 'phases = ["Ib"]\nroles = { enrolment_day = "day" }', WHOLE,
     "role enrolment_day is 'day'", "the id of a date fact"),
    ("a role of another kind", 'phases = ["Ib", "II"]',
     'phases = ["Ib"]\nroles = { infusion_day = "consent_signed" }', WHOLE,
     "role infusion_day is 'consent_signed'", "the id of a date fact"),
    ("an id that is no criterion's", 'id = "E3"', 'id = "X3"', "eligibility.toml, criteria[X3].id", "'X3'",
     "I, E or D (before an infusion) and a number, such as E3"),
    ("a role that is none", 'phases = ["Ib", "II"]', 'phases = ["Ib"]\nroles = { birthday = "day" }',
     f"{WHOLE}, roles.birthday", "not known", "remove"),
    ("subgroups of no fact", 'phases = ["Ib", "II"]',
     'phases = ["Ib"]\nsubgroups = [{ fact = "bmi", assumption = "a" }]', WHOLE,
     "subgroup by 'bmi'", "the id of a choice or number fact"),
    ("subgroups of a yes_no fact", 'phases = ["Ib", "II"]',
     'phases = ["Ib"]\nsubgroups = [{ fact = "consent_signed", assumption = "a" }]', WHOLE,
     "subgroup by 'consent_signed'", "the id of a choice or number fact"),
    ("subgroups of a number without bands", 'phases = ["Ib", "II"]',
     'phases = ["Ib"]\nsubgroups = [{ fact = "bmi_kg_m2", assumption = "a" }]', WHOLE,
     "subgroup by bmi_kg_m2", "bands for a number fact"),
    ("bands of a choice", 'phases = ["Ib", "II"]',
     subgroups("diagnosis", (1, "a")), WHOLE,
     "subgroup by diagnosis", "none for a choice"),
    ("bands out of order", 'phases = ["Ib", "II"]',
     subgroups("bmi_kg_m2", (0, "a"), (0, "b")), WHOLE,
     "begin at [0.0, 0.0]", "ascending numbers"),
    ("bands above the lowest values", 'phases = ["Ib", "II"]',
     subgroups("bmi_kg_m2", (18.5, "a")), WHOLE,
     "begin at [18.5]", "no higher than 8"),
    ("two bands of one name", 'phases = ["Ib", "II"]',
     subgroups("bmi_kg_m2", (0, "a"), (30, "a")), WHOLE,
     "duplicate band of bmi_kg_m2 id 'a'", "a different id"),
    ("subgroups twice", 'phases = ["Ib", "II"]',
     'phases = ["Ib"]' + 2 * '\n[[subgroups]]\nfact = "diagnosis"\nassumption = "a"\n',
     WHOLE, "duplicate subgroup id 'diagnosis'", "a different id"),
    ("a mirror of nothing", CONDITION, f'{CONDITION}\nmirrors = "I3"', WHOLE, "E3 counts with 'I3', unknown", "id"),
    ("a mirror of itself", CONDITION, f'{CONDITION}\nmirrors = "E3"', WHOLE, "or not counted itself", "that counts"),
    ("a condition and parts", CONDITION, f'{CONDITION}\ncombine = "any"', CRITERION, "no single rule", "either"),
    ("a part without id", CONDITION, 'combine = "any"\nparts = [{ title = "a", wording = "a", condition = "True" }]',
     f"{CRITERION}.parts[1].id", "nothing", "required"),
    ("a part named like its criterion", CONDITION,
     'combine = "any"\nparts = [{ id = "E3", title = "a", wording = "a", condition = "True" }]',
     WHOLE, "duplicate criterion id 'E3'", "a different id"),
    ("a recency without its days", 'type = "yes_no"', 'type = "yes_no"\ndated_by = "day"',
     "eligibility.toml, facts[consent_signed]", "dated_by and valid_days belong together", "both or neither"),
    ("a recency of an unknown date", 'type = "yes_no"',
     'type = "yes_no"\ndated_by = "day"\nvalid_days = "days"', WHOLE,
     "fact consent_signed is dated by 'day'", "the id of a date fact"),
]  # fmt: skip


@pytest.mark.requirement("R-REC-04")
@pytest.mark.parametrize(
    ("old", "new", "where", "found", "write"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES]
)
def test_a_broken_record_names_the_place(
    tmp_path: Path, old: str, new: str, where: str, found: str, write: str
) -> None:
    error = broken(tmp_path, old, new)
    assert error.where == where
    assert found in error.found
    assert write in error.write


LAST_CASE = '  { says = "nothing is known", expect = "unknown" },\n'
CASES_FILE = "eligibility_cases.toml"
CASE_PLACES = [
    ("an unknown verdict", '"excludes"', '"failed"', f"{CASES_FILE}, E3[2].expect", "'failed'", "'excludes'"),
    ("no case that is unknown", LAST_CASE, "", f"{CASES_FILE}, E3", "no case for unknown", "[[E3]]"),
    ("no criterion", "E3 = [", "E4 = [", f"{CASES_FILE}, E4", "no criterion or part", "the id of"),
    ("an unknown fact", "{ bmi_kg_m2 = 31.0 }", "{ bmi = 31.0 }", f"{CASES_FILE}, E3", "names 'bmi'", "id of a fact"),
    ("an unknown phase", 'phase = "II"', 'phase = "III"', f"{CASES_FILE}, E3", "in phase 'III'", "Ib or II"),
    ("an unknown key", 'phase = "II"', 'part = "II"', f"{CASES_FILE}, E3[2].part", "not known", "remove"),
]


@pytest.mark.parametrize(
    ("old", "new", "where", "found", "write"), [row[1:] for row in CASE_PLACES], ids=[row[0] for row in CASE_PLACES]
)
def test_broken_cases_name_the_place(tmp_path: Path, old: str, new: str, where: str, found: str, write: str) -> None:
    assert old in CASES
    record, cases = tmp_path / "eligibility.toml", tmp_path / CASES_FILE
    record.write_text(SMALL, encoding="utf-8")
    cases.write_text(CASES, encoding="utf-8")
    assert len(read_record(record, EligibilityRecord).with_cases(read_record(cases, Cases)).cases["E3"]) == 3
    cases.write_text(CASES.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        read_record(record, EligibilityRecord).with_cases(read_record(cases, Cases))
    assert caught.value.where == where
    assert found in caught.value.found
    assert write in caught.value.write


CONDITIONS = [
    ("bmi_kgm2 > 30", "unknown 'bmi_kgm2'", "'bmi_kg_m2'"),
    ("diagnosi == 'aml'", "unknown 'diagnosi'", "'diagnosis'"),
    ("zzz > 1", "unknown 'zzz'", "id of a fact or parameter"),
    ("bmi_kg_m2 > 'thirty'", "number with choice", "two of the same kind"),
    ("diagnosis == bmi_kg_m2", "choice with number", "two of the same kind"),
    ("diagnosis == 'apl'", "'apl' is no option of diagnosis", "aml, all"),
    ("diagnosis in ('aml', 'apl')", "'apl' is no option of diagnosis", "aml, all"),
    ("diagnosis in 'aml'", "list in brackets", "in ('a', 'b')"),
    ("diagnosis < 'aml'", "no order", "== or !="),
    ("consent_signed > False", "no order", "== or !="),
    ("bmi_kg_m2", "'bmi_kg_m2' is not a condition", "comparison or a yes/no fact"),
    ("consent_signed and 1", "'1' is not a condition", "comparison or a yes/no fact"),
    ("bmi_kg_m2 >", "cannot be read", "bmi_kg_m2 > 30"),
    ("bmi_kg_m2 = 30", "cannot be read", "bmi_kg_m2 > 30"),
    ("bmi_kg_m2 is 30", "comparison that is not allowed", "< <= > >= == != in"),
    ("given(bmi_max_kg_m2)", "not a condition", "yes/no fact"),
    ("days_between(bmi_kg_m2, bmi_kg_m2) > 3", "not allowed in a condition", "facts, parameters and numbers"),
]


@pytest.mark.parametrize(("condition", "found", "write"), CONDITIONS, ids=[row[0] for row in CONDITIONS])
def test_a_wrong_condition_is_named_with_its_criterion(
    tmp_path: Path, condition: str, found: str, write: str
) -> None:
    error = broken(tmp_path, CONDITION, f'condition = "{condition}"')
    assert "E3" in error.where + error.found
    assert found in error.found
    assert write in error.write


@pytest.mark.requirement("R-REC-04")
@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('touch broken')",
        "__import__('os')",
        "open('broken', 'w')",
        "bmi_kg_m2.real > 1",
        "().__class__.__bases__",
        "lambda: consent_signed",
        "(lambda: 1)() > 0",
        "[name for name in (1, 2)]",
        "bmi_kg_m2[0] > 1",
        "f'{bmi_kg_m2}' == 'x'",
        "(bmi_kg_m2 := 3) > 1",
        "consent_signed if consent_signed else consent_signed",
        "consent_signed & consent_signed",
        "bmi_kg_m2 // 2 > 3",
        "given(fact=bmi_kg_m2)",
        "given(*bmi_kg_m2)",
        "days_between(*bmi_kg_m2) > 1",
        "abs(bmi_kg_m2) > 1",
        "await consent_signed",
    ],
)
def test_a_forbidden_construct_is_refused_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    monkeypatch.chdir(tmp_path)
    error = broken(tmp_path, CONDITION, f'condition = "{condition}"')
    assert "E3" in error.where + error.found
    assert error.write
    assert [path.name for path in tmp_path.iterdir()] == ["eligibility.toml"]


def test_every_place_to_mend_is_named_up_to_five(tmp_path: Path) -> None:
    error = broken(tmp_path, 'label = "Diagnosis"\ngroup = "Disease"\n', "")
    assert error.where == "eligibility.toml, facts[diagnosis].label"
    assert error.write == "this key, which is required (1 more: facts[diagnosis].group)"
    error = broken(tmp_path, 'id = "diagnosis"', "\n".join(f"wrong_{n} = {n}" for n in range(7)))
    assert error.write.endswith("facts[2].wrong_3, facts[2].wrong_4, ...)")
    assert "(7 more: " in error.write


def test_an_unknown_fact_of_a_case_is_corrected_if_one_is_like_it(tmp_path: Path) -> None:
    record, cases = tmp_path / "eligibility.toml", tmp_path / CASES_FILE
    record.write_text(SMALL, encoding="utf-8")
    cases.write_text(CASES.replace("{ bmi_kg_m2 = 31.0 }", "{ bmi_kgm2 = 31.0 }"), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        read_record(record, EligibilityRecord).with_cases(read_record(cases, Cases))
    assert caught.value.write == "'bmi_kg_m2'"


def test_a_wrong_condition_of_a_part_is_found(tmp_path: Path) -> None:
    part = '{ id = "E3a", title = "a", wording = "a", condition = "consent" }'
    error = broken(tmp_path, CONDITION, f'combine = "any"\nparts = [{part}]')
    assert "unknown 'consent'" in error.found
    assert error.write == "'consent_signed'"


@pytest.mark.requirement("R-REC-04")
def test_toml_that_is_broken_is_named_with_its_line(tmp_path: Path) -> None:
    error = broken(tmp_path, "[[parameters]]", "[[parameters]")
    assert error.where == WHOLE
    assert "line 29" in error.found
    assert "TOML" in error.write


@pytest.mark.parametrize(
    "content",
    [SMALL.encode() + "# caf\u00e9".encode("latin-1"), b"\xff\xfe" + SMALL.encode("utf-16-le"), b"\x00"],
    ids=["latin-1", "UTF-16", "a zero byte"],
)
def test_bytes_that_are_not_utf_8_text_are_refused(tmp_path: Path, content: bytes) -> None:
    error = unreadable(tmp_path, content)
    assert error.where == WHOLE
    assert "not TOML" in error.found
    assert "UTF-8" in error.write


def test_an_empty_file_lacks_its_tables(tmp_path: Path) -> None:
    error = unreadable(tmp_path, b"")
    assert error.where == "eligibility.toml, phases"
    assert error.found == "nothing"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_record(tmp_path / "nothing.toml", EligibilityRecord)
    assert caught.value.where.endswith("nothing.toml")
    assert caught.value.found == "no file that can be read"
    assert "nothing.toml" in caught.value.write


@pytest.mark.parametrize(
    ("values", "where", "found", "write"),
    [
        ({"bmi_max": 30.0}, "parameter bmi_max", "no such parameter", "bmi_max_kg_m2"),
        ({"bmi_max_kg_m2": 99.0}, "Highest body mass index allowed", "99.0", "20.0 to 45.0"),
        ({"bmi_max_kg_m2": "many"}, "Highest body mass index allowed", "'many'", "a number from"),
        ({"bmi_max_kg_m2": None}, "Highest body mass index allowed", "None", "a number from"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(
    tmp_path: Path, values: dict[str, object], where: str, found: str, write: str
) -> None:
    path = tmp_path / "eligibility.toml"
    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        read_record(path, EligibilityRecord).with_parameters(**values)
    assert caught.value.where == where
    assert found in caught.value.found
    assert write in caught.value.write


@pytest.mark.parametrize(
    ("facts", "found", "write"),
    [
        ({"bmi": 30.0}, "does not have", "bmi_kg_m2"),
        ({"bmi_kg_m2": 300.0}, "300.0", "8 to 90"),
        ({"bmi_kg_m2": float("inf")}, "inf", "8 to 90"),
        ({"bmi_kg_m2": "30"}, "'30'", "a number"),
        ({"bmi_kg_m2": True}, "True", "a number"),
        ({"diagnosis": "AML"}, "'AML'", "aml, all"),
        ({"consent_signed": 1}, "1", "yes or no"),
    ],
)
def test_a_fact_that_cannot_be_is_refused(tmp_path: Path, facts: dict[str, object], found: str, write: str) -> None:
    path = tmp_path / "eligibility.toml"
    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        read_record(path, EligibilityRecord).screen(facts)
    assert found in caught.value.found
    assert write in caught.value.write


# In Chinese

_KEYS = "source assumption combine condition parts maximum minimum valid_days in TOML UTF recommended waits_for"


def english(error: ProtocolError, content: str) -> set[str]:
    """Return the words after the place of a message that are neither quoted nor keys and ids of what it is about."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", " ", f"{error.found} {error.write}")
    ids = re.sub(r"^(label|title|wording|group) = .*$", r"\1", content, flags=re.MULTILINE)
    words = [set(re.findall(r"[A-Za-z]{2,}", text)) for text in (plain, ids, _KEYS)]
    return words[0] - words[1] - words[2]


REPLACED = [row[1:3] for row in PLACES] + [(CONDITION, f'condition = "{row[0]}"') for row in CONDITIONS]
REPLACED += [("[[parameters]]", "[[parameters]"), ('label = "Diagnosis"\ngroup = "Disease"\n', "")]


@pytest.mark.parametrize(("old", "new"), REPLACED)
def test_in_chinese_a_broken_record_is_refused_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")
    error = broken(tmp_path, old, new)
    assert not english(error, SMALL + new)
    assert "请改为" in str(error)


@pytest.mark.parametrize(
    "wrong",
    [
        {"on": "2026-3-1"},
        {"on": "2026-02-30"},
        {"on": 20260301},
        {"number": "one"},
        {"number": 100},
        {"viability": -1},
        {"started": "9:30"},
        {"colour": "blue"},
        {"kind": "infusion"},
        {"kind": "decision", "on": "2026-03-01", "chosen": "A1", "why": "w", "decided_by": "d"},
    ],
)
def test_in_chinese_a_wrong_event_is_refused_in_chinese(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")
    infused = {"kind": "infused", "on": "2026-03-01", "participant": "W-001", "number": 1}
    with pytest.raises(ProtocolError) as caught:
        event(wrong if "why" in wrong else infused | wrong)
    assert not english(caught.value, " ".join(wrong))
    assert "请改为" in str(caught.value)


def test_an_event_names_its_wrong_day_once() -> None:
    with pytest.raises(ProtocolError) as caught:
        event({"kind": "consented", "on": "2026-3-1", "participant": "W-001"})
    assert str(caught.value) == "consented.on: found '2026-3-1'; write a date like 2026-03-01"


def test_a_decision_names_what_it_lacks() -> None:
    decision = {"kind": "decision", "on": "2026-03-01", "chosen": "A1", "why": "w", "decided_by": "d"}
    with pytest.raises(ProtocolError, match="no recommendation and nothing it waited for; write either recommended"):
        event(decision)
    with pytest.raises(ProtocolError, match="a recommendation and what it waited for; write either recommended"):
        event(decision | {"recommended": "A1", "waits_for": {"enrolled": 1}})
