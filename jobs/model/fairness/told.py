"""How groups fare, in sentences: the same for a version's page and its card. Names stand between backticks."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Told = Mapping[str, Any]
"""Of `fairness.json`: the whole, or one of its attributes."""
RATES: Final = {
    "base_rate": "really so",
    "selection_rate": "predicted",
    "true_positive_rate": "share of the really so that was found",
    "false_positive_rate": "false alarms",
    "precision": "predictions that were right",
}
MEASURES: Final = {
    "demographic_parity": ("demographic parity", "share of rows that are predicted"),
    "equal_opportunity": ("equal opportunity", "share of the really so that was found"),
    "equalized_odds": ("equalized odds", "that share, or the false alarms, whichever is farther apart"),
    "predictive_parity": ("predictive parity", "share of predictions that were right"),
}


def explained(fairness: Told) -> str:
    """What the numbers are of, and what the columns mean."""
    return (
        f"On {fairness['rows']} rows of {fairness['nights']} nights that nothing was learned from. “Predicted” are the rows that the version "
        "says yes of, “really so” those whose label is true; “false alarms” are the share of all other rows that was predicted all the same. "
        f"In brackets are 95 % intervals over nights. Of a group with fewer than {fairness['min_rows']} rows nothing is claimed."
    )


def sentences(one: Told, fairness: Told) -> Iterator[str]:
    """What is to be known of one attribute beside its numbers."""
    yield _learned(one)
    rates = [(group["rates"]["base_rate"]["value"], group["name"]) for group in one["groups"] if group["rates"].get("base_rate")]
    if len(rates) > 1 and round(min(rates)[0], 3) != round(max(rates)[0], 3):
        (low, least), (high, most) = min(rates), max(rates)
        yield (
            f"The label is really so for {100 * low:.1f} % of `{least}` and for {100 * high:.1f} % of `{most}`. Where groups differ in that, "
            "no version that errs can be alike in all of the measures at once: choose the one that the purpose asks for."
        )
    limited = [name for name in MEASURES if name in fairness["limits"]]
    if one["measures"]:
        yield f"The gate limits {_listed(limited)}." if limited else "The gate limits none of the measures."
        yield from unlimited(one, fairness)


def unlimited(one: Told, fairness: Told) -> Iterator[str]:
    """How far apart groups are in what the gate does not limit."""
    left = {name: found for name, found in (one["measures"] or {}).items() if name not in fairness["limits"] and found["estimate"]}
    if left:
        name, found = max(left.items(), key=lambda pair: pair[1]["estimate"]["value"])
        yield (
            f"Not limited by the gate: {_listed(left)}. Farthest apart of these is {MEASURES[name][0]} between the groups of `{one['attribute']}`: "
            f"{100 * found['estimate']['value']:.1f} points, `{found['lowest']}` against `{found['highest']}`."
        )


def larger(one: Told) -> Iterator[str]:
    """Which gaps the other versions of an attribute make larger, a sentence for each that does."""
    base, *others = one.get("variants") or [{}]
    for variant in others:
        gains = variant.get("gains") or {}
        found = [name for name, gain in gains.items() if gain and gain["value"] > 0]
        sizes = ", ".join(f"{MEASURES[name][0]} {_size(variant, name)}, not {_size(variant, name, less=gains[name]['value'])}" for name in found)
        if found:
            which = "every gap is" if len(found) == len(gains) > 1 else "some gaps are"
            yield f"{variant['name']}: {which} larger than {base['name'].replace('this', 'in this')}, in points: {sizes}."


def is_apart(found: Told) -> bool:
    """Whether a difference is shown, as far as one sees it: an interval that begins at 0.0 does not."""
    estimate = found["estimate"]
    return estimate["low"] is not None and round(100 * estimate["low"], 1) > 0


def is_off(share: Told) -> bool:
    """Whether a group's share differs beyond chance, as far as one sees it in hundredths of a point."""
    difference = share["difference"]
    ends = [] if not difference or difference["low"] is None else [round(100 * difference[end], 2) for end in ("low", "high")]
    return bool(ends) and (ends[0] > 0 or ends[1] < 0)


def _learned(one: Told) -> str:
    name, past = one["attribute"], one.get("past")
    if one["is_learned"]:
        return f"`{name}` is a column that the version learns from."
    if past:
        return f"`{name}` is not a column of the model, but {past} of its columns are the past of rows with the same `{name}`."
    rows = "the past of rows with the same value"
    told = f"none of its columns is {rows}" if past == 0 else f"whether some of its columns are {rows} is not on record"
    return f"`{name}` is not a column of the model, and {told}."


def _listed(names: Any) -> str:
    return ", ".join(MEASURES[name][0] for name in names)


def _size(variant: Told, name: str, *, less: float = 0.0) -> str:
    return f"{100 * (variant['measures'][name]['estimate']['value'] - less):.1f}"
