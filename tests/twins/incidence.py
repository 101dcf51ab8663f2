"""Cumulative incidence, time by time, in exact fractions."""

from fractions import Fraction


def incidence(times, events, kind):
    """Return {time: (cumulative incidence, at risk)} of one event."""
    alive, total, found = Fraction(1), Fraction(0), {}
    for time in sorted(set(times)):
        risk = sum(other >= time for other in times)
        here = [event for other, event in zip(times, events, strict=True) if other == time]
        total += alive * Fraction(here.count(kind), risk)
        alive *= 1 - Fraction(sum(event > 0 for event in here), risk)
        found[time] = total, risk
    return found
