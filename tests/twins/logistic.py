"""A second two-agent logistic model, one trial at a time in plain loops, on given draws of the prior.

Written from Neuenschwander and others 2015 (model) and Babb, Rogatko & Zacks 1998 (overdose control).
"""

from math import exp, log


class PlainLogistic:
    """The same rules as ``protocol.escalation.designs.logistic.Logistic`` (dose first), slowly."""

    def __init__(
        self, doses, frequencies, priors, interaction, normal, low, high, limit, target, maximum=60, cohort_size=3
    ):
        self.cells = [(d, f) for d in range(len(doses)) for f in range(len(frequencies))]
        self.low, self.high, self.limit = low, high, limit
        toxic = min(1.4 * target, (1 + target) / 2)  # BOIN's boundary, with a rate that stays below 1
        self.too_many = log((1 - target) / (1 - toxic)) / log(toxic * (1 - target) / (target * (1 - toxic)))
        self.maximum, self.cohort_size, self.known = maximum, cohort_size, {}
        self.rates = []
        for z in normal:  # five standard normal numbers a draw
            rate = {}
            for d, f in self.cells:
                one = self.alone(priors[0], z[0], z[1], doses[d])
                two = self.alone(priors[1], z[2], z[3], frequencies[f])
                either = one + two - one * two
                odds = either / (1 - either) * exp(interaction * z[4] * doses[d] * frequencies[f])
                rate[d, f] = odds / (1 + odds)
            self.rates.append(rate)

    @staticmethod
    def alone(prior, first, second, amount):
        median, spread, slope, slope_spread = prior
        logit = log(median / (1 - median)) + spread * first + slope * exp(slope_spread * second) * log(amount)
        return 1 / (1 + exp(-logit))

    def chances(self, n, y):
        key = tuple(n.values()), tuple(y.values())
        if key not in self.known:
            tried = [c for c in self.cells if n[c]]
            weights = []
            for rate in self.rates:
                weight = 1.0
                for c in tried:
                    weight *= rate[c] ** y[c] * (1 - rate[c]) ** (n[c] - y[c])
                weights.append(weight)
            total = sum(weights)
            inside, over = dict.fromkeys(self.cells, 0.0), dict.fromkeys(self.cells, 0.0)
            for weight, rate in zip(weights, self.rates, strict=True):
                for c, r in rate.items():
                    if r >= self.high:
                        over[c] += weight / total
                    elif r >= self.low:
                        inside[c] += weight / total
            bad = [c for c in self.cells if over[c] > self.limit]
            open_ones = [c for c in self.cells if not any(c[0] >= b[0] and c[1] >= b[1] for b in bad)]
            self.known[key] = inside, open_ones
        return self.known[key]

    def best(self, inside, allowed):
        most = max(inside[c] for c in allowed)
        return max(c for c in allowed if inside[c] >= most - 1e-9)

    def next(self, n, y, at):
        inside, open_ones = self.chances(n, y)
        if (0, 0) not in open_ones or sum(n.values()) >= self.maximum:
            return None
        tried = [c for c in self.cells if n[c]]
        near = [c for c in open_ones if any(max(c[0] - t[0], 0) + max(c[1] - t[1], 0) <= 1 for t in tried)]
        if y[at] >= self.too_many * n[at]:
            near = [c for c in near if c == at or c[0] < at[0] or c[1] < at[1]]
        return self.best(inside, near)

    def select(self, n, y):
        inside, open_ones = self.chances(n, y)
        allowed = [c for c in open_ones if n[c]]
        return self.best(inside, allowed) if allowed else None

    def run(self, truth, latent):
        n, y = dict.fromkeys(self.cells, 0), dict.fromkeys(self.cells, 0)
        at, used = (0, 0), 0
        while at is not None:
            for draw in latent[used : used + self.cohort_size]:
                n[at] += 1
                y[at] += draw < truth[at[0]][at[1]]
            used += self.cohort_size
            at = self.next(n, y, at)
        return n, y
