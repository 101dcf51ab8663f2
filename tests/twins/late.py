"""A trial told participant by participant, by the calendar: who is there on the day of a decision, and what is known.

Written beside the plain BOIN from Yuan and others 2018 (TITE-BOIN) and Lin & Yuan 2020 (effective numbers).
"""

from math import log

from scipy.special import betainc
from twins.boin import PlainBoin
from twins.keyboard import PlainKeyboard


class Calendar:
    """The rules of ``protocol.escalation.trial_rules.TrialRules``, slowly; mixed into a plain design."""

    def calendar(self, accrual, window=28, late_share=0.5, most_pending=0.5, backfill=False, backfill_most=12):
        self.accrual, self.window, self.late_share = accrual, window, late_share
        self.most_pending, self.backfill, self.backfill_most = most_pending, backfill, backfill_most
        return self

    def on(self, day):
        """Count by regimen: all, DLTs, pending, days followed."""
        n, y, c = (dict.fromkeys(self.cells, 0) for _ in range(3))
        s = dict.fromkeys(self.cells, 0.0)
        for cell, start, known, toxic in self.people:
            n[cell] += 1
            if known <= day:
                y[cell] += toxic
            else:
                c[cell] += 1
                s[cell] += (day - start) / self.window
        return n, y, c, s

    def waits(self, day, at):
        n, y, c, _s = self.on(day)
        if c[at] <= self.most_pending * n[at] + 1e-9:
            return False
        gone = self.eliminated(n, y)
        certain = at in gone or (0, 0) in gone or self.direction(n[at], y[at]) == -1
        return not (self.most_pending > 0 and certain)

    def below(self, day, at):
        n, y, c, _s = self.on(day)
        gone = self.eliminated(n, y)
        cleared = [
            cell for cell in self.cells
            if cell != at and cell[0] <= at[0] and cell[1] <= at[1] and cell not in gone
            and n[cell] - c[cell] >= self.cohort_size and y[cell] <= self.target * (n[cell] - c[cell])
            and n[cell] < self.backfill_most
        ]  # fmt: skip
        return max(cleared, default=None)

    def decide(self, day, at, coin):
        n, y, c, s = self.on(day)
        gone = self.eliminated(n, y)
        if (0, 0) in gone or sum(n.values()) >= self.maximum:
            return None
        way = self.late_direction(n[at], y[at], c[at], s[at]) if c[at] else self.direction(n[at], y[at])
        if 2 * c[at] > n[at] and way == 1:
            way = 0
        if at in gone or self.direction(n[at], y[at]) == -1:
            way = -1
        if way == 0:
            return at
        found = []
        for side, step in enumerate([(at[0] + way, at[1]), (at[0], at[1] + way)]):
            if step in self.cells and step not in gone:
                whole = n[step] - c[step] + s[step]
                shape = y[step] + 0.5, whole - y[step] + 0.5
                chance = betainc(*shape, self.high) - betainc(*shape, self.low) + 0.0005 * whole
                found.append((chance, side == coin, step))
        return max(found)[2] if found else at

    def run_by_calendar(self, truth, latent, coins, gaps, times):
        self.people, day, at, filled, decisions = [], 0.0, (0, 0), 0, 0
        for number, (draw, gap, time) in enumerate(zip(latent, gaps, times, strict=True)):
            day += -log(1 - gap) * (365.25 / 12) / self.accrual if number else 0.0
            place = at
            while filled >= self.cohort_size:
                if not self.waits(day, at):
                    at = place = self.decide(day, at, coins[decisions] >= 0.5)
                    decisions, filled = decisions + 1, 0
                elif self.backfill and self.below(day, at):
                    place = self.below(day, at)
                    break
                else:
                    day = min(known for _cell, _start, known, _toxic in self.people if known > day)
            if at is None:
                break
            toxic = draw < truth[place[0]][place[1]]
            # The share 1 - late_share of the DLTs comes in the first half of the window.
            after = time ** (log(0.5) / log(1 - self.late_share)) * self.window if toxic else self.window
            self.people.append((place, day, day + after, toxic))
            filled += place == at
        return *self.on(float("inf"))[:2], max(known for _cell, _start, known, _toxic in self.people)


class LateBoin(Calendar, PlainBoin):
    """TITE-BOIN."""

    def late_direction(self, n, y, c, s):
        guess = (y + self.target / 2) / (n - c + 1)
        odds = (1 - guess) / guess
        if y < self.target * n:
            return 1 if s >= c - odds * (n * self.low - y) else 0
        return -1 if s <= c - odds * (n * self.high - y) else 0


class LateKeyboard(Calendar, PlainKeyboard):
    """Keyboard on effective numbers."""

    def late_direction(self, n, y, c, s):
        return self.key_direction(n - c + s, y)
