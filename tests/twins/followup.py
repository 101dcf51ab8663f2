"""The ledger again, from the record's text and with the standard library only."""

from calendar import monthrange
from datetime import timedelta

ANCHORS = ("enrolment", "start_of_therapy", "first_infusion", "end_of_treatment", "withdrawal")


def moved(day, text, sign=1):
    """Move `day` by an ISO 8601 duration: months first, clipped to the end of the month, then days."""
    if text.startswith("-"):
        text, sign = text[1:], -sign
    years = months = days = 0
    number = ""
    for letter in text[1:]:
        if letter.isdigit():
            number += letter
            continue
        amount, number = int(number), ""
        if letter == "Y":
            years = amount
        elif letter == "M":
            months = amount
        elif letter == "W":
            days += 7 * amount
        elif letter == "D":
            days += amount
    index = day.year * 12 + day.month - 1 + sign * (12 * years + months)
    year, month = divmod(index, 12)
    day = day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
    return day + timedelta(days=sign * days)


def timeline(table, dates, frequency, today, done):
    """Return {visit id: (opens, target, closes, status)} for the parsed TOML `table` of one record."""
    infusion_days = next(row["infusion_days"] for row in table["frequencies"] if row["level"] == frequency)
    every_day = sorted({day for row in table["frequencies"] for day in row["infusion_days"]})
    visits = []
    for day in every_day:
        zero = {"before": "P0D", "after": "P0D"}
        visits.append(
            {"id": f"infusion_day_{day}", "hangs_on": "first_infusion", "offset": f"P{day - 1}D",
             "window": zero if day == 1 else table["infusion_window"], "here": day in infusion_days}
        )  # fmt: skip
    visits += [{**row, "here": frequency in row.get("frequencies", [frequency])} for row in table["visits"]]
    taken = {name: day for name, day in done.items() if day}
    first = dates.get("first_infusion")
    if first and first <= today:
        taken["infusion_day_1"] = first
    result, waiting = {}, list(visits)
    while waiting:  # the record promises that there is no circle, so each turn settles at least one visit
        for visit in list(waiting):
            base_name = visit["hangs_on"]
            if not visit["here"]:
                result[visit["id"]] = (None, None, None, "not applicable")
            elif base_name in ANCHORS:
                result[visit["id"]] = one(visit, dates.get(base_name), taken, today, table, dates)
            elif base_name == "last_infusion":
                given = [f"infusion_day_{day}" for day in infusion_days]
                if not all(name in result for name in given):
                    continue
                days = [taken.get(name) or result[name][1] for name in given if result[name][3] != "cancelled"]
                base = max((day for day in days if day), default=None)
                result[visit["id"]] = one(visit, base, taken, today, table, dates)
            elif base_name in result:
                base = taken.get(base_name) or result[base_name][1]
                result[visit["id"]] = one(visit, base, taken, today, table, dates)
            else:
                continue
            waiting.remove(visit)
    return result


def void(visit, target, closes, dates):
    """Say whether early termination takes the visit off the plan."""
    stopped, ended = dates.get("end_of_treatment"), dates.get("withdrawal")
    if visit["hangs_on"] == "withdrawal":
        return False
    if visit["id"].startswith("infusion"):
        return bool(stopped and target > stopped) or bool(ended and target > ended)
    return bool(ended and closes >= ended)


def one(visit, base, taken, today, table, dates):
    """Place one visit and judge it day by day."""
    if base is None:
        return None, None, None, "not applicable" if visit["hangs_on"] == "withdrawal" else "not yet known"
    target = moved(base, visit["offset"])
    opens = moved(target, visit["window"].get("before", "P0D"), -1)
    closes = moved(target, visit["window"].get("after", "P0D"))
    when = taken.get(visit["id"])
    if when:
        word = "in window"
        if when < opens:
            word = "early"
        if when > closes:
            word = "late"
    elif void(visit, target, closes, dates):
        word = "cancelled"
    elif today > moved(closes, table["overdue"]["value"]):
        word = "missed"
    elif today > closes:
        word = "overdue"
    elif today >= target:
        word = "due"
    elif today >= opens:
        word = "open"
    else:
        word = "not yet"
    return opens, target, closes, word
