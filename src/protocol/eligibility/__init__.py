"""Eligibility: criteria as data, one definition for one participant and for a whole cohort."""

from protocol.eligibility.answers import Answer, Evidence
from protocol.eligibility.cohort import Cohort
from protocol.eligibility.cohort_counts import CohortScreening
from protocol.eligibility.counterfactuals import Change
from protocol.eligibility.criteria import REASONS, Case, Criterion, Fact, FactValue, Parameter, Part, Status, expected
from protocol.eligibility.explanation import Node
from protocol.eligibility.gates import Provisional
from protocol.eligibility.next_steps import Step, failure_rates, next_steps
from protocol.eligibility.record import EligibilityRecord, Gate
from protocol.eligibility.screening import Question, Screening, Verdict, check_facts
from protocol.eligibility.timeline import Lane, Span, Timeline

__all__ = [
    "REASONS",
    "Answer",
    "Case",
    "Change",
    "Cohort",
    "CohortScreening",
    "Criterion",
    "EligibilityRecord",
    "Evidence",
    "Fact",
    "FactValue",
    "Gate",
    "Lane",
    "Node",
    "Parameter",
    "Part",
    "Provisional",
    "Question",
    "Screening",
    "Span",
    "Status",
    "Step",
    "Timeline",
    "Verdict",
    "check_facts",
    "expected",
    "failure_rates",
    "next_steps",
]
