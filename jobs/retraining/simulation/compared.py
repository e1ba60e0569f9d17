"""Which policy was better beyond chance, and beyond what another seed does; in sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import t

from jobs.config.models import Metric
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import LEVEL
from jobs.retraining.simulation.measured import Sampled, estimate

SURE: Final = (1 + LEVEL) / 2


@dataclass(frozen=True)
class Difference:
    """A policy's loss less that of the best one, on the same nights and in the same draws."""

    loss: Estimate
    """With the interval over nights."""
    seeds: Estimate | None
    """The same with the interval over seeds; None with one seed."""
    chance: float
    """How often nights alone would bring such a difference, in either direction."""
    is_beyond: bool
    """Beyond chance, corrected for the number of policies, and beyond what another seed does."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"loss": self.loss.to_dict(), "seeds": self.seeds and self.seeds.to_dict(), "chance": self.chance, "beyond_chance": self.is_beyond}


def best_of(losses: Mapping[str, Sampled]) -> str:
    """The policy with the lowest loss; of equal ones the first."""
    return min(losses, key=lambda name: float(losses[name].values.mean()))


def differences(losses: Mapping[str, Sampled]) -> dict[str, Difference]:
    """Of each policy but the best.

    Chance is judged by the bootstrap's share of draws with the other sign, corrected for the number of comparisons by Holm (1979, A Simple
    Sequentially Rejective Multiple Test Procedure). That the best one was picked by the same nights is not corrected for.
    """
    from statsmodels.stats.multitest import multipletests

    best = losses[best_of(losses)]
    others = [name for name in losses if losses[name] is not best]
    apart = {name: (losses[name].values - best.values, losses[name].samples - best.samples) for name in others}
    chances = {name: _chance(samples.mean(axis=0)) for name, (_, samples) in apart.items()}
    rejected = multipletests(list(chances.values()), alpha=1 - LEVEL, method="holm")[0] if others else []
    found = {}
    for (name, (values, samples)), is_rare in zip(apart.items(), rejected, strict=True):
        over_nights, over_seeds = estimate(float(values.mean()), samples.mean(axis=0)), _over_seeds(values)
        is_beyond = bool(is_rare) and not (over_seeds and _has_zero(over_seeds))
        found[name] = Difference(over_nights, over_seeds, chances[name], is_beyond)
    return found


def sentences(losses: Mapping[str, Sampled], found: Mapping[str, Difference], loss: Metric) -> Iterator[str]:
    """What the differences say, and what they do not."""
    best, seeds = best_of(losses), len(next(iter(losses.values())).values)
    if not found:
        yield f"`{best}` has a {loss} of {losses[best].estimate}; there is no other policy to compare it with."
        return
    yield f"`{best}` has the lowest {loss}, {losses[best].estimate}."
    yield from (f"`{name}`: {_told(one, best)}." for name, one in found.items())
    beyond, scope = [f"`{name}`" for name, one in found.items() if one.is_beyond], "With this seed" if seeds == 1 else f"Over {seeds} seeds"
    if not beyond:
        yield f"{scope}, no policy was shown to be better than another."
    elif len(beyond) == len(found):
        yield f"{scope}, `{best}` was better than every other policy listed."
    else:
        yield f"{scope}, `{best}` was better than {', '.join(beyond)}; of the others that was not shown."
    if seeds == 1:
        yield "What another seed would change, as which challengers the gate lets through, is not known here: --seeds 3 shows it."


def _told(one: Difference, best: str) -> str:
    if not one.loss.value and not one.chance < 1:
        return f"the same scores as `{best}`"
    more = f"{one.loss} more than `{best}`"
    if one.is_beyond:
        return f"{more}, beyond chance"
    if one.seeds and _has_zero(one.seeds):
        return f"{more}, which is within what another seed does ({one.seeds} over seeds)"
    return f"{more}, which may be chance"


def _chance(samples: Floats) -> float:
    """Two-sided, never 0: so many draws cannot tell less from none."""
    if not np.isfinite(samples).all():
        return 1.0
    tail = min(int((samples <= 0).sum()), int((samples >= 0).sum()))
    return float(min(1.0, 2 * (1 + tail) / (1 + len(samples))))


def _over_seeds(values: Floats) -> Estimate | None:
    if len(values) < 2:
        return None
    middle, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    reach = float(t.ppf(SURE, len(values) - 1)) * error
    return Estimate(middle, middle - reach, middle + reach)


def _has_zero(found: Estimate) -> bool:
    return found.low is not None and found.high is not None and found.low <= 0 <= found.high
