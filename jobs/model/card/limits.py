"""What a version is not good for, as far as the record shows it: each limit is a sentence with the number that it rests on."""

import calendar
from collections.abc import Iterator
from typing import Final

from jobs.model.card.facts import Facts
from jobs.model.fairness.told import unlimited
from jobs.model.pages.looks import estimate
from jobs.model.stress.page import useless
from jobs.nights import span

CLEARLY: Final = 0.1
"""Mean score and mean label are clearly apart from this share of the mean label on."""


def limits(facts: Facts) -> list[str]:
    """The limits that are on record, those that the team has stated first."""
    stated = (f"Not for: {one}." for one in facts.purpose.get("not_for", []))
    return [*stated, *_of_scores(facts), *_of_parts(facts), *_of_data(facts), *_of_the_examination(facts)]


def _of_scores(facts: Facts) -> Iterator[str]:
    """Baselines that do better, and scores that cannot be taken at their word."""
    evaluation = facts.verdict["evaluation"]
    if not evaluation:
        return
    loss, rows = facts.loss, f"on the same {evaluation['rows']} rows"
    ours = evaluation["metrics"][loss]["value"]
    for name, metrics in evaluation["baselines"].items():
        if metrics[loss]["value"] < ours:
            yield f"The simple baseline `{name}` did better {rows}: its {loss} is {metrics[loss]['value']:.4f}, this version's {ours:.4f}."
    label, score, error = (evaluation[name] for name in ("mean_label", "mean_score", "calibration_error"))
    if error is not None and abs(score - label) > CLEARLY * label:
        low = "low" if score < label else "high"
        yield f"Its scores are too {low}: {score:.3f} on average, where the mean label is {label:.3f}; over tenths of the rows they are {error:.3f} apart."


def _of_data(facts: Facts) -> Iterator[str]:
    train = facts.version.spans["train"]
    months = {night.month for night in span(train.first, train.last)}
    if absent := [calendar.month_name[month] for month in range(1, 13) if month not in months]:
        yield f"It has learned from no night in {', '.join(absent)}: what is usual then it has not seen."
    for name in ("label_coverage", "history_coverage"):
        rule = facts.rule(name)
        if rule and rule["observed"] is not None and rule["observed"] < 1:
            yield str(rule["sentence"])
    if facts.verdict["judged_before"]:
        yield f"Versions judged before on some of the same nights: {facts.verdict['judged_before']}. The luckiest of several looks better than it is."


def _of_parts(facts: Facts) -> Iterator[str]:
    """Parts of the holdout where the constant is not shown to do worse: the interval's upper end does not lie below 0, or there is no interval."""
    for one in facts.file("slices.json") or []:
        over = one["over_constant"]
        if over is not None and (over["high"] is None or over["high"] >= 0):
            yield f"Not shown to be better than a constant for `{one['name']}` ({one['rows']} rows): its loss less the constant's is {estimate(over)}."


def _of_the_examination(facts: Facts) -> Iterator[str]:
    leaks = facts.rule("leaks")
    if leaks and leaks["observed"]:
        yield str(leaks["sentence"])
    fairness, stress = (facts.file(f"{name}.json") for name in ("fairness", "stress"))
    if stress:
        yield from useless(stress, facts.verdict["evaluation"])
    for one in (fairness or {"attributes": []})["attributes"]:
        yield from unlimited(one, fairness)
    for given, what in ((fairness, "Fairness"), (stress, "Stress")):
        if given is None:
            yield f"{what} was not examined: the pipeline file did not ask for it."
