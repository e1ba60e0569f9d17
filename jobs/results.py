"""What a step did, night by night."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Outcome = Literal["written", "unchanged", "absent", "failed"]


def written_or_not(night: date, written: Collection[date]) -> Outcome:
    """The outcome of a night that did not fail."""
    return "written" if night in written else "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightResult:
    """One night of one table."""

    night: date
    outcome: Outcome
    generation: int | None = None
    rows: int = 0
    counts: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None
    """Why the night failed, and what to do."""
    notes: tuple[str, ...] = ()
    """What a reader should know although nothing failed."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """For the record: digests, versions, paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step of one feed or model over some nights."""

    step: str
    item: str
    table: str
    nights: tuple[NightResult, ...]
    version: int | None = None
    """Version of the Delta table after the step."""
    device: str = "cpu"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What was read: table → version, model → digest."""
    reports: tuple[str, ...] = ()
    """Pages that were written."""

    @property
    def failed(self) -> tuple[NightResult, ...]:
        """The nights that are red."""
        return tuple(night for night in self.nights if night.outcome == "failed")

    @property
    def rows(self) -> int:
        """Rows of all its nights."""
        return sum(night.rows for night in self.nights)

    @property
    def outcome(self) -> str:
        """One word for the whole: failed if any night is, unchanged if nothing was written."""
        if self.failed:
            return "failed"
        return "written" if any(night.outcome == "written" for night in self.nights) else "unchanged"
