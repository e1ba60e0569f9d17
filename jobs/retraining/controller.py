"""The controller: from what is on record to one decision per model and night. The step, the command and the simulation call it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from jobs.config.watching import ModelSignal, Retrain, Trigger
from jobs.performance.tally import SUMS
from jobs.watch.facts import Facts, Training
from jobs.watch.signals import held

Act = Literal["retrain", "held_back", "none"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a night has decided: to retrain, to hold a due retraining back, or that there is no reason for one."""

    night: date
    act: Act
    reason: str
    inputs: Mapping[str, Any]
    """The signals that were looked at, and what they were held against."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A trigger in a night."""

    holds: bool
    sentence: str
    signals: Mapping[str, Any]


def decide(policy: Retrain, facts: Facts, night: date) -> Decision:
    """Whether a model is to be trained again in a night: pure, and the same for the same facts.

    Args:
        policy: the model's `retrain` section.
        facts: what is on record; nothing later than `night` is looked at.
        night: whose decision.
    """
    champion = facts.champion(night)
    if champion is None:
        return Decision(night, "none", "There is no champion yet: people train the first version.", {})
    judged = judge(policy.when, facts, night)
    last = last_training(facts, night)
    inputs = {"champion": champion, "last_training": last and str(last.night), "signals": judged.signals}
    if not judged.holds:
        return Decision(night, "none", judged.sentence, inputs)
    if brake := next(_brakes(policy, facts, night, last), None):
        return Decision(night, "held_back", f"{judged.sentence} Held back: {brake}.", inputs)
    return Decision(night, "retrain", judged.sentence, inputs)


def judge(trigger: Trigger, facts: Facts, night: date) -> Judged:
    """Whether a trigger holds in a night."""
    if trigger.never:
        return Judged(False, "Only people retrain this model.", {})
    if trigger.signal:
        return _of_signal(trigger, trigger.signal, facts, night)
    if trigger.every:
        return _of_calendar(trigger.every, facts, night)
    parts = [judge(one, facts, night) for one in (trigger.any or trigger.all)]
    holds = any(one.holds for one in parts) if trigger.any else all(one.holds for one in parts)
    # What decided: those that hold, or else all that were looked at.
    told = [one.sentence for one in parts if one.holds] if holds else [one.sentence for one in parts if not one.holds]
    return Judged(holds, " ".join(dict.fromkeys(told)), {name: given for one in parts for name, given in one.signals.items()})


def last_training(facts: Facts, night: date) -> Training | None:
    """The newest training that had ended by a night."""
    ended = [one for one in facts.trainings if one.night <= night]
    return max(ended, key=lambda one: one.night, default=None)


def _of_signal(trigger: Trigger, signal: ModelSignal, facts: Facts, night: date) -> Judged:
    found = held(trigger, signal, facts, night)
    newest = found.values[str(night)]
    said = "has no value" if newest is None else f"is {newest:.4g}"
    sentence = f"`{signal}` {said}; {trigger.bound} in {found.beyond} of the last {trigger.window} nights (needed {trigger.nights})."
    return Judged(found.holds, sentence, {trigger.told: {"values": found.values, **trigger.model_dump(exclude_none=True, exclude={"any", "all"})}})


def _of_calendar(every: str | int, facts: Facts, night: date) -> Judged:
    last = last_training(facts, night)
    if last is None:
        return Judged(False, "No training is on record to count from.", {})
    if isinstance(every, int):
        passed = (night - last.night).days
        return Judged(passed >= every, f"{passed} nights since the last training (every {every}).", {"every": every})
    # By the last training, so that a first night of the month that was off is made good.
    periods = [_period(every, day) for day in (last.night, night)]
    return Judged(periods[0] < periods[1], f"The last training was on {last.night} (every {every}).", {"every": every})


def _period(every: str, day: date) -> tuple[int, int]:
    return (day.year, day.month) if every == "month" else day.isocalendar()[:2]


def _brakes(policy: Retrain, facts: Facts, night: date, last: Training | None) -> Iterator[str]:
    if problem := facts.soundness.problem(night):
        yield f"the data is not sound: {problem}"
    if (waiting := facts.open(night)) is not None:
        yield f"the retraining that {waiting} decided is still open"
    if last and (passed := (night - last.night).days) < policy.cooldown:
        yield f"{passed} nights since the last training (`cooldown` is {policy.cooldown})"
    if last and last.ended == "refused" and (passed := (night - last.night).days) < policy.after_refusal:
        yield f"the challenger of {last.night} was refused {passed} nights ago (`after_refusal` is {policy.after_refusal})"
    started = [one for one in facts.triggered if one < night and (one.year, one.month) == (night.year, night.month)]
    if len(started) >= policy.per_month:
        yield f"{len(started)} retrainings this month (`per_month` is {policy.per_month})"
    if (labels := new_labels(facts, since=last.night if last else date.min, night=night)) < policy.min_new_labels:
        yield f"{labels} labels have become known since the last training (`min_new_labels` is {policy.min_new_labels})"


def new_labels(facts: Facts, *, since: date, night: date) -> int:
    """Rows whose label became known after `since` and by `night`."""
    place = SUMS[facts.kind].index("rows")
    newest = [[one for one in found if one.night <= night] for found in facts.realised.values()]
    return int(sum(found[-1].tally[place] for found in newest if found and found[0].night > since))
