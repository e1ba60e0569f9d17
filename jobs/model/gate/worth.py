"""What a version's decisions are worth, in sentences, by its recorded evaluation."""

from collections.abc import Mapping
from typing import Any


def worth(evaluation: Mapping[str, Any] | None, cost: Mapping[str, float] | None = None) -> str:
    """How many rows it predicts, how many of those are right, what it finds, and what its errors cost beside doing without it.

    Args:
        evaluation: as a verdict has it; None where nothing could be measured.
        cost: of a `missed` case and of a `false_alarm`, where the purpose says so.

    Returns:
        One or two sentences; empty where the record has no numbers for them.
    """
    if not evaluation:
        return ""
    if not evaluation["decided"]:
        return _of_a_number(evaluation)
    one, rows = evaluation["decided"], evaluation["rows"]
    found, false, missed = one["true_positives"], one["false_positives"], one["false_negatives"]
    if not found + false:
        return "It predicts no row at all."
    taken, right, recalled = (f"{100 * part:.0f} %" for part in ((found + false) / rows, found / (found + false), found / (found + missed)))
    told = f"It predicts {taken} of the rows; {right} of its predictions are right; it finds {recalled} of the really so."
    if not cost:
        return told
    errors, never = cost["missed"] * missed + cost["false_alarm"] * false, cost["missed"] * (found + missed)
    always = cost["false_alarm"] * (false + one["true_negatives"])
    return f"{told} Its errors cost {errors / rows:.2f} a row; predicting every row would cost {always / rows:.2f}, predicting none {never / rows:.2f}."


def _of_a_number(evaluation: Mapping[str, Any]) -> str:
    ours, constant = evaluation["metrics"].get("mae"), evaluation["baselines"].get("constant", {}).get("mae")
    if not ours or not constant:
        return ""
    return f"Its scores are off by {ours['value']:.4g} on average; always saying the same would be off by {constant['value']:.4g}."
