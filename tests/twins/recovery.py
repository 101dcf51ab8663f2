"""Recovery of one participant, window by window and day by day; draws are a dict of day to count."""

from itertools import pairwise


def begins(draws, limit, given, counts_transfusions):
    """Return the day from which windows count, None if the count never fell."""
    low = [day for day, value in draws.items() if value < limit]
    if low:
        return min(low)
    return min(given, default=None) if counts_transfusions else None


def is_barred(first, last, given, barred):
    """Whether something given on a day of the window, or shortly before it, forbids it."""
    return any(day in range(first, last + 1) or first in range(day, day + barred) for day in given)


def days_rule(draws, limit, count, end, given=(), barred=1, counts_transfusions=False):
    """Return (status, day, earliest possible day) by successive calendar days."""
    draws = {day: value for day, value in draws.items() if day <= end}
    start = begins(draws, limit, [day for day in given if day <= end], counts_transfusions)
    if start is None:
        return "never_below", None, None
    certain = possible = None
    for first in range(start, end - count + 2):
        window = range(first, first + count)
        if any(draws.get(day, limit) < limit for day in window) or is_barred(first, window[-1], given, barred):
            continue
        possible = first if possible is None else possible
        if certain is None and all(day in draws for day in window):
            certain = first
    if certain is not None:
        return "recovered", certain, possible
    return ("none" if possible is None else "unknown"), None, possible


def values_rule(draws, limit, count, end, given=(), barred=1, counts_transfusions=False):
    """Return (status, day) by successive values on different days."""
    draws = {day: value for day, value in draws.items() if day <= end}
    start = begins(draws, limit, [day for day in given if day <= end], counts_transfusions)
    if start is None:
        return "never_below", None
    drawn = sorted(day for day in draws if day >= start)
    for place in range(len(drawn) - count + 1):
        window = drawn[place : place + count]
        if all(draws[day] >= limit for day in window) and not is_barred(window[0], window[-1], given, barred):
            return "recovered", window[0]
    return "none", None


def span_rule(draws, limit, length, most_gap, end, given=()):
    """Return (status, day) by every draw of a span."""
    draws = {day: value for day, value in draws.items() if day <= end}
    start = begins(draws, limit, [day for day in given if day <= end], True)
    if start is None:
        return "never_below", None
    status = "none"
    for first in sorted(day for day in draws if day >= start and draws[day] >= limit):
        last = first + length - 1
        deciding = min((day for day in draws if day >= last), default=None)
        inside = sorted(day for day in draws if first <= day <= (last if deciding is None else deciding))
        if last > end or any(draws[day] < limit for day in inside) or is_barred(first, last, given, 1):
            continue
        gaps = [later - earlier for earlier, later in pairwise(inside)]
        if deciding is not None and all(gap <= most_gap for gap in gaps):
            return "recovered", first
        status = "unknown"
    return status, None
