"""The rule by which a difference to the champion is judged: on the holdout, and again on what was realised in shadow."""

from jobs.config.models import HIGHER_IS_BETTER, AgainstChampion, Metric


def kept(rule: AgainstChampion, metric: Metric, interval: tuple[float, float]) -> tuple[bool, float, str]:
    """Whether a difference keeps to the rule, the limit, and what was asked in words.

    Args:
        rule: of the file.
        metric: of which the difference is.
        interval: of the challenger's metric less the champion's.
    """
    low, high = interval
    # How much worse at worst, in either direction of the metric: the end of the interval that speaks against the challenger.
    worst = -low if metric in HIGHER_IS_BETTER else high
    if rule.superior is not None:
        return worst < -rule.superior, -rule.superior, f"better by more than {rule.superior:g} at the worse end"
    limit = rule.non_inferior or 0.0
    return worst <= limit, limit, f"at the worse end worse by at most {limit:g}"
