"""What follows from a record alone, worked out once and not for every participant."""

from threading import Lock
from typing import NamedTuple

from protocol.eligibility.criteria import Catalogue, Criterion, Fact, Parameter, Part


class Prepared(NamedTuple):
    """A record ready to be used: its facts and parameters by id, and the title of each criterion and part."""

    facts: dict[str, Fact]
    parameters: dict[str, Parameter]
    titles: dict[str, str]


LATEST = 16
_prepared: dict[tuple[int, ...], tuple[Catalogue, Prepared]] = {}
_one_at_a_time = Lock()


def prepared(catalogue: Catalogue) -> Prepared:
    """Return what follows from a record; of the records used last, the same again."""
    key = (id(catalogue.facts), id(catalogue.parameters), id(catalogue.criteria), id(catalogue.infusion_criteria))
    with _one_at_a_time:
        if key not in _prepared:
            while len(_prepared) >= LATEST:
                _prepared.pop(next(iter(_prepared)))
            _prepared[key] = (catalogue, _prepare(catalogue))  # holds the record, so that the ids stay its own
        return _prepared[key][1]


def _prepare(catalogue: Catalogue) -> Prepared:
    criteria = (*catalogue.criteria, *catalogue.infusion_criteria)
    rules: list[Criterion | Part] = [*criteria, *(part for criterion in criteria for part in criterion.parts)]
    return Prepared(
        {fact.id: fact for fact in catalogue.facts},
        {parameter.id: parameter for parameter in catalogue.parameters},
        {rule.title: catalogue.title(rule) for rule in rules},
    )
