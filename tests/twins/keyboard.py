"""A second Keyboard, one trial at a time: the steps of the plain BOIN, the decision by the strongest key.

Written from Yan, Mandrekar & Yuan 2017 and Pan et al. 2020, not from the batch version.
"""

from functools import lru_cache

from scipy.special import betainc
from scipy.stats import beta
from twins.boin import PlainBoin


class PlainKeyboard(PlainBoin):
    """The same rules as ``protocol.escalation.designs.keyboard.Keyboard``, slowly."""

    def __init__(self, doses, frequencies, target, margin=0.05, **more):
        super().__init__(doses, frequencies, target, **more)
        self.low, self.high, self.width = target - margin, target + margin, 2 * margin
        self.direction = lru_cache(maxsize=None)(self.direction)

    def too_toxic(self, n, y):
        return n >= 3 and y >= 3 and beta.sf(self.target, 1 + y, 1 + n - y) > self.cutoff

    def direction(self, n, y):
        return -1 if self.too_toxic(n, y) else self.key_direction(n, y)

    def key_direction(self, n, y):
        keys = [(0, self.low, self.high)]
        while keys[0][1] > 1e-9:
            keys.insert(0, (1, max(keys[0][1] - self.width, 0.0), keys[0][1]))
        while keys[-1][2] < 1 - 1e-9:
            keys.append((-1, keys[-1][2], min(keys[-1][2] + self.width, 1.0)))
        strengths = [
            (betainc(1 + y, 1 + n - y, end) - betainc(1 + y, 1 + n - y, start)) / (end - start)
            for _way, start, end in keys
        ]
        strongest = max(range(len(keys)), key=lambda index: (strengths[index], index))
        return keys[strongest][0]
