"""A second 3+3, written as a committee would tell it, one level after the other."""


class PlainThreePlusThree:
    """The same rules as ``protocol.escalation.designs.three_plus_three.ThreePlusThree``, as a story."""

    def __init__(self, path, maximum=60):
        self.path, self.maximum = path, maximum

    def run(self, truth, latent):
        n, y, used, level, ceiling = dict.fromkeys(self.path, 0), dict.fromkeys(self.path, 0), 0, 0, len(self.path)
        while used < self.maximum:
            name = self.path[level]
            cohort = latent[used : used + 3]
            used += 3
            n[name] += 3
            y[name] += sum(draw < truth[name] for draw in cohort)
            if y[name] >= 2:
                ceiling, level = level, level - 1
                if level < 0 or n[self.path[level]] == 6:
                    break
            elif y[name] == 1 and n[name] == 3:
                continue
            elif level + 1 < ceiling:
                level += 1
            elif n[name] == 6:
                break
        whole = [name for index, name in enumerate(self.path) if index < ceiling and n[name] == 6]
        return n, y, whole[-1] if whole else None
