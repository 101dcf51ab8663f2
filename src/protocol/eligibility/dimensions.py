"""Whether the two sides of a comparison are in the same unit; units are UCUM's, converted by a kept library."""

import ast
from functools import cache
from typing import Any, NamedTuple

from protocol.eligibility.criteria import Catalogue

FUNCTION_UNITS = {"days_between": "d", "months_between": "mo", "completed_years": "a"}
SPOKEN = {"years": "a", "months": "mo", "days": "d", "hours": "h", "%": "%"}
"""Unit labels of thresholds, which have no UCUM code of their own."""
COUNTS = {"1", "{score}"}


class Unit(NamedTuple):
    """What a number is measured in.

    Attributes
    ----------
    dimension : str or None
        None fits everything: a plain number, or a threshold without a unit.
    scale : float or None
        In the dimension's base unit; None after multiplication with a plain number, which may be a conversion.
    """

    dimension: str | None
    scale: float | None


ANY = Unit(None, None)


@cache
def unit(code: str) -> Unit:
    """Return the dimension and scale of a UCUM unit; counts and scores fit everything."""
    if code in COUNTS:
        return ANY
    quantity = _registry().from_ucum(code)
    base = (1 * quantity).to_base_units() if not hasattr(quantity, "to_base_units") else quantity.to_base_units()
    return Unit(
        " ".join(f"{name}^{float(power):g}" for name, power in sorted(quantity.dimensionality.items())),
        float(base.magnitude),
    )


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


def mismatch(catalogue: Catalogue, left: ast.expr, right: ast.expr) -> str | None:
    """Say how the units of two sides differ: "dimension", "scale", or not at all."""
    one, two = _unit(catalogue, left), _unit(catalogue, right)
    if one.dimension is None or two.dimension is None:
        return None
    if one.dimension != two.dimension:
        return "dimension"
    if one.scale is None or two.scale is None or abs(one.scale - two.scale) <= 1e-9 * abs(two.scale):
        return None
    return "scale"


def _unit(catalogue: Catalogue, node: ast.expr) -> Unit:
    match node:
        case ast.Name(id=name):
            return _named(catalogue, name)
        case ast.UnaryOp(operand=operand):
            return _unit(catalogue, operand)
        case ast.Call(func=ast.Name(id="ever"), args=[argument]):
            return _unit(catalogue, argument)
        case ast.Call(func=ast.Name(id=function)) if function in FUNCTION_UNITS:
            return unit(FUNCTION_UNITS[function])
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return max(_unit(catalogue, left), _unit(catalogue, right), key=lambda found: found.dimension or "")
        case ast.BinOp(op=ast.Mult() | ast.Div(), left=left, right=right):
            return _product(_unit(catalogue, left), _unit(catalogue, right))
    return ANY


def _product(one: Unit, two: Unit) -> Unit:
    """A number with a unit times a plain one keeps its dimension; two with units are not followed further."""
    if one.dimension is None or two.dimension is None:
        return Unit(one.dimension or two.dimension, None)
    return ANY


def _named(catalogue: Catalogue, name: str) -> Unit:
    facts = {fact.id: fact for fact in catalogue.facts if fact.is_number}
    if name in facts:
        return unit(facts[name].unit or "1")
    label = next((p.unit_label for p in catalogue.parameters if p.id == name), "")
    codes = {fact.unit_label: fact.unit for fact in facts.values() if fact.unit_label and fact.unit} | SPOKEN
    return unit(codes[label] or "1") if label in codes else ANY
