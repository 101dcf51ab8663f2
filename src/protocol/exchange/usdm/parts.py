"""The pieces a USDM file is made of, each with an id of its own."""

from collections import Counter
from typing import Any

from protocol.exchange.usdm.codes import EDITION, SYSTEM, TERMS

Json = dict[str, Any]


class Parts:
    """Makes pieces and numbers them: Timing_1, Timing_2 and so on."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()

    def make(self, kind: str, **fields: Any) -> Json:
        """Make a piece of a class of the standard."""
        self._made[kind] += 1
        return {"id": f"{kind}_{self._made[kind]}", "extensionAttributes": [], **fields, "instanceType": kind}

    def code(self, words: str) -> Json:
        """Make a coded term of CDISC."""
        return self.make("Code", code=TERMS[words], codeSystem=SYSTEM, codeSystemVersion=EDITION, decode=words)

    def alias(self, words: str) -> Json:
        """Make a coded term that may have aliases."""
        return self.make("AliasCode", standardCode=self.code(words), standardCodeAliases=[])

    def quantity(self, value: float, unit: str | None = None) -> Json:
        """Make a number with or without a unit."""
        return self.make("Quantity", value=float(value), unit=self.alias(unit) if unit else None)


def chained(pieces: list[Json]) -> list[Json]:
    """Name in each piece the one before it and the one after it."""
    names = [None, *(piece["id"] for piece in pieces), None]
    for number, piece in enumerate(pieces):
        piece["previousId"], piece["nextId"] = names[number], names[number + 2]
    return pieces
