"""The verdicts of a cohort and every count of them: funnel, overlap, near-misses, in any order and selection.

A mirror says the same as its criterion and is counted with it. An implied criterion counts only where the one it
follows from does not exclude already: no participant counts twice, and the numbers stay right if a threshold moves so
far that the implication no longer holds.

Inside this module the verdicts are rows of bits, one row per criterion and 64 participants to a word, so that a
question about all participants is a few operations on each word. Outside it they are numbers, names and boolean
arrays.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.display import shown
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, Status
from protocol.eligibility.fact_sources import Columns, value_of
from protocol.eligibility.frames import IDENTITY, Batch
from protocol.eligibility.logic import Value, both
from protocol.eligibility.verdicts import ELIGIBLE, INELIGIBLE, POSSIBLE, STATUSES, logic_of, outcome, prepared
from protocol.records import Phase, ProtocolError
from protocol.translation import _, list_of

Flags = NDArray[np.bool_]

Places = NDArray[np.intp]
"""Rows of participants, from 0."""

Counts = NDArray[np.int64]

_Words = NDArray[np.uint64]


@dataclass(frozen=True, repr=False)
class CohortScreening:
    """The answer for a cohort.

    Attributes
    ----------
    criteria : tuple of Criterion
        In protocol order.
    titles : tuple of str
        Their short titles with the thresholds used.
    participants : sequence of str
        One id per row, in the order of the input.
    verdicts : Verdicts
        Every verdict, in a compact form; :attr:`fail`, :attr:`unknown` and :attr:`not_applicable` spell them out.
    """

    criteria: tuple[Criterion, ...]
    titles: tuple[str, ...]
    participants: Sequence[str]
    verdicts: "Verdicts"

    @property
    def fail(self) -> Flags:
        """Who fails which criterion: shape (participants, criteria)."""
        return self.verdicts.flags("excludes")

    @property
    def unknown(self) -> Flags:
        """For whom which criterion is unknown, as :attr:`fail`."""
        return self.verdicts.flags("unknown")

    @property
    def not_applicable(self) -> Flags:
        """To whom which criterion does not apply, as :attr:`fail`."""
        return self.verdicts.flags("not applicable")

    def codes(self) -> NDArray[np.int8]:
        """Return every verdict as a number: 0 passes, 1 excludes, 2 unknown, 3 not applicable.

        Returns
        -------
        array of int8, shape (participants, criteria)
        """
        codes = np.full((len(self.participants), len(self.criteria)), STATUSES.index("passes"), dtype=np.int8)
        for status in _KEPT:
            codes[self.verdicts.flags(status)] = STATUSES.index(status)
        return codes

    def having(self, status: Status, criteria: Collection[str]) -> Flags:
        """Return who has a verdict ("excludes", "unknown" or "not applicable") in at least one of some criteria.

        Parameters
        ----------
        status : str
        criteria : collection of str
            Ids.

        Returns
        -------
        array of bool, shape (participants,)
        """
        rows = [i for i, criterion in enumerate(self.criteria) if criterion.id in criteria]
        return _flags(_union(self.verdicts.rows_of(status)[rows]), len(self.participants))

    def tally(self, off: Collection[str] = ()) -> "Tally":
        """Return all counts, with some criteria switched off.

        Parameters
        ----------
        off : collection of str
            Ids of criteria that are not counted; a mirror goes with its criterion.

        Raises
        ------
        ProtocolError
            For an id that is no criterion.
        """
        return Tally(self._counted, off) if off else self._everything

    @cached_property
    def _counted(self) -> "_Counted":
        """The criteria that count by themselves, and their verdicts with those of their mirrors."""
        fail, unknown = (self.verdicts.rows_of(status).copy() for status in ("excludes", "unknown"))
        place = {criterion.id: i for i, criterion in enumerate(self.criteria)}
        for i, criterion in enumerate(self.criteria):
            if criterion.mirrors:
                fail[place[criterion.mirrors]] |= fail[i]
                unknown[place[criterion.mirrors]] |= unknown[i]
        own = [i for i, criterion in enumerate(self.criteria) if not criterion.mirrors]
        kept = tuple(self.criteria[i] for i in own)
        ids = [criterion.id for criterion in kept]
        return _Counted(
            criteria=kept,
            titles=tuple(self.titles[i] for i in own),
            counted_in={c.id: c.counted_with for c in self.criteria if c.counted_with},
            host=tuple(ids.index(c.implied_by) if c.implied_by else None for c in kept),
            fail=fail[own],
            unknown=(unknown & ~fail)[own],
            participants=len(self.participants),
        )

    @cached_property
    def _everything(self) -> "Tally":
        return Tally(self._counted)

    def counts(self) -> pd.DataFrame:
        """Count each verdict per criterion: columns criterion, title, passes, excludes, unknown, not applicable."""
        fail, unknown, absent = (_sizes(self.verdicts.rows_of(status)) for status in _KEPT)
        passes = len(self.participants) - fail - unknown - absent
        names = {"criterion": [criterion.id for criterion in self.criteria], "title": self.titles}
        return pd.DataFrame(
            names | {"passes": passes, "excludes": fail, "unknown": unknown, "not applicable": absent}
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
                raise ProtocolError(
                    _("criterion {name}").format(name=name),
                    _("no such criterion"),
                    _("one of {options}").format(options=list_of(ids)),
                )
        return self.tally(leave_out).funnel(order or "protocol")

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn: columns criterion, title, remaining, confirmed."""
        return self.tally().leave_one_out()

    def totals(self) -> dict[str, int]:
        """Count the overall verdicts; every criterion decides, those counted with another included."""
        totals = self.tally().totals
        return {INELIGIBLE: totals["excluded"], POSSIBLE: totals["possible"], ELIGIBLE: totals["confirmed"]}

    def overall(self) -> "pd.Series[str]":
        """Return the overall verdict per participant, indexed by participant id."""
        kinds = pd.CategoricalDtype([INELIGIBLE, POSSIBLE, ELIGIBLE])
        verdicts = pd.Categorical.from_codes(self.tally().answers, dtype=kinds)
        return pd.Series(verdicts, index=pd.Index(list(self.participants), name=IDENTITY), name="overall")

    def table(self) -> pd.DataFrame:
        """Return the verdicts counted, tidy: one row per criterion and verdict.

        Returns
        -------
        pandas.DataFrame
            criterion, title, status (passes, excludes, unknown, not applicable), participants.
        """
        return self.counts().melt(["criterion", "title"], var_name="status", value_name="participants")

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.totals().items())
        return f"<CohortScreening of {len(self.participants)} participants, {len(self.criteria)} criteria: {counts}>"

    def _repr_html_(self) -> str:
        return shown(repr(self), self.counts())


ANSWERS = ("excluded", "possible", "confirmed")
"""An answer as a number is its place here: a criterion excludes; none excludes and one is unknown; all pass."""


class Tally:
    """Every count of a cohort, with some criteria switched off; see :meth:`CohortScreening.tally`.

    Attributes
    ----------
    ids, titles : tuple of str
        The criteria that can be counted, in protocol order; mirrors are left out.
    judged : frozenset of str
        Those that only an investigator can judge.
    counted_in : dict of str to str
        Each mirror or implied criterion with the one it counts in.
    off : frozenset of str
        Criteria switched off, by id; a mirror goes with its criterion.
    on : tuple of str
        The criteria that are counted, in protocol order.
    participants : int
    """

    def __init__(self, counted: "_Counted", off: Collection[str] = ()) -> None:
        self._counted, self.off = counted, frozenset(off)
        self.ids = tuple(criterion.id for criterion in counted.criteria)
        self.titles, self.counted_in, self.participants = counted.titles, counted.counted_in, counted.participants
        self.judged = frozenset(criterion.id for criterion in counted.criteria if criterion.type == "judgement")
        for name in off:
            if name not in self.ids and name not in self.counted_in:
                raise ProtocolError(
                    _("criteria switched off"), repr(name), _("ids like {ids}").format(ids=list_of(self.ids[:4]))
                )
        self._positions = [i for i, name in enumerate(self.ids) if name not in self.off]
        self.on = tuple(self.ids[i] for i in self._positions)
        self._fail, self._unknown = self._effective()
        self._excluded = _union(self._fail)
        self._open = _union(self._unknown) & ~self._excluded

    def _effective(self) -> tuple[_Words, _Words]:
        """Return the bits that count: an implied criterion keeps what the one it follows from leaves over."""
        on, counted = self._positions, self._counted
        fail, unknown = counted.fail[on], counted.unknown[on]
        for row, i in enumerate(on):
            host = counted.host[i]
            if host is not None and host in on:
                fail[row] &= ~counted.fail[host]
                unknown[row] &= ~(counted.fail[host] | counted.unknown[host])
        return fail, unknown

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.totals.items())
        return f"<Tally of {len(self.on)} of {len(self.ids)} criteria: {counts}>"

    def without(self, names: Iterable[str]) -> "Tally":
        """Count again with more criteria switched off.

        Raises
        ------
        ProtocolError
            For an id that is no criterion.
        """
        return Tally(self._counted, self.off | frozenset(names))

    @cached_property
    def totals(self) -> dict[str, int]:
        """Count participants: excluded, possible (something unknown, nothing failed), confirmed (all pass).

        ``confirmed`` is the worst case of what the unknowns can turn out to be, ``confirmed + possible`` the best.
        """
        excluded, possible = _size(self._excluded), _size(self._open)
        confirmed = self.participants - excluded - possible
        counts = {"excluded": excluded, "possible": possible, "confirmed": confirmed}
        return {"participants": self.participants} | counts

    @cached_property
    def answers(self) -> NDArray[np.int8]:
        """Each participant's answer, shape (participants,): 0 excluded, 1 possible, 2 confirmed."""
        excluded, open_ = (_flags(bits, self.participants) for bits in (self._excluded, self._open))
        return np.where(excluded, np.int8(0), np.where(open_, np.int8(1), np.int8(2)))

    def rows(self, answer: str) -> Places:
        """Return the rows of the participants with an answer: "excluded", "possible" or "confirmed"."""
        return np.flatnonzero(self.answers == ANSWERS.index(answer))

    def failing(self, criterion: str) -> Places:
        """Return the rows of those who fail a criterion that is on."""
        return self._rows(self._fail[self.on.index(criterion)])

    def first_failing(self, criterion: str, order: "str | Sequence[str]" = "protocol") -> Places:
        """Return the rows of those whom a criterion that is on excludes first, in the order of :meth:`funnel`."""
        before = self.order(order)[: self.order(order).index(criterion)]
        earlier = _union(self._fail[[self.on.index(name) for name in before]])
        return self._rows(self._fail[self.on.index(criterion)] & ~earlier)

    def open_at(self, criterion: str) -> Places:
        """Return the rows for which a counted criterion is unknown and which no counted criterion excludes."""
        return self._rows(self._unknown[self.on.index(criterion)] & ~self._excluded)

    def only_reason(self, criterion: str) -> Places:
        """Return the rows of those who fail this criterion and no other; empty if the criterion is switched off."""
        if criterion not in self.on:
            return np.array([], dtype=np.intp)
        return self._rows(self._fail[self.on.index(criterion)] & self._alone)

    def count_unknown(self, rows: Places) -> Counts:
        """Count the criteria that are unknown for some participants, shape (rows,); a mirror counts no further."""
        words, shifts = rows // 64, (rows % 64).astype(np.uint64)
        counts: Counts = (self._unknown[:, words] >> shifts & np.uint64(1)).sum(axis=0, dtype=np.int64)
        return counts

    def idle(self) -> tuple[str, ...]:
        """Return the implied criteria that are on and exclude no participant beyond the criterion behind them."""
        implied = [(row, name) for row, name in enumerate(self.on) if name in self.counted_in]
        return tuple(name for row, name in implied if not (self._fail[row].any() or self._unknown[row].any()))

    def _rows(self, bits: _Words) -> Places:
        return np.flatnonzero(_flags(bits, self.participants))

    @cached_property
    def _alone(self) -> _Words:
        """Who fails exactly one criterion."""
        return _exactly_once(self._fail)

    def order(self, order: str | Sequence[str] = "protocol") -> list[str]:
        """Return the criteria that are on in the order wanted.

        Parameters
        ----------
        order : "protocol", "most" or sequence of str
            "most" takes next the criterion that excludes most of those who are left. A sequence of ids comes first as
            it stands; criteria it does not name follow in protocol order.
        """
        ids = list(self.on)
        if order == "protocol":
            return ids
        if order == "most":
            return [ids[row] for row in self._greedy()]
        own = [name for name in dict.fromkeys(order) if name in ids]
        return own + [name for name in ids if name not in own]

    def _greedy(self) -> list[int]:
        left, taken, waiting = ~np.zeros_like(self._excluded), [], list(range(len(self.on)))
        while waiting:
            best = max(waiting, key=lambda row: _size(self._fail[row] & left))
            waiting.remove(best)
            taken.append(best)
            left &= ~self._fail[best]
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
        failed = open_ = np.zeros_like(self._excluded)
        for name in self.order(order):
            row = self.on.index(name)
            before = _size(failed)
            failed, open_ = failed | self._fail[row], open_ | self._unknown[row]
            everyone, lost = self.participants, _size(failed)
            counts = (_size(self._fail[row]), lost - before, everyone - lost, everyone - _size(failed | open_))
            title = self._titles[name]
            rows.append((name, title, *counts, _size(self._fail[row] & self._alone)))
        columns = ["criterion", "title", "fails", "excluded", "remaining", "confirmed", "only_reason"]
        return pd.DataFrame(rows, columns=columns)

    def criteria(self) -> pd.DataFrame:
        """Measure each criterion on its own, in protocol order.

        Returns
        -------
        pandas.DataFrame
            criterion, title, judgement; fails, unknown, only_reason; share (each excluded participant divided equally
            over the criteria that fail, which is the Shapley value of this game; the column adds up to the excluded);
            gain, gain_confirmed (how many more would not be excluded, or have all known and passed, without it); open
            (unknown, nothing failed), decides (of these: nothing else is unknown).
        """
        gains = [self._gain(name) for name in self.on]
        return pd.DataFrame(
            {
                "criterion": self.on,
                "title": [self._titles[name] for name in self.on],
                "judgement": [name in self.judged for name in self.on],
                "fails": _sizes(self._fail),
                "unknown": _sizes(self._unknown),
                "only_reason": _sizes(self._fail & self._alone),
                "share": self.shares(),
                "gain": [gain for gain, _confirmed in gains],
                "gain_confirmed": [confirmed for _gain, confirmed in gains],
                "open": _sizes(self._unknown & self._open),
                "decides": _sizes(self._unknown & self._unknown_once & ~self._excluded),
            }
        ).astype({"criterion": object, "title": object})  # also when all are switched off

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn.

        Returns
        -------
        pandas.DataFrame
            criterion, title, remaining (not excluded), confirmed (all known, all pass).
        """
        rows, totals = [], self.totals
        for name in self.on:
            gain, settled = self._gain(name)
            left = totals["possible"] + totals["confirmed"] + gain
            rows.append((name, self._titles[name], left, totals["confirmed"] + settled))
        return pd.DataFrame(rows, columns=["criterion", "title", "remaining", "confirmed"])

    def shares(self) -> NDArray[np.float64]:
        """Divide each excluded participant equally over the criteria that fail; linear in participants."""
        digits, shares = _counters(self._fail), np.zeros(len(self.on))
        for failing in range(1, min(len(self.on) + 1, 1 << len(digits))):
            these = reduce(np.bitwise_and, (d if failing >> place & 1 else ~d for place, d in enumerate(digits)))
            if these.any():
                shares += _sizes(self._fail & these) / failing
        return shares

    def _gain(self, criterion: str) -> tuple[int, int]:
        """How many more are not excluded, and are confirmed, without one criterion."""
        row = self.on.index(criterion)
        if self._positions[row] not in self._counted.host:
            only, unknown = self._alone & self._fail[row], self._unknown[row]
            known_otherwise = ~self._unknown_somewhere | (unknown & self._unknown_once)
            return _size(only), _size(known_otherwise & (only | (unknown & ~self._excluded)))
        rest = self.without([criterion]).totals  # what follows from it takes its place
        left = rest["possible"] + rest["confirmed"] - self.totals["possible"] - self.totals["confirmed"]
        return left, rest["confirmed"] - self.totals["confirmed"]

    @cached_property
    def _titles(self) -> dict[str, str]:
        return dict(zip(self.ids, self.titles, strict=True))

    @cached_property
    def _unknown_somewhere(self) -> _Words:
        return _union(self._unknown)

    @cached_property
    def _unknown_once(self) -> _Words:
        return _exactly_once(self._unknown)

    def overlap(self) -> pd.DataFrame:
        """Count who fails both of two criteria.

        Returns
        -------
        pandas.DataFrame
            criterion, other, both (who fails both), fails (who fails the first). The diagonal is left out.
        """
        both = np.array([_sizes(self._fail & row) for row in self._fail]).reshape(len(self.on), len(self.on))
        names, (one, other) = np.array(self.on, dtype=object), np.nonzero(~np.eye(len(self.on), dtype=bool))
        counts = {"both": both[one, other], "fails": _sizes(self._fail)[one]}
        return pd.DataFrame({"criterion": names[one], "other": names[other]} | counts)


class _Counted(NamedTuple):
    """The criteria that count by themselves, mirrors joined to them: who fails and for whom they are unknown."""

    criteria: tuple[Criterion, ...]
    titles: tuple[str, ...]
    counted_in: dict[str, str]
    host: tuple[int | None, ...]
    """For an implied criterion the position of the one it follows from."""
    fail: _Words
    unknown: _Words
    participants: int


# --- Verdicts, kept as bits ---

_KEPT: tuple[Status, ...] = ("excludes", "unknown", "not applicable")
"""Who has none of these verdicts passes the criterion."""


class Verdicts:
    """The verdicts of some criteria for some participants: a compact, unchanging table.

    Parameters
    ----------
    bits : array of uint64, shape (3, criteria, words)
        Who fails, for whom it is unknown, to whom it does not apply; zeros behind the last participant.
    size : int
        The number of participants.
    """

    def __init__(self, bits: _Words, size: int) -> None:
        self._bits, self.size = bits, size

    @classmethod
    def judged(
        cls, catalogue: Catalogue, batch: Batch, phase: Phase, criteria: Sequence[int], size: int
    ) -> "Verdicts":
        """Judge a batch of participants by some criteria, given by their positions in the record."""
        facts = prepared(catalogue).facts
        columns = {name: value_of(column, facts[name]) for name, column in batch.items()}
        logic = logic_of(catalogue, _PackedColumns(columns, size))
        everybody = np.packbits(np.ones(size, dtype=bool), bitorder="little")
        octets = np.zeros((len(_KEPT), len(criteria), -(-size // 64) * 8), dtype=np.uint8)
        for place, i in enumerate(criteria):
            found = outcome(logic, catalogue.criteria[i], phase)
            for kind, flags in enumerate((found.fails, found.unknown, found.not_applicable)):
                octets[kind, place, : len(everybody)] = both(flags, everybody) if flags is not False else 0
        return cls(octets.view("<u8").astype(np.uint64, copy=False), size)

    @classmethod
    def joined(cls, pieces: Mapping[int, "Verdicts"], criteria: int, size: int) -> "Verdicts":
        """Put batches together, each given with the row of its first participant."""
        whole = np.zeros((len(_KEPT), criteria, -(-size // 64) + 2), dtype=np.uint64)
        for first, piece in pieces.items():
            word, shift = divmod(first, 64)
            behind = word + piece._bits.shape[-1]
            whole[..., word:behind] |= piece._bits << np.uint64(shift)
            if shift:
                whole[..., word + 1 : behind + 1] |= piece._bits >> np.uint64(64 - shift)
        return cls(whole[..., :-2], size)

    @classmethod
    def stacked(cls, parts: Sequence["Verdicts"]) -> "Verdicts":
        """Put the criteria of several tables of the same participants below each other."""
        return cls(np.concatenate([part._bits for part in parts], axis=1), parts[0].size)

    def replaced(self, positions: Sequence[int], found: "Verdicts") -> "Verdicts":
        """Return a copy with other verdicts of some criteria."""
        bits = self._bits.copy()
        bits[:, positions] = found._bits
        return Verdicts(bits, self.size)

    def rows_of(self, status: Status) -> _Words:
        """Return the rows of bits of one verdict; for this module only."""
        rows: _Words = self._bits[_KEPT.index(status)]
        return rows

    def flags(self, status: Status) -> Flags:
        """Return who has a verdict ("excludes", "unknown" or "not applicable"): shape (participants, criteria)."""
        return _flags(self.rows_of(status), self.size).T


class _PackedColumns(Columns):
    """Columns whose flags are kept eight participants to a byte, the first lowest.

    The bits of the last byte beyond the last participant are undefined.
    """

    def __init__(self, values: Mapping[str, Value], size: int) -> None:
        super().__init__(values)
        self.size = size

    def fact(self, fact: Fact) -> Value:
        """Look up one fact's column."""
        data, known = super().fact(fact)
        return Value(data, self.flags(known))

    def flags(self, outcome: Any) -> Any:
        """Return the outcome of a comparison, packed."""
        return np.packbits(outcome, bitorder="little") if isinstance(outcome, np.ndarray) else outcome

    def unpacked(self, flags: Any) -> Any:
        """Return flags as one boolean per participant."""
        if not isinstance(flags, np.ndarray):
            return flags
        return np.unpackbits(flags, count=self.size, bitorder="little").view(np.bool_)


def _flags(bits: _Words, size: int) -> Flags:
    """Return for each participant whether a row has the bit: shape (..., participants)."""
    octets = bits.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=size, bitorder="little").view(np.bool_)


def _size(bits: _Words) -> int:
    return int(_sizes(bits))


def _sizes(bits: _Words) -> Counts:
    counts: Counts = np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)
    return counts


def _union(bits: _Words) -> _Words:
    found: _Words = np.bitwise_or.reduce(bits, axis=0)
    return found


def _exactly_once(bits: _Words) -> _Words:
    """Return the participants in exactly one row."""
    once, twice = (np.zeros(bits.shape[1], dtype=np.uint64) for _kind in range(2))
    for row in bits:
        twice |= once & row
        once |= row
    return once & ~twice


def _counters(rows: _Words) -> list[_Words]:
    """Add up the rows: binary digits of the number of set bits per participant, the lowest digit first."""
    digits: list[_Words] = []
    for row in rows:
        carry = row
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
        if carry.any():
            digits.append(carry)
    return digits
