"""The visits of a trial's participants, with those whose dates cannot be laid out set aside and named."""

import pandas as pd

from protocol.conduct import Participation, TrialSoFar, table_of_dates
from protocol.followup import timelines
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial


def ledgers(trial: Trial, so_far: TrialSoFar) -> tuple[pd.DataFrame | None, dict[str, str]]:
    """Lay out the visits of every participant: one wrong entry does not hide the others.

    Returns
    -------
    DataFrame or None
        What :func:`protocol.followup.timelines` returns, None when there is nobody.
    dict of str to str
        Study id of those left out, to a sentence that names them and says why.
    """
    people, left_out = so_far.participants, {}
    if not people:
        return None, {}
    try:
        return _ledger(trial, so_far, people), {}
    except ProtocolError:
        for person in people:
            try:
                _ledger(trial, so_far, (person,))
            except ProtocolError as error:
                words = _("The dates of {participant} cannot be laid out: {why}")
                left_out[person.id] = words.format(participant=person.id, why=error)
    rest = tuple(person for person in people if person.id not in left_out)
    return _ledger(trial, so_far, rest) if rest else None, left_out


def _ledger(trial: Trial, so_far: TrialSoFar, people: tuple[Participation, ...]) -> pd.DataFrame:
    return timelines(trial.followup, table_of_dates(people), so_far.as_of)
