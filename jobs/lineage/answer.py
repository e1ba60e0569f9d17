"""What is answered to whoever asks why a row was scored as it was."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from jobs.lineage.values import Origin

TODAYS: Final = "This is told by today's pipeline file, since that of then is not on record or no longer valid."


def percent(share: float, beside: float | None = None) -> str:
    """`16.7 %`, with as many digits more as tell it from the share that it is told beside, if that is another."""
    other = math.nan if beside is None else beside
    shown = [(f"{100 * share:.{digits}f} %", f"{100 * other:.{digits}f} %") for digits in range(1, 16)]
    return next((one for one, another in shown if one != another), shown[0][0])


@dataclass(frozen=True)
class Reason:
    """What one feature did to the margin."""

    feature: str
    value: str | None
    effect: float
    words: str
    feeds: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """The version that scored."""

    version: int
    digest: str
    as_of: str
    segments: Mapping[str, str]
    verdict: str
    sentence: str
    evidence: str
    """sha256 of the registered verdict: what an approval vouches for."""


@dataclass(frozen=True)
class Decided:
    """What was decided about that version."""

    at: str
    act: str
    by: str
    system_user: str
    reason: str


@dataclass(frozen=True)
class Why:
    """The whole answer."""

    model: str
    label: str
    kind: str
    goal: str
    night: date
    key: Mapping[str, str]
    generation: int
    restated: bool
    score: float
    predicted: bool | None
    rule: str
    """How a score becomes a decision."""
    threshold: float | None
    """The score from which the row is predicted; None where it is not decided so."""
    start: float
    """The score of a row of which nothing is known."""
    margin: float
    base: float
    maps: tuple[str, ...]
    top: int
    reasons: tuple[Reason, ...]
    """Of every feature, the largest effect first."""
    origins: tuple[Origin, ...]
    standing: Standing
    decisions: tuple[Decided, ...]
    published: str
    run: Mapping[str, str]
    pins: Mapping[str, int]
    since: tuple[str, ...]
    """What is another now than then: configuration, code, libraries."""
    by_todays_file: bool
    """Whether label, goal, rule or words are today's, since the file of then is not to be had."""

    @property
    def row(self) -> str:
        """`day 2013-05-18, carrier UA`."""
        return ", ".join(f"{name} {value}" for name, value in self.key.items())

    @property
    def answer(self) -> str:
        """For people: what was predicted, by which rule, and whether today's file had to say so."""
        rule = f"{self.rule} {TODAYS}" if self.by_todays_file else self.rule
        if self.predicted is None:
            return f"The guess at `{self.label}` is {self.score:.6g}. {rule}"
        said = f"`{self.label}` was {'' if self.predicted else 'not '}predicted"
        return f"{said}: the model puts its probability at {percent(self.score, self.threshold)}. {rule}"

    @property
    def first(self) -> tuple[Reason, ...]:
        """The reasons that moved the score most; a feature that moved nothing is none."""
        return tuple(one for one in self.reasons[: self.top] if one.effect)

    @property
    def others(self) -> float:
        """The effects of all other features, added up."""
        return sum(one.effect for one in self.reasons[len(self.first) :])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the sentence."""
        return {"answer": self.answer, **asdict(self), "other_effect": self.others}
