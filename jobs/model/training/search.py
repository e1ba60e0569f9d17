"""Search: Optuna tries parameters on folds that roll forward in time inside `train` and `tune`; the holdout has no part in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jobs.config.models import Model
from jobs.config.search import Range, Search
from jobs.errors import UsageError
from jobs.model.segments import Span
from jobs.model.training.training import parameters

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

DEFAULTS: Final = "defaults"
Fold = tuple[Span, Span]
Loss = Callable[[Model, Fold], float]
"""The loss on a fold's second span of what is trained on its first."""


@dataclass(frozen=True)
class Found:
    """The best parameters, and how they were found."""

    params: Mapping[str, Any]
    """To be set over the model's own; empty if nothing did better than these."""
    loss: float
    """Mean over the folds."""
    default_loss: float
    """The same of the model's own parameters, which are tried first."""
    trials: tuple[Mapping[str, Any], ...]
    """Of each: `number`, `state`, `params`, `loss` (None if it was pruned or failed)."""


def search(model: Model, *, folds: list[Fold], features: int, loss: Loss, storage: str, study: str) -> Found:
    """Try parameters until the budget of trials or minutes is spent; a study that was interrupted goes on where it stopped.

    The sampler is TPE (Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization), seeded; a trial whose mean loss after a fold is
    worse than the median of the trials before it is given up.

    Args:
        model: with its `search`.
        folds: oldest first, as `rolling` gives them.
        features: how many there are, for the defaults.
        loss: trains and measures on one fold.
        storage: SQLAlchemy address of Optuna's tables.
        study: a name that changes with the rows and the configuration.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = model.search or Search()
    made = optuna.create_study(
        storage=storage, study_name=study, load_if_exists=True, pruner=optuna.pruners.MedianPruner(n_startup_trials=5), direction="minimize"
    )
    # Seeded anew with each start: the same seed would draw the first trials again.
    made.sampler = optuna.samplers.TPESampler(seed=model.seed + len(made.trials))
    if DEFAULTS not in made.user_attrs:
        made.set_user_attr(DEFAULTS, float(np.mean([loss(model, fold) for fold in folds])))
    if (left := spec.trials - 1 - len(_done(made))) > 0:

        def objective(trial: "Trial") -> float:
            return _tried(trial, model, spec, folds, loss)

        made.optimize(objective, n_trials=left, timeout=60 * spec.minutes)
    return _best(made, parameters(model, features=features), spec)


def rolling(spec: Search, spans: Mapping[str, Span], *, lag: int) -> list[Fold]:
    """Folds inside `train` and `tune`: each measured on `fold_nights` nights and trained on those before, `lag` nights apart.

    Rolling-origin evaluation (Tashman 2000, Out-of-sample tests of forecasting accuracy) with the label lag as embargo.

    Raises:
        UsageError: the oldest fold would have fewer nights to train on than to be measured on.
    """
    first, last = spans["train"].first, spans["tune"].last
    measured = [last - timedelta(days=spec.fold_nights * place) for place in reversed(range(spec.folds))]
    folds = [(Span(first, end - timedelta(days=spec.fold_nights + lag)), Span(end - timedelta(days=spec.fold_nights - 1), end)) for end in measured]
    if folds[0][0].nights < spec.fold_nights:
        msg = (
            f"`search` asks for {spec.folds} folds of {spec.fold_nights} nights; `train` and `tune` have {(last - first).days + 1}, "
            f"so the oldest fold would be trained on {max(folds[0][0].nights, 0)}. Make `folds` or `fold_nights` smaller, or `segments.train` longer."
        )
        raise UsageError(msg)
    return folds


def _tried(trial: "Trial", model: Model, spec: Search, folds: list[Fold], loss: Loss) -> float:
    import optuna

    params = {name: _drawn(trial, name, allowed) for name, allowed in spec.space.items()}
    tried, losses = model.model_copy(update={"params": {**model.params, **params}}), []
    for place, fold in enumerate(folds):
        losses.append(loss(tried, fold))
        trial.report(float(np.mean(losses)), place)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(losses))


def _drawn(trial: "Trial", name: str, allowed: Range) -> float | int:
    if allowed.whole:
        return trial.suggest_int(name, int(allowed.low), int(allowed.high), log=allowed.log)
    return trial.suggest_float(name, allowed.low, allowed.high, log=allowed.log)


def _best(study: "Study", own: Mapping[str, Any], spec: Search) -> Found:
    default_loss = float(study.user_attrs[DEFAULTS])
    defaults = {"number": 0, "state": "COMPLETE", "params": {name: own.get(name) for name in spec.space}, "loss": default_loss}
    trials = (defaults, *map(_plain, _done(study)))
    whole = [one for one in trials if one["state"] == "COMPLETE"]
    best = min(whole, key=lambda one: float(str(one["loss"])))
    return Found({} if best is defaults else dict(best["params"]), float(str(best["loss"])), default_loss, trials)


def _done(study: "Study") -> list["FrozenTrial"]:
    # A trial that was interrupted has failed and says nothing.
    return [one for one in study.trials if one.state.name in {"COMPLETE", "PRUNED"}]


def _plain(one: "FrozenTrial") -> dict[str, Any]:
    return {"number": one.number + 1, "state": one.state.name, "params": one.params, "loss": one.value if one.state.name == "COMPLETE" else None}
