"""A second POCRM, one trial at a time in plain loops, to be read beside Wages, Conaway & O'Quigley 2011."""

from functools import lru_cache
from math import exp, log

from scipy.stats import beta


class PlainPocrm:
    """The same rules as ``protocol.escalation.designs.pocrm.Pocrm`` (dose first), slowly."""

    def __init__(self, orders, sequence, skeleton, target, cutoff=0.95, maximum=60, cohort_size=3):
        self.orders, self.sequence, self.logs = orders, sequence, [log(rate) for rate in skeleton]
        self.target, self.cutoff, self.maximum, self.cohort_size = target, cutoff, maximum, cohort_size
        self.cells = sorted(sequence)
        self.known, self.near = {}, {}
        self.too_toxic = lru_cache(maxsize=None)(
            lambda n, y: n >= 3 and y > 0 and beta.sf(target, 1 + y, 1 + n - y) > cutoff
        )

    def closed(self, n, y):
        over = [c for c in self.cells if self.too_toxic(n[c], y[c])]
        return {c for c in self.cells if any(c[0] >= o[0] and c[1] >= o[1] for o in over)}

    def likeliest(self, seen, power):
        """Return the power where the slope of the log likelihood crosses zero, and the value there.

        Newton's steps between bounds that close in: the slope falls all the way.
        """
        low, high, last = 1e-6, 500.0, 0.0
        while abs(power - last) > 1e-11 * power:
            slope = bend = 0.0
            for logged, n, y in seen:
                rate = exp(power * logged)
                pull = (n - y) * logged * rate / (1 - rate)
                slope += y * logged - pull
                bend -= pull * logged / (1 - rate)
            low, high = (power, high) if slope > 0 else (low, power)
            step = power - slope / bend if bend else 0.0
            last, power = power, step if low <= step <= high else (low * high) ** 0.5
        value = sum(y * power * logged + (n - y) * log(1 - exp(power * logged)) for logged, n, y in seen)
        return power, value

    def rates(self, n, y):
        key = tuple(n.values()), tuple(y.values())
        if key not in self.known:
            fits = []
            for which, order in enumerate(self.orders):
                seen = [(logged, n[c], y[c]) for logged, c in zip(self.logs, order, strict=True) if n[c]]
                fits.append((*self.likeliest(seen, self.near.get(which, 1.0)), order))
                self.near[which] = fits[-1][0]
            most = max(value for _power, value, _order in fits)
            power, _value, order = next(fit for fit in fits if fit[1] > most - 1e-9)
            self.known[key] = {c: exp(power * logged) for logged, c in zip(self.logs, order, strict=True)}
        return self.known[key]

    def nearest(self, n, y, allowed):
        rates = self.rates(n, y)
        return min(allowed, key=lambda c: abs(rates[c] - self.target))

    def next(self, n, y, at):
        closed = self.closed(n, y)
        if (0, 0) in closed or sum(n.values()) >= self.maximum:
            return None
        tried = [c for c in self.cells if n[c]]
        if not sum(y.values()):
            return self.sequence[min(self.sequence.index(at) + 1, len(self.sequence) - 1)]
        if sum(y.values()) == sum(n.values()):
            return self.cells[0]
        held = [
            c
            for c in self.cells
            if c not in closed and any(max(c[0] - t[0], 0) + max(c[1] - t[1], 0) <= 1 for t in tried)
        ]
        return self.nearest(n, y, held)

    def select(self, n, y):
        closed = self.closed(n, y)
        allowed = [c for c in self.cells if n[c] and c not in closed]
        if not allowed or (0, 0) in closed:
            return None
        if not sum(y.values()):
            return next(c for c in reversed(self.sequence) if n[c])
        return self.nearest(n, y, allowed)

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
