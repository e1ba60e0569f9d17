"""The gate's rules about stress: under the worst of a kind, the loss may rise so much at most."""

from jobs.config.stress import StressKind
from jobs.errors import DataError
from jobs.model.gate.verdict import Rule
from jobs.model.stress.stressing import Stressing


def stressed(stressing: Stressing, kind: StressKind, limit: float) -> Rule:
    """Refuse if the worse end of the interval is above the limit: what is not shown to be harmless does not pass.

    Raises:
        DataError: there is no stress of the kind, one could not be computed, or nights are too few for an interval.
    """
    found = [one for one in stressing.results if one.kind == kind]
    if not found:
        msg = f"the version has nothing that `{kind}` could alter; take the limit out of `stress.limits`"
        raise DataError(msg)
    if broken := [one.sentence for one in found if one.problem is not None]:
        raise DataError(broken[0])
    worst = max(found, key=lambda one: one.worst)
    if worst.rise.low is None or worst.rise.high is None:
        msg = "one night gives no interval, so nothing is proven"
        raise DataError(msg)
    holds = worst.rise.high <= limit
    among = f"The worst of {len(found)}: " if len(found) > 1 else ""
    asked = f"Limit: {worst.loss} may rise by {limit:g} at the upper end; here {worst.rise.high:.4f}."
    return Rule(
        name=f"stress_{kind}",
        outcome="PASS" if holds else "REFUSE",
        observed=worst.rise.value,
        interval=(worst.rise.low, worst.rise.high),
        limit=limit,
        sentence=f"{among}{worst.sentence} {asked}",
    )
