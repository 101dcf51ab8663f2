"""How the parts of ``make bench`` print what they measured.

Times and sizes depend on the machine: they are printed and not judged. A ratio to a peer, or to a bare baseline, that
was measured in the same run is judged by its limit.
"""

MISSED = 3
"""The exit code of a part with a missed ratio; a part that stops with an error has Python's own, 1."""


class Report:
    """Prints figures, one a line, and counts the ratios that are missed."""

    def __init__(self) -> None:
        self.judged = self.missed = 0

    def figure(self, what: str, value: float, unit: str) -> None:
        print(f"{what:<68} {value:>10.4g} {unit}", flush=True)

    def ratio(self, what: str, value: float, limit: float) -> None:
        """Print a ratio and its limit; a missed one ends with the word MISSED."""
        is_missed = not value <= limit
        self.judged, self.missed = self.judged + 1, self.missed + is_missed
        print(f"{what:<68} {value:>10.4g} times, at most {limit:g}{'  MISSED' * is_missed}", flush=True)

    def exit_code(self) -> int:
        return MISSED if self.missed else 0
