"""The form of one participant: every fact of the record in one widget, with what the answers say about each."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.fact_status import FactStatus, open_statements
from protocol.eligibility.verdicts import SIGNS, signed
from protocol.exchange.cohort.laboratory_text import read_typed, typed
from protocol.exchange.units import shown_unit
from protocol.pages.kit.fields import upload_limit
from protocol.records import ProtocolError
from protocol.translation import _, in_every_language, labelled, list_of, ngettext

KINDS = {"passes": "good", "excludes": "bad", "unknown": "open", "not applicable": "off"}
"""The style of each verdict."""

MOST_SEGMENTS, LONGEST_SEGMENTS = 4, 48
"""A choice with more options, or with more letters in them together, is a list."""

TOGETHER = _("confirmed together")
_TOGETHER_MARKS = in_every_language("confirmed together")  # a source is kept as it was written
"""Begins the source of each judgement that was confirmed in the list of statements."""

MOST_MARKS = 3
"""Outcomes shown beside one field."""


class FactField:
    """One field of the form.

    Attributes
    ----------
    value : bool or str
        True or False for a yes_no fact, otherwise what is typed or chosen; "" for an unknown fact.
    """

    def __init__(self, form: "FactsForm", fact: Fact) -> None:
        self._form, self._fact = form, fact

    @property
    def value(self) -> bool | str:
        """What stands in the field."""
        text = self._form.value.get(self._fact.id, "")
        return text == "yes" if self._fact.type == "yes_no" and text else str(text)

    @value.setter
    def value(self, value: object) -> None:
        self._form.enter({self._fact.id: _text(value)})


@dataclass(frozen=True)
class Shown:
    """What the form shows beside its fields.

    Attributes
    ----------
    statuses : mapping of str to FactStatus
    limits, notes : mapping of str to str
        What the criteria ask of a number, and what is known of a fact besides what was typed, by fact.
    answered : collection of str
        The facts that are known; a value that is refused is none.
    problems : mapping of str to ProtocolError
        Why values are refused, by fact.
    question : str
        The fact to ask for next; "" if there is none.
    why : str
        What the answer to it can decide.
    done : str
        What to say if there is no question.
    """

    statuses: Mapping[str, FactStatus]
    limits: Mapping[str, str]
    notes: Mapping[str, str]
    answered: Collection[str]
    problems: Mapping[str, ProtocolError]
    question: str = ""
    why: str = ""
    done: str = ""

    @property
    def asked(self) -> set[str]:
        """The facts that wait for an answer, or for one that can be used."""
        return {name for name, one in self.statuses.items() if one.asked}.union(self.problems).difference(
            self.answered
        )

    @property
    def counts(self) -> tuple[int, int]:
        """How many facts are answered, and how many that is together with those that wait."""
        return len(self.answered), len(self.answered) + len(self.asked)


class FactsForm(anywidget.AnyWidget):
    """All facts of a record as one widget; an empty field is an unknown fact.

    Attributes
    ----------
    value : dict of str to str
        What stands in the fields, by fact, as text: "yes", "no", an option, a day as 2026-03-01, or a number, perhaps
        with a unit.
    asking : bool
        Whether one question is asked at a time.
    fields : dict of str to FactField
    sources : dict of str to str
        Where each fact came from.
    unusable : dict of str to str
        Facts that were found and cannot be used, with the reason, until they are entered.
    confirmer : str
        Who confirms the statements; it stands with them in the record. "" if it is not known.
    clock : callable
        Returns the moment of a confirmation.
    skipped : tuple of str
        Facts that are not asked for, one question at a time, until the form is shown whole again.
    """

    _esm = Path(__file__).with_name("facts_form.js")

    value = traitlets.Dict().tag(sync=True)
    asking = traitlets.Bool(False).tag(sync=True)
    skipped = traitlets.Tuple()
    _form = traitlets.Dict().tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)
    _seen = traitlets.Dict().tag(sync=True)

    def __init__(
        self, record: EligibilityRecord, today: date, take: Callable[[str, bytes], None], clear: Callable[[], None]
    ) -> None:
        self.facts = {fact.id: fact for fact in record.facts}
        self.fields = {name: FactField(self, fact) for name, fact in self.facts.items()}
        self.sources: dict[str, str] = {}
        self.unusable: dict[str, str] = {}
        self.confirmer = ""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._statuses: Mapping[str, FactStatus] = {}
        self._where: Mapping[str, str] = {}
        self._record = record
        self._take, self._clear = take, clear
        analytes = record.imports.analytes
        self._normal = {one.value: one.limit for one in analytes if one.limit}
        self._masses = {name: one.molar_mass for one in analytes for name in (one.value, one.limit) if name}
        self._groups = [(name, list(some)) for name, some in groupby(record.facts, key=lambda fact: fact.group)]
        super().__init__(_form={"groups": self._specified(), "words": _words(), "most": upload_limit()})
        self.observe(self._entered, "value")
        self.on_msg(self._receive)
        if record.roles.enrolment_day is not None:
            self.enter({record.roles.enrolment_day: today.isoformat()}, _("today"))

    def enter(self, texts: Mapping[str, str], where: str = "") -> None:
        """Put texts into fields; the others stay. A reference range typed with a value goes into its own field.

        `where` says where they came from, if not from a person at the form.
        """
        entered = dict(self.value)
        for name, text in texts.items():
            parts = typed(text) if name in self._normal else None
            if parts and parts.limit:
                entered |= {name: parts.text, self._normal[name]: parts.upper}
            else:
                entered[name] = text
        self._put({name: text for name, text in entered.items() if text}, dict.fromkeys(texts, where))

    def _put(self, value: dict[str, str], where: Mapping[str, str]) -> None:
        self._where = {name: said for name, said in where.items() if said}
        try:
            self.value = value
        finally:
            self._where = {}

    def text_of(self, name: str, value: object) -> str:
        """Return a value as it stands in the field of a fact; "" for None and NaN.

        Raises
        ------
        ProtocolError
            If there is no such fact, or the value is none of it.
        """
        if name not in self.facts:
            raise ProtocolError(_("fact"), repr(name)[:60], _("one of {names}").format(names=list_of(self.facts)))
        plain = value.item() if hasattr(value, "item") else value  # of NumPy
        if plain is None or plain != plain:
            return ""
        plain = plain.date() if isinstance(plain, datetime) else plain
        return _text(read_typed(_text(plain), self.facts[name], self._masses.get(name)))

    def read(self) -> tuple[dict[str, Any], dict[str, ProtocolError]]:
        """Return the facts that are given, None where unknown, and the problem of every field that cannot be used."""
        facts, problems = dict[str, Any](), dict[str, ProtocolError]()
        for name, fact in self.facts.items():
            try:
                facts[name] = read_typed(self.value.get(name, ""), fact, self._masses.get(name))
            except ProtocolError as error:
                problems[name] = error
        return facts, problems

    def fill(
        self, facts: Mapping[str, Any], where: str | Mapping[str, str], unusable: Mapping[str, str] | None = None
    ) -> None:
        """Put facts into the form; all others become unknown. `where` says where they came from, also by fact."""
        known = {name: value for name, value in facts.items() if value is not None}
        self.sources = dict.fromkeys(known, where) if isinstance(where, str) else dict(where)
        self.unusable = dict(unusable or {})
        self._put({name: _text(value) for name, value in known.items() if name in self.facts}, self.sources)

    def restore(self, texts: Mapping[str, str], sources: Mapping[str, str], unusable: Mapping[str, str]) -> None:
        """Put back what stood in the fields, with where each came from and what could not be used."""
        self.sources = dict(sources)
        self.unusable = dict(unusable)
        self._put(dict(texts), sources)

    def findings(self, group: int = -1) -> dict[str, str]:
        """Return the unanswered facts that "none of these" answers, with that answer; of one group, or of all."""
        groups = self._groups if group < 0 else self._groups[group : group + 1]
        return {
            fact.id: fact.absent
            for _name, facts in groups
            for fact in facts
            if fact.absent and fact.id not in self.value and fact.id not in self.unusable
        }

    def answer_none(self, group: int = -1) -> None:
        """Answer what is unanswered and has such an answer with "none of these", in one group or in all."""
        self.enter(self.findings(group), _("answered with: none of these"))

    @property
    def statements(self) -> dict[str, str]:
        """The open judgements that may be confirmed together, with the answer that each states."""
        return open_statements(self._record, self._statuses, self.value.keys() | self.unusable.keys())

    @property
    def together(self) -> list[str]:
        """The judgements that were confirmed together."""
        return [name for name in self.value if self.sources.get(name, "").startswith(_TOGETHER_MARKS)]

    def confirm(self, names: Iterable[str]) -> None:
        """Answer statements as they stand; who and when is kept with each."""
        wanted = set(names)
        found = {name: answer for name, answer in self.statements.items() if name in wanted}
        moment = self.clock().strftime("%Y-%m-%d %H:%M UTC")
        count = ngettext("{n} statement", "{n} statements", len(found)).format(n=len(found))
        self.enter(found, list_of(filter(None, (TOGETHER, count, self.confirmer, moment))))

    def take_back(self) -> None:
        """Make the judgements that were confirmed together unknown again."""
        self.enter(dict.fromkeys(self.together, ""))

    def show(self, shown: Shown) -> None:
        """Show what the answers say about each fact."""
        self._statuses, asked = shown.statuses, shown.asked
        facts = {
            name: [
                name in asked,
                [] if name not in self.value and not status.asked else _marks(status),
                shown.limits.get(name, ""),
                shown.notes.get(name, ""),
                _in_place(shown.problems[name]) if name in shown.problems else "",
            ]
            for name, status in shown.statuses.items()
        }
        label = self.facts[shown.question].label if shown.question else ""
        self._state = {
            "facts": facts,
            "groups": [self._counted(place, shown.answered, asked) for place in range(len(self._groups))],
            "rest": [self._answers(name, answer) for name, answer in self.findings().items()],
            "statements": [
                [name, self._answers(name, answer), self.facts[name].help] for name, answer in self.statements.items()
            ],
            "together": _("Take back what was confirmed together ({n})").format(n=len(self.together))
            if self.together
            else "",
            "lit": shown.question,
            "question": labelled(label, shown.why) if label else "",
            "done": shown.done,
        }

    def _counted(self, place: int, answered: Collection[str], asked: Collection[str]) -> dict[str, Any]:
        names = [fact.id for fact in self._groups[place][1]]
        count = sum(name in answered for name in names)
        wanted = count + sum(name in asked for name in names)
        said = _("{n} of {all} answered").format(n=count, all=wanted) if wanted else _("nothing to answer")
        short = f"{count}/{wanted}" if count < wanted else "✓" if wanted else "–"
        findings = self.findings(place)
        sets = list_of((self._answers(name, answer) for name, answer in findings.items()), "; ")
        return {"said": said, "short": short, "findings": len(findings), "sets": sets}

    def _answers(self, name: str, answer: str) -> str:
        fact = self.facts[name]
        return labelled(fact.label, dict(_options(fact))[answer])

    def _receive(self, _widget: Any, content: dict[str, Any], buffers: Any) -> None:
        if "set" in content:
            with self.hold_sync():
                self._seen = {**self._seen, str(content["view"]): content["number"]}
                self.enter({name: str(text).strip() for name, text in content["set"].items() if name in self.facts})
        elif "none" in content:
            self.answer_none(int(content["none"]))
        elif "confirm" in content:
            self.confirm(map(str, content["confirm"]))
        elif "take_back" in content:
            self.take_back()
        elif "skip" in content:
            self.skipped = (*self.skipped, str(content["skip"]))
        elif "asking" in content:
            with self.hold_trait_notifications():
                self.skipped, self.asking = (), bool(content["asking"])
        elif "clear" in content:
            self._clear()
        elif "record" in content and buffers:
            self._take(str(content["record"]), bytes(buffers[0]))

    def _entered(self, change: dict[str, Any]) -> None:
        old, new = change["old"], change["new"]
        for name in {*old, *new}:
            if name not in new:
                self.sources.pop(name, None)
            elif old.get(name) != new[name]:
                self.sources[name] = self._where.get(name, _("entered in the form"))
                self.unusable.pop(name, None)

    def _specified(self) -> list[dict[str, Any]]:
        inside = {limit for value, limit in self._normal.items() if self._is_beside(value, limit)}
        return [
            {"name": name, "facts": [self._field(fact) for fact in facts if fact.id not in inside]}
            for name, facts in self._groups
        ]

    def _is_beside(self, value: str, limit: str) -> bool:
        """Whether a limit of normal stands in the line of its value."""
        return self.facts[value].group == self.facts[limit].group

    def _field(self, fact: Fact) -> dict[str, Any]:
        limit = self._normal.get(fact.id)
        hint = "2026-03-01" if fact.type == "date" else ""
        if fact.is_number:
            hint = _("{low:g} to {high:g}").format(low=fact.minimum, high=fact.maximum)
        return {
            "id": fact.id,
            "label": fact.label,
            "help": fact.help,
            "kind": _kind(fact),
            "yes_no": fact.type == "yes_no",
            "date": fact.type == "date",
            "options": _options(fact),
            "units": [(one, shown_unit(one)) for one in (fact.unit_label, *fact.units) if one],
            "hint": hint,
            "normal": self._field(self.facts[limit]) if limit and self._is_beside(fact.id, limit) else None,
        }


def _text(value: object) -> str:
    """Write a value as it stands in a field."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else f"{value:.12g}"


def _options(fact: Fact) -> list[tuple[str, str]]:
    return [("yes", _("yes")), ("no", _("no"))] if fact.type == "yes_no" else list(fact.options.items())


def _kind(fact: Fact) -> str:
    labels = [label for _option, label in _options(fact)]
    if not labels:
        return "text"
    fits = len(labels) <= MOST_SEGMENTS and sum(map(len, labels)) <= LONGEST_SEGMENTS
    return "segments" if fits else "list"


def _marks(status: FactStatus) -> list[tuple[str, str, str]]:
    """Return the first outcomes of a field as sign and criterion, style, and in full."""
    marks = [
        (f"{SIGNS[verdict]} {rule}", KINDS[verdict], labelled(f"{rule} {title}", signed(verdict)))
        for rule, title, verdict in status.outcomes
        if verdict != "not applicable"
    ]
    more = len(marks) - MOST_MARKS
    rest = "\n".join(said for _mark, _kind, said in marks[MOST_MARKS:])
    return marks[:MOST_MARKS] + ([(f"+{more}", "off", rest)] if more > 0 else [])


def _in_place(error: ProtocolError) -> str:
    return _("Found: {found}. Write {write}.").format(found=error.found, write=error.write)


def _words() -> dict[str, str]:
    """Return what the form says by itself."""
    return {
        "unknown": _("unknown"),
        "yes": _("yes"),
        "no": _("no"),
        "unit": _("Unit"),
        "normal": _("upper limit"),
        "groups": _("Groups of questions"),
        "show": _("Show"),
        "hide": _("Hide"),
        "search": _("Search the questions"),
        "open": _("Open questions only"),
        "ask": _("Next question"),
        "whole": _("Show the whole form"),
        "skip": _("Skip"),
        "clear": _("Empty the form"),
        "none": _("None of these"),
        "rest": _("None of the other findings"),
        "rest_lead": _("Each of these is answered as follows. Judgements are confirmed separately."),
        "rest_set": _("Answer them so"),
        "statements": _("Confirm judgements"),
        "statements_lead": _("Read each statement. A statement that is not ticked stays unknown."),
        "statements_ticked": _("Confirm those ticked ({n})"),
        "statements_all": _("I have read all {n}: each is true for this person"),
        "record": _("Fill from a hospital record (FHIR)"),
        "record_lead": _("Names, addresses and identifiers are not read, and the record is not kept."),
        "paste": _("Paste the record (JSON), or drop its file anywhere on the form"),
        "pasted": _("pasted record"),
        "file": _("or choose its file"),
        "large": _("This file is too large: at most {size:,.0f} MB.").format(size=upload_limit() / 2**20),
    }
