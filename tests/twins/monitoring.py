"""A trial that is watched, participant by participant, over every path of counts; in exact fractions."""

from fractions import Fraction
from math import comb


def watch(maximum, looks, cells, stops):
    """Return {reason: probability} and the expected participants.

    `cells` are the chances of (response, toxicity) pairs; `stops(n, e, t)` names a reason to stop at a look, or None.
    """
    ways, reasons, expected = {(0, 0): Fraction(1)}, {}, Fraction(0)
    for n in range(1, maximum + 1):
        after = {}
        for (e, t), chance in ways.items():
            for (response, toxicity), one in cells.items():
                place = e + response, t + toxicity
                after[place] = after.get(place, 0) + chance * one
        ways = {}
        for (e, t), chance in after.items():
            reason = stops(n, e, t) if n in looks else None
            if reason is None:
                ways[e, t] = chance
            else:
                reasons[reason] = reasons.get(reason, 0) + chance
                expected += n * chance
    passed = sum(ways.values(), Fraction(0))
    return reasons | {"passed": passed}, expected + maximum * passed


def chance_above(limit, count, participants, a, b):
    """Return the posterior chance of a rate above a limit, whole shapes: a beta tail is a binomial sum."""
    m, successes = participants + a + b - 1, count + a
    limit = Fraction(limit)
    return sum(comb(m, i) * limit**i * (1 - limit) ** (m - i) for i in range(successes))


def predictive(count, participants, maximum, limit, success, a, b):
    """Return the chance of success at the end, outcome by outcome, whole shapes of the prior."""
    ways = {count: Fraction(1)}
    for n in range(participants, maximum):
        after = {}
        for x, chance in ways.items():
            rate = Fraction(a + x, a + b + n)
            after[x + 1] = after.get(x + 1, 0) + chance * rate
            after[x] = after.get(x, 0) + chance * (1 - rate)
        ways = after
    return sum(chance for x, chance in ways.items() if chance_above(limit, x, maximum, a, b) > success)


def two_stages(p0, p1, alpha, beta, most):
    """Return (r1, n1, r, n) of the optimal and the minimax design, by trying every design."""
    p0, p1, alpha, beta = (Fraction(str(each)) for each in (p0, p1, alpha, beta))

    def chances(n, p):
        return [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]

    found = []
    for n in range(2, most + 1):
        for n1 in range(1, n):
            first, second = ([chances(size, p) for p in (p0, p1)] for size in (n1, n - n1))
            for r1 in range(n1):
                expected = n1 + (1 - sum(first[0][: r1 + 1])) * (n - n1)
                for r in range(r1 + 1, n):
                    wrong, right = (
                        sum(
                            first[p][x] * sum(second[p][max(r - x + 1, 0) :])
                            for x in range(r1 + 1, n1 + 1)
                        )
                        for p in (0, 1)
                    )  # fmt: skip
                    if wrong <= alpha and right >= 1 - beta:
                        found.append((expected, n, (r1, n1, r, n)))
                        break
    return min(found)[2], min(found, key=lambda one: (one[1], one[0]))[2]
