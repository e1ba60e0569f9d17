"""Thresholds by group: chosen on rows that no tree was grown on, so that groups are predicted, or found, equally often."""

from dataclasses import replace

import numpy as np
import pandas as pd

from jobs.config.fairness import Equal, Fairness
from jobs.errors import DataError
from jobs.model.artifact import Artifact
from jobs.model.evaluation.floats import Floats
from jobs.model.fairness.by_group import ByGroup
from jobs.model.fairness.groups import groups_of
from jobs.model.fairness.rates import CASES


def with_thresholds(artifact: Artifact, rows: pd.DataFrame, fairness: Fairness, *, general: float) -> Artifact:
    """The same with thresholds by group, if the file asks for them.

    Args:
        artifact: just trained.
        rows: that no tree was grown on, with `label` and the attribute.
        fairness: the model's section.
        general: the threshold of all rows whose group gets none of its own.

    Raises:
        DataError: as in `by_group`.
    """
    asked = fairness.mitigate
    if asked is None or asked.by != "thresholds":
        return artifact
    equal, least = asked.equal or "true_positive_rate", fairness.min_rows
    found = by_group(rows, artifact.score(rows), asked.attribute, general=general, equal=equal, min_rows=least)
    return replace(artifact, learned=replace(artifact.learned, by_group=found))


def by_group(rows: pd.DataFrame, score: Floats, attribute: str, *, general: float, equal: Equal, min_rows: int) -> ByGroup:
    """For each group the score from which on its rate is nearest to that of all rows at the general threshold.

    The idea is that of Hardt et al. 2016, Equality of Opportunity in Supervised Learning, without its lottery: the same row is always decided
    alike, at the price of rates that are equal only as far as the group's scores are fine enough.

    Args:
        rows: with `label` and the attribute.
        score: theirs.
        attribute: whose values are the groups.
        general: the threshold of all rows whose group gets none of its own.
        equal: the rate.
        min_rows: of a group; a smaller one, or one with too few positives, keeps the general threshold.

    Raises:
        DataError: fewer than two groups are left, or the attribute names no groups.
    """
    groups, counted = groups_of(rows, attribute), np.ones(len(rows), dtype=bool)
    if equal == "true_positive_rate":
        counted = rows["label"].to_numpy(np.float64) == 1
    aim = float((score[counted] >= general).mean())
    inside = {number: score[counted & (groups.code == number)] for number in np.flatnonzero(groups.rows >= min_rows).tolist()}
    fit = {number: scores for number, scores in inside.items() if len(scores) >= CASES}
    if len(fit) < 2:
        msg = (
            f"fairness.mitigate: of the groups of `{attribute}`, {len(fit)} has {min_rows} rows and {CASES} to count by {equal}, and it takes two: "
            f"{dict(zip(groups.names, groups.rows.tolist(), strict=True))}. Take `mitigate` out, or give `calibrate` or `tune` more nights."
        )
        raise DataError(msg)
    return ByGroup(attribute, tuple((groups.values[number], _nearest(scores, aim, general)) for number, scores in fit.items()))


def _nearest(scores: Floats, aim: float, general: float) -> float:
    """The threshold whose rate is nearest to `aim`; of equally near ones that nearest to the general one."""
    found, counts = np.unique(scores, return_counts=True)
    # From each score on, and from just above the highest: nobody.
    at = np.append(found, np.nextafter(found[-1], np.inf))
    rate = np.append(np.cumsum(counts[::-1])[::-1], 0) / len(scores)
    return float(at[np.lexsort((np.abs(at - general), np.round(np.abs(rate - aim), 12)))[0]])
