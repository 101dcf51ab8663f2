"""A plain log to compare with: a list of what was recorded, and the rules as a person would say them."""

from dataclasses import dataclass, field


@dataclass
class PlainLog:
    """Events on one day: (participant, kind, detail), each with the key it was sent under; removals by position."""

    rows: list[tuple[str, str, object]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def holds(self, participant: str, without: int | None = None) -> list[tuple[str, object]]:
        """What is true of a participant: everything recorded and not removed."""
        gone = {detail for _, kind, detail in self.rows if kind == "removal"} | {without}
        return [
            (kind, detail)
            for number, (whose, kind, detail) in enumerate(self.rows, 1)
            if whose == participant and kind != "removal" and number not in gone
        ]

    def possible(self, participant: str, kind: str, detail: object) -> bool:
        if kind != "removal":
            return follows(self.holds(participant), kind, detail)
        if participant != self.rows[detail - 1][0] or self.rows[detail - 1][1] == "removal":
            return False
        if any(row[1:] == ("removal", detail) for row in self.rows):
            return False
        rest = self.holds(participant, without=detail)
        return all(follows(rest[:number], *rest[number]) for number in range(len(rest)))

    def seen_by_nobody(self, participant: str, seen: int) -> bool:
        """Whether something about the participant was recorded after a person looked."""
        return any(whose == participant for whose, _, _ in self.rows[seen:])


def follows(history: list[tuple[str, object]], kind: str, detail: object) -> bool:
    kinds = [known for known, _ in history]
    match kind:
        case "screened":
            return "enrolled" not in kinds
        case "consented":
            return kind not in kinds
        case "enrolled":
            return kind not in kinds and {"screened", "consented"} <= set(kinds)
        case "infused":
            return "enrolled" in kinds and detail == kinds.count("infused") + 1
        case "visit":
            return bool(kinds) and (kind, detail) not in history
    raise AssertionError(kind)
