"""The unit of a FHIR Quantity."""

from typing import Any

UCUM = "http://unitsofmeasure.org"


def unit_of(quantity: dict[str, Any]) -> str:
    """Return the unit of a Quantity: its UCUM code, else the unit as written, which must then be UCUM itself."""
    if quantity.get("system") == UCUM and quantity.get("code"):
        return str(quantity["code"])
    return str(quantity.get("unit") or quantity.get("code") or "")
