"""The follow-up record as USDM timelines, one for each frequency level; the first is the main one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from protocol.exchange.usdm.codes import EPOCHS
from protocol.exchange.usdm.parts import Json, Parts, chained
from protocol.followup import FollowupRecord, Visit, shifted
from protocol.followup.record import Anchor
from protocol.records import Provenance

_DAY = date(2001, 3, 1)  # any day; the example's dates only put anchors and visits into their order


@dataclass
class Schedule:
    """Epochs, activities and encounters, shared by the timelines of all levels."""

    record: FollowupRecord
    parts: Parts

    def __post_init__(self) -> None:
        self._anchor_days = self._order_of_anchors()
        self._visited = {
            (visit.id, self._day(visit, item.level)): visit
            for visit in self.record.all_visits for item in self.record.frequencies if visit.applies_to(item.level)
        }  # fmt: skip
        used = {self._epoch(day) for day in [*(day for _name, day in self._visited), *self._anchor_days.values()]}
        self.epochs = chained([
            self.parts.make("StudyEpoch", name=name, label=name, description=name, type=self.parts.code(term),
                            notes=[])
            for name, term in EPOCHS.items() if name in used
        ])  # fmt: skip
        self.activities = chained([
            self.parts.make("Activity", name=item.id, label=item.name, description=_origin(item), childIds=[],
                            definedProcedures=[], biomedicalConceptIds=[], bcCategoryIds=[], bcSurrogateIds=[],
                            notes=[])
            for item in self.record.procedures
        ])  # fmt: skip
        self.encounters = chained([self._encounter(*key) for key in sorted(self._visited, key=lambda key: key[1])])
        self.timelines = [self._timeline(item.level) for item in self.record.frequencies]

    def _order_of_anchors(self) -> dict[str, date]:
        """Place the anchors by the example; one without a day stands where the one before it stands."""
        days: dict[str, date] = {}
        last = _DAY
        for anchor in self.record.anchors:
            offset = self.record.example.anchors.get(anchor.id)
            last = shifted(_DAY, offset) if offset else last
            days[anchor.id] = last
        return days

    def _day(self, visit: Visit, level: int) -> date:
        """Place a visit in that order, by its chain of offsets."""
        above = {item.id: item for item in self.record.visits_at(level)}
        parent = self.record.parent(visit, level)
        base = self._day(above[parent], level) if parent in above else self._anchor_days[parent]
        return shifted(base, visit.offset)

    def _epoch(self, day: date) -> str:
        infusions = [day for (name, day) in self._visited if name.startswith("infusion_day_")]
        last = max([*infusions, self._anchor_days.get("end_of_treatment", min(infusions))])
        return "Screening" if day < min(infusions) else "Treatment" if day <= last else "Follow-up"

    def _encounter(self, name: str, day: date) -> Json:
        """Make one encounter a visit; one whose place depends on the level has one for each place."""
        visit = self._visited[name, day]
        places = sorted(other for known, other in self._visited if known == name)
        suffix = f" ({places.index(day) + 1})" if len(places) > 1 else ""
        label = f"{visit.name}{suffix}"
        return self.parts.make(
            "Encounter", name=f"{name}{suffix}", label=label, description=_origin(visit),
            type=self.parts.code("Visit"),
            scheduledAtId=None, environmentalSettings=[self.parts.code("Hospital")],
            contactModes=[self.parts.code("In Person")], transitionStartRule=None, transitionEndRule=None, notes=[],
        )  # fmt: skip

    def _timeline(self, level: int) -> Json:
        visits = self.record.visits_at(level)
        days: dict[str, tuple[date, int]] = {anchor: (day, 0) for anchor, day in self._anchor_days.items()}
        days |= {visit.id: (self._day(visit, level), 1) for visit in visits}
        instances = self._instances(days, {visit.id: visit for visit in visits})
        leave = self.parts.make("ScheduleTimelineExit")
        names = [*(piece["id"] for piece in instances.values()), None]
        for piece, following in zip(instances.values(), names[1:], strict=True):
            piece["defaultConditionId"], piece["timelineExitId"] = following, None if following else leave["id"]
        timings = [self._anchor_timing(anchor, instances[anchor.id]) for anchor in self.record.anchors]
        timings += [self._timing(visit, self.record.parent(visit, level), instances) for visit in visits]
        first = level == self.record.frequencies[0].level
        periods = "; ".join(f"{item.name}: {item.lasts}" for item in self.record.periods)
        own = next(item for item in self.record.frequencies if item.level == level)
        return self.parts.make(
            "ScheduleTimeline", name=f"Frequency {level}", label=f"Schedule at infusion frequency {level}",
            description=_origin(own),
            mainTimeline=first, entryCondition="Participant considered for the study", entryId=names[0],
            exits=[leave], timings=timings, instances=list(instances.values()),
            plannedDuration=self.parts.make(
                "Duration", text=periods or "not stated",
                quantity=None, durationWillVary=True, reasonDurationWillVary="Counted from more than one anchor"),
        )  # fmt: skip

    def _instances(self, days: dict[str, tuple[date, int]], visits: dict[str, Visit]) -> dict[str, Json]:
        activities = {piece["name"]: piece["id"] for piece in self.activities}
        places = sorted(self._visited, key=lambda key: key[1])
        encounters = {key: piece["id"] for key, piece in zip(places, self.encounters, strict=True)}
        epochs = {piece["name"]: piece["id"] for piece in self.epochs}
        labels = {item.id: item.name for item in self.record.anchors} | {one.id: one.name for one in visits.values()}
        return {
            name: self.parts.make(
                "ScheduledActivityInstance", name=name, label=labels[name], description=labels[name],
                epochId=epochs[self._epoch(days[name][0])], timelineId=None,
                encounterId=encounters.get((name, days[name][0])),
                activityIds=[activities[item] for item in visits[name].procedures] if name in visits else [],
            )
            for name in sorted(days, key=days.__getitem__)
        }  # fmt: skip

    def _anchor_timing(self, anchor: Anchor, instance: Json) -> Json:
        return self.parts.make(
            "Timing", name=anchor.id, label=anchor.name, description=_origin(anchor),
            type=self.parts.code("Fixed Reference"), value="P0D", valueLabel="0 days",
            relativeToFrom=self.parts.code("Start to Start"), relativeFromScheduledInstanceId=instance["id"],
            relativeToScheduledInstanceId=None, windowLower=None, windowUpper=None, windowLabel=None,
        )  # fmt: skip

    def _timing(self, visit: Visit, parent: str, instances: dict[str, Json]) -> Json:
        length = visit.offset.removeprefix("-")
        window = visit.window
        return self.parts.make(
            "Timing", name=visit.id, label=visit.name, description=f"{_origin(visit)} Window: {_origin(window)}",
            type=self.parts.code("Before" if visit.offset.startswith("-") else "After"), value=length,
            valueLabel=length, relativeToFrom=self.parts.code("Start to Start"),
            relativeFromScheduledInstanceId=instances[visit.id]["id"],
            relativeToScheduledInstanceId=instances[parent]["id"],
            windowLower=window.before, windowUpper=window.after, windowLabel=f"-{window.before}..+{window.after}",
        )  # fmt: skip

    def cells(self, arms: Iterable[Json]) -> tuple[list[Json], list[Json]]:
        """Make one element an epoch and one cell for each arm and epoch."""
        elements = [
            self.parts.make("StudyElement", name=epoch["name"], label=epoch["name"], description=epoch["name"],
                            transitionStartRule=None, transitionEndRule=None, studyInterventionIds=[], notes=[])
            for epoch in self.epochs
        ]  # fmt: skip
        pairs = zip(self.epochs, elements, strict=True)
        cells = [
            self.parts.make("StudyCell", armId=arm["id"], epochId=epoch["id"], elementIds=[element["id"]])
            for epoch, element in pairs for arm in arms
        ]  # fmt: skip
        return elements, cells


def _origin(value: Provenance) -> str:
    """Say where a value comes from; an assumption is called one."""
    return f"Assumption: {value.origin}" if value.is_assumption else f"Source: {value.origin}"
