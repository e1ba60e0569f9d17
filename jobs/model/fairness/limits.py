"""The gate's rules about groups: none may be farther from another than the file allows."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from jobs.config.fairness import Measure
from jobs.errors import DataError
from jobs.model.gate.case import Case
from jobs.model.gate.verdict import Rule

WHAT: Final[dict[Measure, str]] = {
    "demographic_parity": "the shares of rows that are predicted",
    "equal_opportunity": "the shares of the really so that are found",
    "equalized_odds": "the shares that are predicted of the really so, or of all other rows,",
    "predictive_parity": "the shares of predictions that were right",
}


def within_limits(case: Case) -> Iterator[tuple[str, Callable[[], Rule]]]:
    """Name and rule of each limit for each attribute; none where the file has no limits."""
    for attribute in case.fairness.attributes if case.fairness else ():
        for measure, limit in case.fairness.limits.items() if case.fairness else ():
            yield f"fairness_{measure}_{attribute}", partial(_within, case, attribute, measure, limit)


def _within(case: Case, attribute: str, measure: Measure, limit: float) -> Rule:
    """Judged by the value, not by an end of the interval.

    A limit says what is tolerable, as a floor says what is good enough. By the upper end, a short holdout would refuse groups that are
    treated alike; by the lower end, it would let pass any difference that it is too short to prove. The value errs on the side of refusing,
    since the largest of several differences is too large by what chance gives. That, and the interval, stand beside it.
    """
    found = case.groups[attribute].gap(measure)
    if found.estimate is None or found.estimate.low is None or found.estimate.high is None:
        msg = f"between the groups of `{attribute}`, the nights give no interval: there is one only, or a draw of them has no case of a group"
        raise DataError(msg)
    value, low, high = found.estimate.value, found.estimate.low, found.estimate.high
    sentence = (
        f"Between the groups of `{attribute}`, {WHAT[measure]} are {found.estimate} apart, "
        f"`{found.lowest}` lowest and `{found.highest}` highest (at most {limit:g}; chance alone gives {found.by_chance:.4f})."
    )
    name = f"fairness_{measure}_{attribute}"
    return Rule(name=name, outcome="PASS" if value <= limit else "REFUSE", observed=value, interval=(low, high), limit=limit, sentence=sentence)
