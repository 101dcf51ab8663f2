"""One cell of the table of adverse events, counted person by person."""


def cell(people, events):
    """Return (participants by highest grade, events, days at risk); from (name, exposure) and (name, grade, day)."""
    highest, at_risk = dict.fromkeys(range(1, 6), 0), 0
    for name, exposure in people:
        mine = [(grade, day) for who, grade, day in events if who == name]
        if mine:
            highest[max(grade for grade, _day in mine)] += 1
        at_risk += min((day for _grade, day in mine), default=exposure)
    return highest, sum(who in dict(people) for who, _grade, _day in events), at_risk
