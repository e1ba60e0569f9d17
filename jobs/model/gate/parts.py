"""The gate's rule about parts of the holdout: no slice may be proven worse than the champion."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from jobs.config.models import Parts
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import KIND
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import SAMPLED, draw
from jobs.model.evaluation.slices import members
from jobs.model.evaluation.values import labels_of
from jobs.model.gate.case import Case
from jobs.model.gate.verdict import Rule

LEVEL: Final = 0.05


def slices(case: Case, parts: Parts) -> Rule:
    """Refuse if the challenger is worse than the champion by more than the margin in any slice, beyond chance.

    One-sided, by the bootstrap's share of draws in which it is not; corrected for the number of slices by Holm (1979, A Simple Sequentially
    Rejective Multiple Test Procedure), so that the whole rule errs on an equal challenger one time in twenty at most.

    Raises:
        DataError: a feature that is named has no slice left to be judged.
    """
    from statsmodels.stats.multitest import multipletests

    found = list(_judged(case, parts))
    if absent := [name for name in case.slices if not any(slice_.startswith(f"{name}=") for slice_, _, _ in found)]:
        msg = f"no value of {absent} has {parts.min_rows} rows with labels that differ in the holdout"
        raise DataError(msg)
    worse = multipletests([p for _, _, p in found], alpha=LEVEL, method="holm")[0]
    refused = [f"{name} by {difference:.4f}" for (name, difference, _), is_worse in zip(found, worse, strict=True) if is_worse]
    least = max(found, key=lambda one: one[1])
    told = f"worse beyond chance: {', '.join(refused)}" if refused else f"none is worse beyond chance; the worst is {least[0]}, by {least[1]:.4f}"
    sentence = f"Of {len(found)} slices with {parts.min_rows} rows or more, {told} (more than {parts.margin:g} of {case.loss} is too much)."
    return Rule(name="slices", outcome="REFUSE" if refused else "PASS", observed=float(len(refused)), limit=0, sentence=sentence)


def _judged(case: Case, parts: Parts) -> Iterator[tuple[str, float, float]]:
    """Name, how much worse the challenger is, and how likely that is if it is not worse by more than the margin."""
    frame, sampled = case.compared, SAMPLED[case.loss]  # a loss: more of it is worse
    ours, theirs = case.compared_scores, case.incumbent_scores
    for name, rows in members(frame, case.slices, min_rows=parts.min_rows):
        part = frame[rows]
        if part["label"].nunique() < 2 or part["night"].nunique() < 2:
            continue
        label, draws = labels_of(part, KIND[case.loss], where=f"The slice {name}"), draw(part["night"], seed=case.seed)
        worse: Floats = sampled(draws, label, ours[rows]) - sampled(draws, label, theirs[rows])
        alike = float((1 + (worse <= parts.margin).sum()) / (1 + len(worse)))
        yield name, float(np.mean(worse)), alike
