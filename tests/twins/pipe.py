"""A second PIPE, one trial at a time in plain loops, to be read beside Mander & Sweeting 2015."""

from itertools import pairwise, product
from math import prod

from scipy.stats import beta


class PlainPipe:
    """The same rules as ``protocol.escalation.designs.pipe.Pipe`` (closest, neighbours, dose first), slowly."""

    def __init__(self, a, b, target, ceiling, maximum=60, cohort_size=3):
        self.a, self.b, self.target, self.ceiling = a, b, target, ceiling
        self.maximum, self.cohort_size = maximum, cohort_size
        self.doses, self.frequencies = len(a), len(a[0])
        self.cells = list(product(range(self.doses), range(self.frequencies)))
        heights = product(range(self.frequencies + 1), repeat=self.doses)
        self.stairs = [h for h in heights if all(x >= y for x, y in pairwise(h))]  # below, dose by dose
        self.contours = [frozenset(c for c in self.cells if c[1] >= h[c[0]]) for h in self.stairs]
        self.known = {}

    def below(self, cell, n, y):
        key = cell, n, y
        if key not in self.known:
            d, f = cell
            self.known[key] = beta.cdf(self.target, self.a[d][f] + y, self.b[d][f] + n - y)
        return self.known[key]

    def contour(self, n, y):
        chance = {c: self.below(c, n[c], y[c]) for c in self.cells}
        levels = range(self.frequencies)
        row = {
            (d, height): prod(1 - chance[d, f] if f >= height else chance[d, f] for f in levels)
            for d in range(self.doses)
            for height in range(self.frequencies + 1)
        }
        weights = [prod(row[d, height] for d, height in enumerate(stair)) for stair in self.stairs]
        total, share = sum(weights), dict.fromkeys(row, 0.0)
        for weight, stair in zip(weights, self.stairs, strict=True):
            for d, height in enumerate(stair):
                share[d, height] += weight / total
        over = {(d, f): sum(share[d, height] for height in range(f + 1)) for d, f in self.cells}
        most = max(weights) * (1 - 1e-9)
        likely = [c for w, c in zip(weights, self.contours, strict=True) if w > most]
        return max(likely, key=len), over

    def next(self, n, y, at):
        above, over = self.contour(n, y)
        if over[0, 0] >= self.ceiling or sum(n.values()) >= self.maximum:
            return None
        safe = [c for c in self.cells if over[c] < self.ceiling]
        inside = [
            c
            for c in safe
            if abs(c[0] - at[0]) <= 1 and abs(c[1] - at[1]) <= 1 and not (c[0] > at[0] and c[1] > at[1])
        ]
        inside = inside or [c for c in safe if c != at and c[0] <= at[0] and c[1] <= at[1]]
        closest = []
        for c in inside:
            same = [o for o in inside if o != c and (o in above) == (c in above)]
            if c in above and not any(o[0] <= c[0] and o[1] <= c[1] for o in same):
                closest.append(c)
            if c not in above and not any(o[0] >= c[0] and o[1] >= c[1] for o in same):
                closest.append(c)
        return max(closest, key=lambda c: (-n[c], c))

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
