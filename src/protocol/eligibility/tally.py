"""Every count of a cohort, from packed bits within milliseconds, in any order and with any criteria switched off."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.bits import Words, exactly_once, size, sizes, union
from protocol.eligibility.planes import Planes, counters, members, where_count
from protocol.records import ProtocolError


class Tally:
    """Every count of a cohort, with some criteria switched off.

    Parameters
    ----------
    planes : Planes
    off : collection of str
        Criteria switched off, by id; a mirror goes with its criterion.

    Raises
    ------
    ProtocolError
        For an id that is no criterion.
    """

    def __init__(self, planes: Planes, off: Collection[str] = ()) -> None:
        _check(planes, off)
        self.planes, self.off = planes, frozenset(off)
        self.on = [i for i, name in enumerate(planes.ids) if name not in off]
        self.fail, self.unknown = self._effective(self.on)
        self.excluded = union(self.fail)
        self.open = union(self.unknown) & ~self.excluded

    def _effective(self, on: Sequence[int]) -> tuple[Words, Words]:
        """The bits that count: an implied criterion keeps what the one it follows from leaves over."""
        fail, unknown = self.planes.fail[on], self.planes.unknown[on]
        for row, i in enumerate(on):
            host = self.planes.host[i]
            if host is not None and host in on:
                fail[row] &= ~self.planes.fail[host]
                unknown[row] &= ~(self.planes.fail[host] | self.planes.unknown[host])
        return fail, unknown

    @cached_property
    def totals(self) -> dict[str, int]:
        """Count participants: excluded, possible (something unknown, nothing failed), confirmed (all known and met).

        ``confirmed`` is the worst case of what the unknowns can turn out to be, ``confirmed + possible`` the best.
        """
        excluded, possible = size(self.excluded), size(self.open)
        everyone = self.planes.participants
        return {
            "participants": everyone,
            "excluded": excluded,
            "possible": possible,
            "confirmed": everyone - excluded - possible,
        }

    @cached_property
    def _alone(self) -> Words:
        """Who fails exactly one criterion."""
        return exactly_once(self.fail)

    def only_reason(self, criterion: str) -> NDArray[np.intp]:
        """Return the rows of those who fail this criterion and no other."""
        if self.planes.ids.index(criterion) not in self.on:
            return np.array([], dtype=np.intp)
        row = self.on.index(self.planes.ids.index(criterion))
        return members(self.fail[row] & self._alone, self.planes.participants)

    def order(self, order: str | Sequence[str] = "protocol") -> list[str]:
        """Return the criteria that are on in the order wanted.

        Parameters
        ----------
        order : "protocol", "most" or sequence of str
            "most" takes next the criterion that excludes most of those who are left. A sequence of ids comes first as
            it stands; criteria it does not name follow in protocol order.
        """
        ids = [self.planes.ids[i] for i in self.on]
        if order == "protocol":
            return ids
        if order == "most":
            return [ids[row] for row in self._greedy()]
        own = [name for name in dict.fromkeys(order) if name in ids]
        return own + [name for name in ids if name not in own]

    def _greedy(self) -> list[int]:
        left, taken, waiting = ~np.zeros_like(self.excluded), [], list(range(len(self.on)))
        while waiting:
            best = max(waiting, key=lambda row: size(self.fail[row] & left))
            waiting.remove(best)
            taken.append(best)
            left &= ~self.fail[best]
        return taken

    def funnel(self, order: str | Sequence[str] = "protocol") -> pd.DataFrame:
        """Count who is left after each criterion, in any order; the last row is the same in every order.

        Returns
        -------
        pandas.DataFrame
            criterion, title, fails (on its own), excluded (first failure here), remaining (no failure so far),
            confirmed (no failure and nothing unknown so far), only_reason (fails this and nothing else).
        """
        rows = []
        failed = open_ = np.zeros_like(self.excluded)
        for name in self.order(order):
            row = self.on.index(self.planes.ids.index(name))
            before = size(failed)
            failed, open_ = failed | self.fail[row], open_ | self.unknown[row]
            everyone, lost = self.planes.participants, size(failed)
            counts = (size(self.fail[row]), lost - before, everyone - lost, everyone - size(failed | open_))
            title = self.planes.titles[self.planes.ids.index(name)]
            rows.append((name, title, *counts, size(self.fail[row] & self._alone)))
        columns = ["criterion", "title", "fails", "excluded", "remaining", "confirmed", "only_reason"]
        return pd.DataFrame(rows, columns=columns)

    def criteria(self) -> pd.DataFrame:
        """Measure each criterion on its own, in protocol order.

        Returns
        -------
        pandas.DataFrame
            criterion, title, judgement; fails, unknown, only_reason; share (each excluded participant divided equally
            over the criteria that fail, which is the Shapley value of this game; the column adds up to the excluded);
            gain, gain_confirmed (how many more would not be excluded, or be all known and met, without it); open
            (unknown, nothing failed), decides (of these: nothing else is unknown).
        """
        names = [self.planes.ids[i] for i in self.on]
        last_unknown = exactly_once(self.unknown) & ~self.excluded
        gains = [self._gain(i) for i in self.on]
        return pd.DataFrame(
            {
                "criterion": names,
                "title": [self.planes.titles[i] for i in self.on],
                "judgement": [self.planes.judgement[i] for i in self.on],
                "fails": sizes(self.fail),
                "unknown": sizes(self.unknown),
                "only_reason": sizes(self.fail & self._alone),
                "share": self.shares(),
                "gain": [gain for gain, _confirmed in gains],
                "gain_confirmed": [confirmed for _gain, confirmed in gains],
                "open": sizes(self.unknown & self.open),
                "decides": sizes(self.unknown & last_unknown),
            }
        ).astype({"criterion": object, "title": object})  # also when all are switched off

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn.

        Returns
        -------
        pandas.DataFrame
            criterion, title, remaining (not excluded), confirmed (all known and met).
        """
        left, confirmed = self.planes.participants - self.totals["excluded"], self.totals["confirmed"]
        rows = []
        for i in self.on:
            gain, settled = self._gain(i)
            rows.append((self.planes.ids[i], self.planes.titles[i], left + gain, confirmed + settled))
        return pd.DataFrame(rows, columns=["criterion", "title", "remaining", "confirmed"])

    def shares(self) -> NDArray[np.float64]:
        """Divide each excluded participant equally over the criteria that fail; linear in participants."""
        digits, shares = counters(self.fail), np.zeros(len(self.on))
        for failing in range(1, len(self.on) + 1):
            these = where_count(digits, failing)
            if these is not None and these.any():
                shares += sizes(self.fail & these) / failing
        return shares

    def _gain(self, position: int) -> tuple[int, int]:
        """How many more are not excluded, and are confirmed, without one criterion."""
        row = self.on.index(position)
        if position not in self.planes.host:
            fails, unknown = self.fail[row], self.unknown[row]
            one, no = self._alone & fails, ~self.excluded
            settled = ~self._other_unknown(unknown) & (one | (no & unknown))
            return size(one), size(settled)
        rest = Tally(
            self.planes, self.off | {self.planes.ids[position]}
        ).totals  # what follows from it takes its place
        left = rest["possible"] + rest["confirmed"] - self.totals["possible"] - self.totals["confirmed"]
        return left, rest["confirmed"] - self.totals["confirmed"]

    def _other_unknown(self, unknown: Words) -> Words:
        """Who has an unknown criterion besides this one."""
        return self._unknown_somewhere & ~(unknown & self._unknown_once)

    @cached_property
    def _unknown_somewhere(self) -> Words:
        return union(self.unknown)

    @cached_property
    def _unknown_once(self) -> Words:
        return exactly_once(self.unknown)

    def overlap(self) -> pd.DataFrame:
        """Count who fails both of two criteria.

        Returns
        -------
        pandas.DataFrame
            criterion, other, both (who fails both), fails (who fails the first). The diagonal is left out.
        """
        names, fails = [self.planes.ids[i] for i in self.on], sizes(self.fail)
        both = np.array([sizes(self.fail & row) for row in self.fail]).reshape(len(names), len(names))
        return pd.DataFrame(
            [
                (name, other, int(both[i, j]), int(fails[i]))
                for i, name in enumerate(names)
                for j, other in enumerate(names)
                if i != j
            ],
            columns=["criterion", "other", "both", "fails"],
        )


def _check(planes: Planes, off: Iterable[str]) -> None:
    for name in off:
        if name not in planes.ids and name not in planes.counted_in:
            raise ProtocolError("criteria switched off", repr(name), "ids like " + ", ".join(planes.ids[:4]))
