"""The record of the trial, read once for all tests: constants, because parameters of tests need them early."""

from support.paths import FOLDER

from protocol.trial import load_trial

TRIAL = load_trial(FOLDER)
ELIGIBILITY, ESCALATION, FOLLOWUP = TRIAL.eligibility, TRIAL.escalation, TRIAL.followup
FACTS = {fact.id: fact for fact in ELIGIBILITY.facts}
SITES = {site.id: site for site in TRIAL.sites}
