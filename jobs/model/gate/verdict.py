"""A verdict: PASS or REFUSE, with every number it rests on."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from jobs.errors import DataError

Outcome = Literal["PASS", "REFUSE"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the gate: what was seen, what was asked, and a sentence for people."""

    name: str
    outcome: Outcome
    sentence: str
    observed: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None
    detectable: float | None = None
    """Of a comparison: the smallest true difference that the holdout would have shown, four times of five."""

    def __post_init__(self) -> None:
        """A number that is not finite is no evidence; the gate turns this error into a refusal."""
        given = [number for number in (self.observed, self.limit, self.detectable, *(self.interval or ())) if number is not None]
        if not all(math.isfinite(number) for number in given):
            msg = f"`{self.name}` rests on a number that is not finite: {given}."
            raise DataError(msg)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate says of a challenger."""

    model: str
    rules: tuple[Rule, ...]
    evaluation: Mapping[str, Any] | None
    """The challenger's `Evaluation.to_dict()`; None if it could not be measured."""
    champion: Mapping[str, Any] | None = None
    """The champion's metrics on the same rows; None without a champion that could be measured."""
    judged_before: int = 0
    """How many versions were already judged on some of these nights: each look at the same nights makes chance more likely to look like merit."""
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """PASS if every rule holds; no rules at all are no evidence."""
        return "PASS" if self.rules and all(rule.outcome == "PASS" for rule in self.rules) else "REFUSE"

    @property
    def passed(self) -> bool:
        """Whether the challenger may become champion."""
        return self.outcome == "PASS"

    @property
    def refused_by(self) -> tuple[Rule, ...]:
        """The rules that do not hold."""
        return tuple(rule for rule in self.rules if rule.outcome != "PASS")

    @property
    def sentence(self) -> str:
        """One paragraph for people."""
        if self.passed:
            told = [
                rule.sentence
                for rule in self.rules
                if rule.interval is not None or rule.name in {"measurable", "champion"} or (rule.name == "leaks" and rule.observed)
            ]
            return f"{self.model}: PASS, since all {len(self.rules)} rules hold. {' '.join(told)}{self._before}"
        refused = self.refused_by
        return f"{self.model}: REFUSE, by {len(refused)} of {len(self.rules)} rules. {' '.join(rule.sentence for rule in refused)}{self._before}"

    @property
    def _before(self) -> str:
        return f" Versions judged before on some of these nights: {self.judged_before}." if self.judged_before else ""

    def to_json(self) -> str:
        """Everything, with the outcome and the sentence spelled out."""
        return json.dumps({"outcome": self.outcome, "sentence": self.sentence, **asdict(self)}, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The verdict that `to_json` wrote.

        Raises:
            DataError: that is not what it wrote.
        """
        try:
            given = json.loads(text)
            rules = tuple(Rule(**{**rule, "interval": rule["interval"] and tuple(rule["interval"])}) for rule in given.pop("rules"))
            outcome, _ = given.pop("outcome"), given.pop("sentence")
            verdict = cls(rules=rules, **given)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"The verdict cannot be read: {error!r}."
            raise DataError(msg) from None
        if verdict.outcome != outcome:
            msg = f"The verdict says {outcome}, but its rules say {verdict.outcome}: it was changed."
            raise DataError(msg)
        return verdict
