"""What the functions and classes of escalation accept; anything else is refused in words.

The annotation of a parameter is its rule: ``Annotated[float, Field(gt=0, lt=1)]`` is checked by pydantic, strictly,
and the same annotation says in the message what to write. Arrays are read by :func:`floats` and :func:`integers`, so
that the answer does not depend on the type of the numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache, wraps
from inspect import Parameter, signature
from numbers import Integral
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, InstanceOf, ValidationError, create_model
from pydantic.fields import FieldInfo

from protocol.arrays import array_of, doubles
from protocol.records import ProtocolError
from protocol.translation import _, alternatives, list_of, place_in

P = ParamSpec("P")

R = TypeVar("R")

LARGEST = 2**62  # whole numbers beyond this are no counts, and sums of them would overflow

SHOWN = 80  # characters of a refused value that a message repeats


# Arrays


def floats(values: ArrayLike, where: str, write: str) -> NDArray[np.float64]:
    """Read numbers in double precision, by :func:`protocol.arrays.doubles`.

    Raises
    ------
    ProtocolError
        Naming `where` and `write`, when something is no real number.
    """
    found = doubles(array_of(values, where, write))
    if found is None:
        raise ProtocolError(where, _shown(values), write)
    return found


def integers(values: ArrayLike, where: str, write: str) -> NDArray[np.int64]:
    """Read whole numbers, 64 bits wide, so that nothing computed from them overflows.

    Raises
    ------
    ProtocolError
        Naming `where` and `write`, when something is no whole number, or is larger than any count.
    """
    array = array_of(values, where, write)
    if array.dtype.kind == "O" and all(isinstance(each, Integral) for each in array.flat):
        array = np.array([plain(each) for each in array.flat], dtype=object).reshape(array.shape)
        if not any(isinstance(each, bool) or abs(each) > LARGEST for each in array.flat):
            array = array.astype(np.int64)
    if not array.size and array.dtype.kind == "f":
        array = array.astype(np.int64)  # an empty list
    if array.dtype.kind not in "iu":
        raise ProtocolError(where, _("numbers that are not whole"), write)
    if array.size and max(int(array.max()), -int(array.min())) > LARGEST:
        raise ProtocolError(where, str(array.max()), write)
    return array.astype(np.int64, copy=False)


def marks(values: ArrayLike, shape: tuple[int, ...], where: str) -> NDArray[np.bool_]:
    """Read an array of marks of that shape.

    Raises
    ------
    ProtocolError
        When they are not true or false, or have another shape.
    """
    write = _("an array of True and False of shape {}").format(shape)
    array = array_of(values, where, write)
    if array.dtype.kind != "b" or array.shape != shape:
        raise ProtocolError(where, _("{} of shape {}").format(array.dtype, array.shape), write)
    return array


def plain(value: Any) -> Any:
    """Return numpy's scalars and arrays as Python's numbers and tuples, narrow floats by their shortest decimal."""
    if isinstance(value, np.floating) and not isinstance(value, float):
        return float(str(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) or type(value) in (list, tuple):
        return tuple(map(plain, value))
    return value


# Fields and parameters


def check_fields(one: Any, where: str) -> None:
    """Check the fields of a frozen dataclass against their annotations.

    Lists become tuples, and numpy's numbers Python's.

    Raises
    ------
    ProtocolError
        Naming `where`, the field, what was found and what to write.
    """
    kept = [field.name for field in fields(one)]
    kind: Any = type(one)
    found = _validated(_model_of_class(kind), {name: getattr(one, name) for name in kept}, where)
    for name in kept:
        object.__setattr__(one, name, found[name])


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a function or method against their annotations.

    Arrays and whatever else has no rule in its annotation is left to the function.

    Raises
    ------
    ProtocolError
        Naming the function, the parameter, what was found and what to write.
    """
    own, where = signature(function), function.__name__.strip("_")

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = own.bind(*args, **kwargs)
        model = _model_of_function(function)
        given = {name: value for name, value in bound.arguments.items() if name in model.model_fields}
        bound.arguments.update(_validated(model, given, where))
        return function(*bound.args, **bound.kwargs)

    return call


def _validated(model: type[BaseModel], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    try:
        found = model.model_validate({name: plain(value) for name, value in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        write = accepted(model.model_fields[name])
        raise ProtocolError(place_in(where, name), _shown(given.get(name)), write) from None
    return {name: getattr(found, name) for name in given}


_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False, protected_namespaces=())


@lru_cache(maxsize=64)
def _model_of_class(kind: Any) -> type[BaseModel]:
    hints = get_type_hints(kind, include_extras=True)
    rules: Any = {field.name: (_rule(hints[field.name]), ...) for field in fields(kind)}
    return create_model(kind.__name__, __config__=_STRICT, **rules)


@lru_cache(maxsize=64)
def _model_of_function(function: Callable[..., Any]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    named = {one.name for one in signature(function).parameters.values() if one.kind is not Parameter.VAR_KEYWORD}
    found = {name: _rule(hint) for name, hint in hints.items() if name in named}
    rules: Any = {name: (rule, None) for name, rule in found.items() if rule is not Any}
    return create_model(function.__name__, __config__=_STRICT, **rules)


SCALARS = (bool, int, float, str, type(None))


FUNCTION = get_origin(Callable[..., Any])

INSTANCE: Any = InstanceOf


def _rule(hint: Any) -> Any:
    """Return what pydantic checks for an annotation; Any where the annotation has no rule."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in SCALARS or origin is Literal:
        return hint
    if origin is Annotated:
        return Annotated[(_rule(parts[0]), *hint.__metadata__)]
    if origin in (Union, UnionType):
        rules = [_rule(part) for part in parts]
        return Any if Any in rules else Union[tuple(rules)]  # noqa: UP007
    if origin is tuple:
        rules = [part if part is Ellipsis else _rule(part) for part in parts]
        return GenericAlias(tuple, tuple(rules))
    if isinstance(hint, type) and is_dataclass(hint):
        return INSTANCE[hint]
    return FUNCTION if origin is FUNCTION else Any


def accepted(rule: FieldInfo | Any) -> str:
    """Say in words what an annotation accepts."""
    if isinstance(rule, FieldInfo):
        return accepted(Annotated[(rule.annotation, *rule.metadata)] if rule.metadata else rule.annotation)
    origin, parts = get_origin(rule), get_args(rule)
    if origin is Literal:
        return _("one of {}").format(list_of(map(repr, parts)))
    if origin in (Union, UnionType):
        return alternatives(accepted(part) for part in parts)
    if origin is tuple:
        kinds = alternatives(dict.fromkeys(accepted(part) for part in parts if part is not Ellipsis))
        any_length = Ellipsis in parts
        return _("a list, each {}").format(kinds) if any_length else _("{} values, each {}").format(len(parts), kinds)
    if origin is Annotated and isinstance(parts[1], INSTANCE):
        return _("an object of the class {}").format(getattr(parts[0], "__name__", parts[0]))
    if origin is Annotated:
        return _range(accepted(parts[0]), _limits(parts[1:]))
    words = {
        bool: _("True or False"),
        int: _("a whole number"),
        float: _("a number"),
        str: _("a text"),
        type(None): "None",
    }
    return words.get(rule, _("a function"))


def _limits(metadata: tuple[Any, ...]) -> dict[str, float]:
    parts = [part for one in metadata for part in (one.metadata if isinstance(one, FieldInfo) else [one])]
    names = "gt", "ge", "lt", "le"
    return {name: getattr(part, name) for part in parts for name in names if hasattr(part, name)}


def _range(what: str, limits: Mapping[str, float]) -> str:
    words = {
        ("gt", "lt"): _("{} inside {} to {}"),
        ("ge", "le"): _("{} from {} to {}"),
        ("gt", "le"): _("{} above {} and up to {}"),
        ("ge", "lt"): _("{} from {} to below {}"),
        ("ge",): _("{} of {} or more"),
        ("gt",): _("{} above {}"),
    }
    names = tuple(name for name in ("gt", "ge", "lt", "le") if name in limits)
    return words[names].format(what, *(f"{limits[name]:,.15g}" for name in names)) if names in words else what


def _shown(value: object) -> str:
    try:
        return repr(value)[:SHOWN]
    except Exception:  # a refused object may not even be printable
        return type(value).__name__
