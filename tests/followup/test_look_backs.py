"""Look-back periods: the first day on which enrolment is allowed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import FOLLOWUP
from twins import followup as twin

from protocol.followup import earliest_enrolment, lookbacks
from protocol.records import ProtocolError

TODAY = date(2026, 3, 1)
DAYS = st.dates(date(2020, 1, 1), date(2032, 12, 31))


@pytest.mark.parametrize(
    ("name", "exposure", "allowed_from"),
    [
        ("anti_cancer_therapy", date(2026, 1, 1), date(2026, 1, 15)),
        ("drug_trial", date(2026, 1, 1), date(2026, 2, 12)),
        ("immunosuppressant", date(2025, 8, 31), date(2026, 2, 28)),
        ("other_malignancy", date(2024, 2, 29), date(2027, 2, 28)),
    ],
)
def test_look_backs_allow_the_day_on_which_they_are_complete(name, exposure, allowed_from):
    clocks = lookbacks(FOLLOWUP, {name: exposure}, TODAY)
    assert earliest_enrolment(clocks) == allowed_from
    strict = lookbacks(FOLLOWUP, {name: exposure}, TODAY, boundary_day_allowed=False)
    assert earliest_enrolment(strict) == allowed_from + timedelta(days=1)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([item.id for item in FOLLOWUP.lookbacks]), DAYS, min_size=1))
def test_the_latest_clock_binds(exposures):
    clocks = lookbacks(FOLLOWUP, exposures, date(2033, 1, 1))
    lengths = {item.id: item.lasts for item in FOLLOWUP.lookbacks}
    expected = {name: twin.moved(day, lengths[name]) for name, day in exposures.items()}
    assert earliest_enrolment(clocks) == max(expected.values())
    binding = {name for name, day in expected.items() if day == max(expected.values())}
    assert set(clocks.loc[clocks["binding"], "id"]) == binding == set(clocks["id"].head(len(binding)))


def test_without_an_exposure_no_clock_runs():
    assert earliest_enrolment(lookbacks(FOLLOWUP, {"drug_trial": None}, TODAY)) is None


@pytest.mark.parametrize("exposures", [{"drug_trial": date(2026, 3, 2)}, {"coffee": date(2026, 1, 1)}])
def test_an_exposure_in_the_future_or_an_unknown_one_is_refused(exposures):
    with pytest.raises(ProtocolError):
        lookbacks(FOLLOWUP, exposures, TODAY)
