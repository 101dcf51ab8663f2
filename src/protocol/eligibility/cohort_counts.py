"""What follows from the verdicts of a cohort: counts, funnel, overlap, overall verdicts, in any order and selection.

Participants in a row of bits are a set; what sets have in common, and how many are in them, takes a few operations on
a word for 64 participants. Turned upright, rows are one mask per participant.

One bit per participant and criterion, 64 participants to a word. A mirror says the same as its criterion and shares
its bits. An implied criterion counts only where the one it follows from does not exclude already: nobody is counted
twice, and the numbers stay right when a threshold is moved so far that the implication no longer holds.

Answers are kept as a row of bits per criterion, 64 participants to a word: a question about everybody is a few
operations on a word for 64 of them. Turned upright they are a mask per participant.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.criteria import Criterion
from protocol.eligibility.frames import IDENTITY
from protocol.eligibility.verdicts import ELIGIBLE, INELIGIBLE, POSSIBLE
from protocol.records import ProtocolError

Masks = NDArray[np.int64]

Words = NDArray[np.uint64]

Counts = NDArray[np.int64]

STEP = 1 << 16
"""Participants turned sideways at a time, so that they stay in the processor's cache; a multiple of 64."""


def sideways(masks: Masks, criteria: int) -> Words:
    """Turn one mask per participant into one row of bits per criterion, shape (criteria, words)."""
    bits = np.zeros((criteria, -(-len(masks) // 64) * 8), dtype=np.uint8)
    for first in range(0, len(masks), STEP):
        octets = masks[first : first + STEP].astype("<i8", copy=False).view(np.uint8).reshape(-1, 8)
        for position in range(criteria):
            if position % 8 == 0:
                column = np.ascontiguousarray(octets[:, position // 8])
            packed = np.packbits(column & np.uint8(1 << position % 8), bitorder="little")
            bits[position, first // 8 : first // 8 + len(packed)] = packed
    return bits.view("<u8").astype(np.uint64, copy=False)


def upright(bits: Words, participants: int) -> Masks:
    """Turn rows of bits into one mask per participant, the first row lowest."""
    masks = np.zeros(participants, dtype=np.int64)
    for position, row in enumerate(bits):
        masks |= membership(row, participants).astype(np.int64) << position
    return masks


def joined(pieces: Mapping[int, Words], shape: tuple[int, ...], participants: int) -> Words:
    """Put pieces of rows of bits together, each at the place of its first participant."""
    whole = np.zeros((*shape, -(-participants // 64) + 2), dtype=np.uint64)
    for first, bits in pieces.items():
        word, shift = divmod(first, 64)
        behind = word + bits.shape[-1]
        whole[..., word:behind] |= bits << np.uint64(shift)
        if shift:
            whole[..., word + 1 : behind + 1] |= bits >> np.uint64(64 - shift)
    return whole[..., :-2]


def membership(bits: Words, participants: int) -> NDArray[np.bool_]:
    """Return for each participant whether a row has the bit."""
    octets = bits.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, count=participants, bitorder="little").view(np.bool_)


def size(bits: Words) -> int:
    """Count the participants in a row of bits."""
    return int(sizes(bits))


def sizes(bits: Words) -> Counts:
    """Count the participants in each row of bits."""
    counts: Counts = np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)
    return counts


def union(bits: Words) -> Words:
    """Return the participants in at least one row."""
    found: Words = np.bitwise_or.reduce(bits, axis=0)
    return found


def exactly_once(bits: Words) -> Words:
    """Return the participants in exactly one row."""
    once, twice = (np.zeros(bits.shape[1], dtype=np.uint64) for _kind in range(2))
    for row in bits:
        twice |= once & row
        once |= row
    return once & ~twice


@dataclass(frozen=True)
class Planes:
    """The packed bits of one screening.

    Attributes
    ----------
    ids, titles : tuple of str
        The criteria that count, in protocol order; mirrors are left out.
    judgement : tuple of bool
        Whether only an investigator can say.
    counted_in : dict of str to str
        Each mirror or implied criterion with the one it counts in.
    host : tuple of int or None
        For an implied criterion the position of the one it follows from.
    fail, unknown : array of uint64, shape (criteria, words)
        64 participants to a word; the bits behind the last participant are zero.
    participants : int
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    judgement: tuple[bool, ...]
    counted_in: dict[str, str]
    host: tuple[int | None, ...]
    fail: Words
    unknown: Words
    participants: int


def pack(screening: "CohortScreening") -> Planes:
    """Pack the masks of a screening; a mirror's bits join those of its criterion."""
    fail, unknown = screening.fail_bits.copy(), screening.unknown_bits.copy()
    place = {criterion.id: i for i, criterion in enumerate(screening.criteria)}
    for i, criterion in enumerate(screening.criteria):
        if criterion.mirrors:
            fail[place[criterion.mirrors]] |= fail[i]
            unknown[place[criterion.mirrors]] |= unknown[i]
    own = [i for i, criterion in enumerate(screening.criteria) if not criterion.mirrors]
    kept = [screening.criteria[i] for i in own]
    ids = tuple(criterion.id for criterion in kept)
    return Planes(
        ids=ids,
        titles=tuple(screening.titles[i] for i in own),
        judgement=tuple(criterion.type == "judgement" for criterion in kept),
        counted_in={c.id: c.counted_with for c in screening.criteria if c.counted_with},
        host=tuple(ids.index(c.implied_by) if c.implied_by else None for c in kept),
        fail=fail[own],
        unknown=(unknown & ~fail)[own],
        participants=len(screening.participants),
    )


def members(plane: Words, participants: int) -> NDArray[np.intp]:
    """Return the rows whose bit is set."""
    return np.flatnonzero(membership(plane, participants))


def counters(rows: Words) -> list[Words]:
    """Add up the rows: binary digits of the number of set bits per participant, the lowest digit first."""
    digits: list[Words] = []
    for row in rows:
        carry = row
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
        if carry.any():
            digits.append(carry)
    return digits


def where_count(digits: list[Words], count: int) -> Words | None:
    """Who has this number of set bits; None when the number has more digits than anybody's."""
    if count >> len(digits):
        return None
    return reduce(np.bitwise_and, (digit if count >> place & 1 else ~digit for place, digit in enumerate(digits)))


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


MASKS = ("fail", "unknown", "not_applicable")


@dataclass(frozen=True)
class CohortScreening:
    """The answer for a cohort.

    Attributes
    ----------
    criteria : tuple of Criterion
        In protocol order; bit ``i`` of every mask belongs to ``criteria[i]``.
    titles : tuple of str
        Their short titles with the thresholds used.
    participants : sequence of str
        One id per row, in the order of the input.
    fail_bits, unknown_bits, not_applicable_bits : arrays of uint64, shape (criteria, words)
        Who fails, for whom it cannot be said, to whom it does not apply: 64 participants to a word, the first
        lowest; zeros behind the last.
    """

    criteria: tuple[Criterion, ...]
    titles: tuple[str, ...]
    participants: Sequence[str]
    fail_bits: Words
    unknown_bits: Words
    not_applicable_bits: Words

    @classmethod
    def of_masks(
        cls, criteria: tuple[Criterion, ...], titles: tuple[str, ...], participants: Sequence[str], *masks: Masks
    ) -> "CohortScreening":
        """Take three masks per participant, as :attr:`fail`, :attr:`unknown` and :attr:`not_applicable` give them."""
        return cls(criteria, titles, participants, *(sideways(mask, len(criteria)) for mask in masks))

    @cached_property
    def fail(self) -> Masks:
        """Which criteria block: integers, shape (participants,)."""
        return upright(self.fail_bits, len(self.participants))

    @cached_property
    def unknown(self) -> Masks:
        """Which criteria cannot be said, as :attr:`fail`."""
        return upright(self.unknown_bits, len(self.participants))

    @cached_property
    def not_applicable(self) -> Masks:
        """Which criteria do not apply, as :attr:`fail`."""
        return upright(self.not_applicable_bits, len(self.participants))

    @cached_property
    def _tally(self) -> Tally:
        return Tally(pack(self))

    def counts(self) -> pd.DataFrame:
        """Count each verdict per criterion: columns criterion, title, met, not met, unknown, not applicable."""
        bits = (self.fail_bits, self.unknown_bits, self.not_applicable_bits)
        fail, unknown, absent = (sizes(one) for one in bits)
        met = len(self.participants) - fail - unknown - absent
        names = {"criterion": [criterion.id for criterion in self.criteria], "title": self.titles}
        return pd.DataFrame(
            names | {"met": met, "not met": fail, "unknown": unknown, "not applicable": absent},
        )

    def funnel(self, order: Sequence[str] | None = None, leave_out: Collection[str] = ()) -> pd.DataFrame:
        """Count who is left after each criterion.

        Parameters
        ----------
        order : sequence of str, optional
            Ids of the criteria in the order in which they are asked; those not named follow in protocol order.
        leave_out : collection of str
            Ids of criteria that are not asked.

        Returns
        -------
        pandas.DataFrame
            criterion, title, fails (on its own), excluded (first failure here), remaining (no failure so far),
            confirmed (no failure and nothing unknown so far), only_reason (fails this and nothing else). A mirror is
            left out; an implied criterion counts what the one it follows from leaves over.

        Raises
        ------
        ProtocolError
            For an id that no criterion has.
        """
        ids = [criterion.id for criterion in self.criteria]
        for name in (*(order or ()), *leave_out):
            if name not in ids:
                raise ProtocolError(f"criterion {name}", "no such criterion", "one of " + ", ".join(ids))
        tally = Tally(self._tally.planes, leave_out) if leave_out else self._tally
        return tally.funnel(order or "protocol")

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn: columns criterion, title, remaining, confirmed."""
        return self._tally.leave_one_out()

    def totals(self) -> dict[str, int]:
        """Count the overall verdicts; every criterion decides, those counted with another included."""
        failed, unclear = union(self.fail_bits), union(self.unknown_bits)
        ineligible, possible = size(failed), size(unclear & ~failed)
        return {INELIGIBLE: ineligible, POSSIBLE: possible, ELIGIBLE: len(self.participants) - ineligible - possible}

    def overall(self) -> "pd.Series[str]":
        """Return the overall verdict per participant, indexed by participant id."""
        failed, unclear = (
            membership(union(bits), len(self.participants)) for bits in (self.fail_bits, self.unknown_bits)
        )
        codes = np.where(failed, np.int8(0), np.where(unclear, np.int8(1), np.int8(2)))
        verdicts = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype([INELIGIBLE, POSSIBLE, ELIGIBLE]))
        return pd.Series(verdicts, index=pd.Index(list(self.participants), name=IDENTITY), name="overall")
