"""What is on record about a model: drift, what became known of its scores, its versions, its trainings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.config.models import Kind
from jobs.performance.tally import pooled
from jobs.watch.soundness import Soundness

STALE: Final = 14
"""Nights beyond twice those asked for that are still looked at: labels may come late."""
Ended = Literal["promoted", "waiting", "refused", "given_up"]


@dataclass(frozen=True, slots=True)
class Known:
    """The tally of one scored night, as one night knew it."""

    night: date
    """From which on it is known."""
    version: int
    """That scored."""
    tally: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Training:
    """A training that has ended."""

    night: date
    """Whose knowledge it had."""
    ended: Ended
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that a decision about a model may rest on. Whoever asks for a night gets only what that night knew."""

    kind: Kind
    loss: str
    drift: Mapping[date, Mapping[str, float]] = field(default_factory=dict)
    """By night: what the drift report counted."""
    drift_of: Mapping[date, int] = field(default_factory=dict)
    """By night: the version whose drift that is. In the night that crowns a version it is the one before."""
    realised: Mapping[date, Sequence[Known]] = field(default_factory=dict)
    """By scored night, oldest knowledge first."""
    parts: Mapping[str, Mapping[date, Sequence[Known]]] = field(default_factory=dict)
    """The same by slice; their tallies have sums alone."""
    estimated: Mapping[date, Known] = field(default_factory=dict)
    """By scored night."""
    holdouts: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """By version: its metrics when it was examined."""
    reigns: Sequence[tuple[date, int]] = ()
    """From which night on which version was champion, in the order of the decisions."""
    trainings: Sequence[Training] = ()
    triggered: Sequence[date] = ()
    """The nights that decided to retrain."""
    soundness: Soundness = field(default_factory=Soundness)
    judged: int = 1
    """Nights that drift judges together."""

    def champion(self, night: date) -> int | None:
        """The champion in a night."""
        standing = [version for since, version in self.reigns if since <= night]
        return standing[-1] if standing else None

    def known(self, night: date, *, version: int, over: int, part: str = "") -> list[tuple[date, Known]]:
        """Of all rows, or of a slice: of the nights that a version scored, the `over` newest whose labels `night` knows, each as known then, oldest first.

        Nights whose data was broken are passed over: what a model makes of nonsense is no news of the model. So are nights long past: where
        labels have stopped to come, the last ones that came say nothing of today.
        """
        oldest, found, realised = night - timedelta(days=2 * over + STALE), [], self.parts[part] if part else self.realised
        for scored in sorted((day for day in realised if oldest <= day <= night and not self.soundness.problem(day)), reverse=True):
            standing = [one for one in realised[scored] if one.night <= night and one.version == version]
            if standing:
                found.append((scored, standing[-1]))
            if len(found) == over:
                break
        return found[::-1]

    def expected(self, night: date, *, version: int, over: int) -> list[tuple[date, Known]]:
        """The estimates of the `over` newest nights up to `night` that a version scored, oldest first; broken ones are passed over."""
        oldest = night - timedelta(days=2 * over + STALE)
        scored = [day for day in sorted(self.estimated) if oldest <= day <= night and self.estimated[day].version == version]
        return [(day, self.estimated[day]) for day in scored if not self.soundness.problem(day)][-over:]

    def drifted(self, night: date, name: str) -> float | None:
        """What the drift report counted in a night, unless one of the nights that it judged was broken."""
        together = [night - timedelta(days=n) for n in range(self.judged)]
        return None if any(map(self.soundness.problem, together)) else self.drift.get(night, {}).get(name)

    def tally(self, found: Iterable[tuple[date, Known]]) -> NDArray[np.float64]:
        """Some nights together."""
        return pooled([one.tally for _, one in found], self.kind)

    def open(self, night: date) -> date | None:
        """The newest night that decided to retrain, where nothing has come of it yet, as known in `night`.

        Any training with its knowledge or more has done what it asked for, whoever started it.
        """
        last = max((one.night for one in self.trainings if one.night <= night), default=date.min)
        waiting = [one for one in self.triggered if last < one < night]
        return waiting[-1] if waiting else None
