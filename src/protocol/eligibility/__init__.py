"""Eligibility: criteria as data, one definition for one participant and for a whole cohort."""

from protocol.eligibility.answers import Answer, Evidence
from protocol.eligibility.cohort import Cohort
from protocol.eligibility.cohort_counts import CohortScreening, Tally
from protocol.eligibility.counterfactuals import Change
from protocol.eligibility.criteria import (
    REASONS,
    Case,
    Cases,
    Criterion,
    Fact,
    FactRoles,
    FactValue,
    Parameter,
    Part,
    ScreeningProcedure,
    Status,
    expected,
)
from protocol.eligibility.distributed import screen_partitions
from protocol.eligibility.explanation import Node
from protocol.eligibility.gates import Provisional
from protocol.eligibility.lint import Issue, lint
from protocol.eligibility.next_steps import NextStep, failure_rates, next_steps
from protocol.eligibility.record import EligibilityRecord, Gate
from protocol.eligibility.screening import Question, Screening, Verdict, check_facts
from protocol.eligibility.screening_record import ScreeningRecord, changed_verdicts, screening_record
from protocol.eligibility.timeline import Lane, Span, Timeline

__all__ = [
    "REASONS",
    "Answer",
    "Case",
    "Cases",
    "Change",
    "Cohort",
    "CohortScreening",
    "Criterion",
    "EligibilityRecord",
    "Evidence",
    "Fact",
    "FactRoles",
    "FactValue",
    "Gate",
    "Issue",
    "Lane",
    "NextStep",
    "Node",
    "Parameter",
    "Part",
    "Provisional",
    "Question",
    "Screening",
    "ScreeningProcedure",
    "ScreeningRecord",
    "Span",
    "Status",
    "Tally",
    "Timeline",
    "Verdict",
    "changed_verdicts",
    "check_facts",
    "expected",
    "failure_rates",
    "lint",
    "next_steps",
    "screen_partitions",
    "screening_record",
]
