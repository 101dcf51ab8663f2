"""A second utility design on the grid, one trial at a time in plain loops: Lin and others 2020, two ways."""

from functools import lru_cache

from scipy.special import betainc
from twins.boin import PlainBoin


class PlainUtility(PlainBoin):
    """The same rules as ``protocol.escalation.designs.utility.Utility`` (dose first), slowly."""

    def __init__(self, *given, neither=40, both=60, least=0.25, futility=0.9, explored=6, **more):
        super().__init__(*given, **more)
        self.worth = {(0, 1): 100, (0, 0): neither, (1, 1): both, (1, 0): 0}
        self.least, self.futility, self.explored = least, futility, explored
        independent = {
            (t, e): (self.target if t else 1 - self.target) * (least if e else 1 - least) for t, e in self.worth
        }
        mean = sum(self.worth[kind] * independent[kind] for kind in self.worth)
        self.benchmark = (mean + (100 - mean) / 2) / 100
        self.chance = lru_cache(maxsize=None)(lambda x, n: 1 - betainc(1 + x / 100, 1 + n - x / 100, self.benchmark))

    def open_ones(self):
        gone = self.eliminated(self.n, self.y)
        return [c for c in self.cells if c not in gone and not self.useless(c)]

    def useless(self, cell):
        n, r = self.n[cell], self.r[cell]
        return n >= 3 and betainc(1 + r, 1 + n - r, self.least) > self.futility

    def choose(self, at):
        gone, ways = self.eliminated(self.n, self.y), self.open_ones()
        if (0, 0) in gone or self.used >= self.maximum:
            return None
        move = -1 if at in gone else self.direction(self.n[at], self.y[at])
        d, f = at
        choice = [(d - 1, f), (d, f - 1)]
        if move != -1 or at == (0, 0):
            choice.append(at)
        if move == 1 or (move == 0 and self.n[at] < self.explored):
            choice += [(d + 1, f), (d, f + 1)]
        choice = [c for c in choice if c in ways]
        if not choice:
            tried = [c for c in self.cells if self.n[c]]
            choice = [
                c for c in ways
                if any(max(c[0] - t[0], 0) + max(c[1] - t[1], 0) <= 1 for t in tried)
                and not (move == -1 and c[0] >= d and c[1] >= f)
            ]  # fmt: skip
        return max(choice, key=lambda c: (round(self.chance(self.x[c], self.n[c]), 9), c), default=None)

    def run(self, truth, response, latent, responses):
        self.n, self.y, self.r, self.x = (dict.fromkeys(self.cells, 0) for _ in range(4))
        at, self.used = (0, 0), 0
        while at is not None:
            for _one in range(self.cohort_size):
                toxic = latent[self.used] < truth[at[0]][at[1]]
                responds = responses[self.used] < response[at[0]][at[1]]
                self.n[at] += 1
                self.y[at] += toxic
                self.r[at] += responds
                self.x[at] += self.worth[int(toxic), int(responds)]
                self.used += 1
            at = self.choose(at)

    def recommend(self):
        nearest = self.select(self.n, self.y)
        if nearest is None:
            return None
        rates, ways = self.isotonic(self.n, self.y), self.open_ones()
        safe = [c for c in ways if self.n[c] and rates[c] <= rates[nearest] + 1e-9]
        return max(safe, key=lambda c: ((self.x[c] / 100 + 1) / (self.n[c] + 2), -c[0], -c[1]), default=None)
