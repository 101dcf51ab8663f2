"""A participant screened by hand in a real browser: how many interactions it takes to reach a verdict.

A click is one interaction, a typed value is one; moving with the Tab key is none.
"""

import re
from datetime import date

import pytest
from support.clinical_records import PATIENT, bundle, condition, observation, quantity
from support.trial import ELIGIBILITY, TRIAL

from protocol.eligibility.fact_status import asked_facts
from protocol.exchange.cohort.files import read_cohort
from protocol.pages.eligibility.cohort_counts import facts_of_one

MOST_BY_HAND = 35
MOST_WITH_A_RECORD = 5

FACTS = {fact.id: fact for fact in ELIGIBILITY.facts}
LIMITS = {one.value: one.limit for one in ELIGIBILITY.imports.analytes if one.limit}
ANSWER = ".pw-bar-answer"


def eligible_participant():
    """Facts of the first invented participant who is eligible and starts the first treatment, ages as numbers."""
    frame = read_cohort("example", TRIAL.examples.cohort(), ELIGIBILITY).frame
    cohort = ELIGIBILITY.cohort(frame)
    for place in range(len(cohort)):
        facts = facts_of_one(cohort, list(FACTS), place)
        begins = facts["planned_treatment"] == "first_induction" and facts["sex"] == "male"
        if begins and ELIGIBILITY.screen(facts).overall == "eligible so far":
            return {name: value for name, value in facts.items() if value is not None}
    raise AssertionError("nobody")


class Hand:
    """Answers in the form as a person does, and counts."""

    def __init__(self, tab):
        self.tab, self.count, self.done = tab, 0, []

    def answer(self, fact, value):
        self.count += 1
        self.done.append(fact.id)
        before = self.said()
        if fact.type in ("yes_no", "choice"):
            text = fact.options.get(value) or ("yes" if value else "no")
            group = self.tab.get_by_role("radiogroup", name=fact.label, exact=True)
            if group.count():
                group.locator("label").filter(has_text=re.compile(f"^{re.escape(text)}$")).click()
            else:
                self.tab.get_by_label(fact.label, exact=True).select_option(label=text)
                self.tab.get_by_label(fact.label, exact=True).press("Tab")
        else:
            field = self.tab.get_by_label(fact.label, exact=True)
            field.fill(value)
            field.press("Enter")
        self.tab.wait_for_function(f"before => document.querySelector('{ANSWER}').innerText !== before", arg=before)

    def click(self, name):
        self.count += 1
        before = self.said()
        self.tab.get_by_role("button", name=name).click()
        return before

    def said(self):
        return self.tab.locator(ANSWER).inner_text()


def typed(facts, name):
    """Write a value as a person would, a laboratory value with the range of its report."""
    value = facts[name]
    if isinstance(value, date):
        return value.isoformat()
    if name in LIMITS and LIMITS[name] in facts:
        return f"{value:g} {FACTS[name].unit_label} (0–{facts[LIMITS[name]]:g})"
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def wanted(facts):
    """Return what a person would write: an age instead of a birth date, an index instead of weight and height."""
    given = dict(facts)
    screening = ELIGIBILITY.answers(given, as_of=given["enrolment_date"])
    computed = {item.fact: item.value for one in screening for item in one.evidence if FACTS[item.fact].derived}
    for fact in ELIGIBILITY.facts:
        if fact.derived and fact.id in computed:
            given[fact.id] = round(computed[fact.id], 1) if fact.type == "number" else computed[fact.id]
    return given


@pytest.fixture
def form(dashboard, laptop):
    laptop.open(dashboard, "02-eligibility")
    laptop.tab.wait_for_selector(".pw-fact")
    return laptop


def test_an_eligible_participant_takes_few_interactions_by_hand(form):
    facts, hand = wanted(eligible_participant()), Hand(form.tab)
    absent = {fact.id: {"no": False}.get(fact.absent, fact.absent) for fact in ELIGIBILITY.facts if fact.absent}
    known = {"enrolment_date": facts["enrolment_date"]}

    def answer(names):
        for name in names:
            waiting = asked_facts(ELIGIBILITY.screen(known).verdicts)
            if name in waiting and name in facts and name not in known:
                hand.answer(FACTS[name], typed(facts, name))
                known[name] = facts[name]
                if name in LIMITS:
                    known[LIMITS[name]] = facts[LIMITS[name]]

    found = [name for name in FACTS if name in absent and facts.get(name, absent[name]) != absent[name]]
    answer(name for name in FACTS if name in found)
    before = hand.click(re.compile("^None of the other findings"))
    hand.click("Answer them so")
    form.tab.wait_for_function(f"before => document.querySelector('{ANSWER}').innerText !== before", arg=before)
    known |= {name: value for name, value in absent.items() if name not in known}
    answer(FACTS)
    assert "Eligible so far" in hand.said(), (hand.said(), hand.done)
    assert hand.count <= MOST_BY_HAND, (hand.count, hand.done)
    assert form.errors == []


def test_a_pasted_record_that_excludes_reaches_the_verdict_in_few_interactions(form):
    record = bundle(PATIENT, condition("91861009"), observation("39156-5", valueQuantity=quantity(45, "kg/m2")))
    hand = Hand(form.tab)
    form.tab.get_by_text("Fill from a hospital record (FHIR)").click()
    field = form.tab.get_by_label(re.compile("^Paste the record"))
    field.fill(record.decode())
    hand.count += 2
    form.tab.wait_for_function(f"document.querySelector('{ANSWER}').innerText.includes('Not eligible')")
    assert field.input_value() == "", "the record holds names"
    form.tab.get_by_text(re.compile(r"\d+ facts filled, \d+ not usable, \d+ unknown left")).wait_for()
    assert hand.count <= MOST_WITH_A_RECORD
    form.tab.locator(f"{ANSWER} a", has_text="E3").first.click()
    form.tab.wait_for_function("document.activeElement.id === 'fact-bmi_kg_m2'")
    assert form.errors == []


def test_the_verdict_stays_in_sight_and_questions_are_asked_with_the_keyboard(form):
    tab, hand = form.tab, Hand(form.tab)
    hand.answer(FACTS["ecog"], "1")
    tab.get_by_label(FACTS["ecog"].label, exact=True).scroll_into_view_if_needed()
    tab.get_by_role("radiogroup", name=FACTS["investigator_other"].label, exact=True).scroll_into_view_if_needed()
    assert tab.evaluate(f"document.querySelector('{ANSWER}').getBoundingClientRect().bottom") > 0, "out of sight"
    tab.get_by_role("searchbox", name="Search the questions").fill("hepatitis b")
    assert tab.locator(".pw-fact:visible").count() == 2
    tab.get_by_role("button", name="Next question").click()
    tab.wait_for_function("document.querySelectorAll('.pw-fact:not([hidden])').length === 1")
    tab.wait_for_function("document.activeElement.closest('.pw-fact.is-lit')")
    first = tab.locator(".pw-fact:visible").inner_text()
    tab.keyboard.type("40")
    tab.keyboard.press("Enter")
    tab.wait_for_function(
        "before => document.querySelector('.pw-fact:not([hidden])').innerText !== before", arg=first
    )
    tab.get_by_role("button", name="Show the whole form").click()
    tab.wait_for_function("document.querySelectorAll('.pw-fact:not([hidden])').length > 60")
    assert tab.get_by_label(FACTS["ecog"].label, exact=True).input_value() == "1"
    assert form.errors == []
