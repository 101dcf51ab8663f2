"""A second 2-D BOIN, one trial at a time in plain loops, to be read beside the paper.

Written from Liu & Yuan 2015 (boundaries) and Lin & Yin 2017 (grid), not from the batch version.
"""

from functools import lru_cache
from itertools import pairwise, product
from math import ceil, floor, log

from scipy.stats import beta


class PlainBoin:
    """The same rules as ``protocol.escalation.designs.boin.Boin``, slowly."""

    def __init__(self, doses, frequencies, target, cutoff=0.95, maximum=60, cohort_size=3, bar=False):
        self.doses, self.frequencies, self.target, self.cutoff = doses, frequencies, target, cutoff
        self.maximum, self.cohort_size, self.bar = maximum, cohort_size, bar
        safe, toxic = 0.6 * target, 1.4 * target
        self.low = log((1 - safe) / (1 - target)) / log(target * (1 - safe) / (safe * (1 - target)))
        self.high = log((1 - target) / (1 - toxic)) / log(toxic * (1 - target) / (target * (1 - toxic)))
        self.cells = list(product(range(doses), range(frequencies)))
        self.too_toxic = lru_cache(maxsize=None)(self.too_toxic)
        self.score = lru_cache(maxsize=None)(self.score)

    def too_toxic(self, n, y):
        return n >= 3 and y >= 1 and beta.sf(self.target, 1 + y, 1 + n - y) > self.cutoff

    def score(self, n, y):
        inside = beta.cdf(self.high, y + 0.5, n - y + 0.5) - beta.cdf(self.low, y + 0.5, n - y + 0.5)
        return inside + 0.0005 * n

    def direction(self, n, y):
        return -1 if y >= ceil(self.high * n) else 1 if y <= floor(self.low * n) else 0

    def eliminated(self, n, y):
        sources = [cell for cell in self.cells if self.too_toxic(n[cell], y[cell])]
        return {c for c in self.cells if any(c[0] >= s[0] and c[1] >= s[1] for s in sources)}

    def barred(self, n, y, step, is_dose_step):
        dose, frequency = step
        line = (
            [(dose, f) for f in range(frequency + 1)] if is_dose_step else [(d, frequency) for d in range(dose + 1)]
        )
        return any(n[cell] > 0 and y[cell] >= self.high * n[cell] for cell in line)

    def next(self, n, y, at, coin):
        """Return the next cell, or None to stop. `coin` is True when a tie goes to the frequency."""
        gone = self.eliminated(n, y)
        if (0, 0) in gone or sum(n.values()) >= self.maximum:
            return None
        direction = -1 if at in gone else self.direction(n[at], y[at])
        if direction == 0:
            return at
        found = {}
        for is_frequency, step in enumerate([(at[0] + direction, at[1]), (at[0], at[1] + direction)]):
            if step not in self.cells or step in gone:
                continue
            if self.bar and direction == 1 and self.barred(n, y, step, not is_frequency):
                continue
            found[bool(is_frequency)] = (self.score(n[step], y[step]), step)
        if not found:
            return at
        if len(found) == 2 and found[False][0] == found[True][0]:
            return found[coin][1]
        return max(found.values())[1]

    def run(self, truth, latent, coins):
        """Run one trial on given draws; return participants and DLTs by cell."""
        n, y = dict.fromkeys(self.cells, 0), dict.fromkeys(self.cells, 0)
        at, used, step = (0, 0), 0, 0
        while at is not None:
            for draw in latent[used : used + self.cohort_size]:
                n[at] += 1
                y[at] += draw < truth[at[0]][at[1]]
            used += self.cohort_size
            at, step = self.next(n, y, at, coins[step] >= 0.5), step + 1
        return n, y

    def select(self, n, y):
        gone, rates = self.eliminated(n, y), self.isotonic(n, y)
        best = None
        for cell in self.cells:
            if n[cell] == 0 or cell in gone or (0, 0) in gone:
                continue
            distance = abs(rates[cell] + 1e-5 * sum(cell) - self.target)
            if best is None or distance < best[0] - 1e-10:
                best = (distance, cell)
        return best and best[1]

    def isotonic(self, n, y):
        """Max-min formula: over upper sets the largest, over lower sets the smallest, mean of the overlap."""
        weight = {c: n[c] + 0.1 for c in self.cells}
        total = {c: y[c] + 0.05 for c in self.cells}
        lower = [frozenset(c for c in self.cells if c[1] < heights[c[0]]) for heights in self.staircases()]
        upper = [frozenset(self.cells) - part for part in lower]
        mean = {}
        for up in upper:
            for low in lower:
                if both := up & low:
                    mean[up, low] = sum(total[c] for c in both) / sum(weight[c] for c in both)
        return {
            c: max(min(mean[up, low] for low in lower if c in low) for up in upper if c in up) for c in self.cells
        }

    def staircases(self):
        every = product(range(self.frequencies + 1), repeat=self.doses)
        return [heights for heights in every if all(a >= b for a, b in pairwise(heights))]
