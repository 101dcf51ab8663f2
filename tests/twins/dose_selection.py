"""The choice between two doses, outcome by outcome."""

from math import comb


def chance(n, x, p):
    return comb(n, x) * p**x * (1 - p) ** (n - x)


def high_chosen(n, low, high, margin):
    """Return the probability that the high dose has more than `margin` more responses."""
    return sum(
        chance(n, x, low) * chance(n, y, high) for x in range(n + 1) for y in range(n + 1) if y - x > margin
    )  # fmt: skip


def accepted(n, most_toxicities, least_responses, toxicity, response):
    few = sum(chance(n, x, toxicity) for x in range(most_toxicities + 1))
    return few * sum(chance(n, x, response) for x in range(least_responses, n + 1))
