"""One trial's calendar, walked through participant by participant."""


def walk(given, path, random):
    """Return (end of phase Ib, last enrolment, share closed) in days; `path` lists frequency places, one a cohort."""
    day, closed, enrolled = 0.0, 0.0, 0
    for place in path:
        day += given.screening_days
        for person in range(given.cohort_size):
            if person:
                day += given.stagger_days
            day += random.expovariate(given.enrolled_per_day)
            enrolled += 1
        wait = given.dlt_window_days + given.review_days
        if given.counted_from == "last":
            wait += given.last_infusion_days[place] - 1
        day += wait
        closed += wait
    end = day
    while enrolled < given.enrolment:
        day += random.expovariate(given.enrolled_per_day)
        enrolled += 1
    return end, day, closed / end
