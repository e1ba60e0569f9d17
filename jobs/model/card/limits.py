"""What a version is not good for, as far as the record shows it: each limit is a sentence with the number that it rests on."""

import calendar
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.model.card.facts import Facts
from jobs.nights import span


def limits(facts: Facts) -> list[str]:
    """The limits that are on record, those that the team has stated first."""
    return [*(f"Not for: {one}." for one in facts.purpose.get("not_for", [])), *_of_data(facts), *_of_parts(facts), *_of_the_examination(facts)]


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
    """Parts of the holdout where the constant does as well."""
    for one in facts.file("slices.json") or []:
        over = one["over_constant"]
        if over is not None and over["value"] >= 0:
            yield f"Not shown to be better than a constant for {one['name']} ({one['rows']} rows): its loss less the constant's is {_estimate(over)}."


def _of_the_examination(facts: Facts) -> Iterator[str]:
    leaks = facts.rule("leaks")
    if leaks and leaks["observed"]:
        yield str(leaks["sentence"])
    for name, what in (("fairness", "Fairness"), ("stress", "Stress")):
        if facts.file(f"{name}.json") is None:
            yield f"{what} was not examined: the pipeline file did not ask for it."


def _estimate(given: Mapping[str, Any]) -> str:
    value, low, high = given["value"], given["low"], given["high"]
    return f"{value:.4f}" if low is None or high is None else f"{value:.4f} [{low:.4f}, {high:.4f}]"
