"""A second waterfall, one subtrial after the other in plain loops, to be read beside Zhang & Yuan 2016."""

from math import ceil

from twins.boin import PlainBoin


class PlainWaterfall(PlainBoin):
    """The same rules as ``protocol.escalation.designs.waterfall.Waterfall``, slowly."""

    def __init__(self, doses, frequencies, target, cohorts=(), enough=60, enough_rule="staying", **more):
        super().__init__(doses, frequencies, target, **more)
        self.enough, self.at_once = enough, enough_rule == "reached"
        self.first = [(0, f) for f in range(frequencies)] + [(d, frequencies - 1) for d in range(1, doses)]
        usual = [ceil(4 * (doses + frequencies - 1) / self.cohort_size)]
        usual += [ceil(4 * (doses - 1) / self.cohort_size)] * (frequencies - 1)
        self.cohorts = list(cohorts or usual)

    def run(self, truth, latent):
        self.n, self.y = dict.fromkeys(self.cells, 0), dict.fromkeys(self.cells, 0)
        self.truth, self.latent = truth, list(latent)
        picked = self.subtrial(self.first, (0, 0), self.cohorts[0])
        self.open_frequencies = self.frequencies
        if picked is None:
            return self.n, self.y
        if picked[0] == 0:  # the lowest dose: the frequencies above the selected one are closed
            self.open_frequencies = picked[1] + 1
        dose, frequency = picked
        at_edge = frequency == self.frequencies - 1
        goes_on = not at_edge and self.direction(self.n[picked], self.y[picked]) == 1
        for row in range(frequency if goes_on else frequency - 1, -1, -1):
            line, size = [(d, row) for d in range(1, self.doses)], self.cohorts[self.frequencies - 1 - row]
            gone = self.eliminated(self.n, self.y)
            start = (min(dose + 1, self.doses - 1), row)
            while start in gone:
                start = (start[0] - 1, row)
            picked = self.subtrial(line, start, size) if line and start[0] > 0 else None
            dose = picked[0] if picked else 0
        return self.n, self.y

    def subtrial(self, line, at, cohorts):
        if self.used() >= self.maximum:
            return None
        used = 0
        while used < cohorts * self.cohort_size:
            for _one in range(self.cohort_size):
                if self.used() < self.maximum:
                    draw = self.latent[self.used()]
                    self.n[at] += 1
                    self.y[at] += draw < self.truth[at[0]][at[1]]
                    used += 1
            gone = self.eliminated(self.n, self.y)
            if line[0] in gone or (0, 0) in gone:
                return None
            if self.used() >= self.maximum:
                break
            place = line.index(at)
            way = -1 if at in gone else self.direction(self.n[at], self.y[at])
            place = min(max(place + way, 0), len(line) - 1)
            while line[place] in gone:
                place -= 1
            if self.n[at] >= self.enough and (self.at_once or line[place] == at):
                break
            if used < cohorts * self.cohort_size:
                at = line[place]
        return self.pick(line)

    def used(self):
        return sum(self.n.values())

    def pick(self, line):
        """Pool neighbours that fall (weights: one over the variance), then take the nearest to the target."""
        gone = self.eliminated(self.n, self.y)
        blocks = []
        for cell in line:
            n, y = self.n[cell], self.y[cell]
            if n and cell not in gone:
                a, b = y + 0.05, n - y + 0.05
                blocks.append([a / (a + b), (a + b) ** 2 * (a + b + 1) / (a * b), [cell]])
                while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
                    rate, weight, cells = blocks.pop()
                    low = blocks[-1]
                    low[0] = (low[0] * low[1] + rate * weight) / (low[1] + weight)
                    low[1], low[2] = low[1] + weight, low[2] + cells
        rates = {cell: rate for rate, _weight, cells in blocks for cell in cells}
        return min(rates, key=lambda cell: abs(rates[cell] + 1e-10 * line.index(cell) - self.target), default=None)
