"""What a signal is worth: how it goes with the loss of the week after it, on the nights that are on record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any, Final

import numpy as np

from jobs.config.drift import Drift
from jobs.drift_report.judged import Counts, Yardstick, summary
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import interval
from jobs.performance.tally import loss_ratio, measures
from jobs.watch.facts import Facts
from jobs.watch.signals import READINGS, value

WEEK: Final = 7
RESAMPLES: Final = 500
Series = Mapping[date, float]


@dataclass(frozen=True)
class Worth:
    """One signal on some nights."""

    signal: str
    nights: int
    flagged: float | None
    """Share of the nights in which a mark was reached, of drift."""
    loss: Estimate | None
    """Rank correlation with the loss of the week after; None where the signal or the loss never changes."""
    ratio: Estimate | None
    """The same with that loss by the constant's: what the model, and not the week, has to do with it."""


def ahead(facts: Facts) -> tuple[Series, Series]:
    """Per night: the realised loss of the seven nights after it, and the same by the constant's loss; only where most of them are known."""
    losses, ratios = {}, {}
    for night in sorted(facts.drift):
        known = [facts.realised[day][-1] for n in range(1, WEEK + 1) if (day := night + timedelta(days=n)) in facts.realised]
        if 2 * len(known) > WEEK:
            found = measures(np.sum([one.tally for one in known], axis=0), facts.kind)
            losses[night], ratios[night] = float(found[facts.loss]), loss_ratio(found, facts.loss)
    return losses, ratios


def of_signals(facts: Facts, *, seed: int, done: Callable[[str], None]) -> Iterator[Worth]:
    """Every signal of a model as it stands, over a week."""
    targets = ahead(facts)
    for signal in READINGS:
        series = {night: found for night in facts.drift if (found := value(signal, facts, night, over=WEEK)) is not None}
        done(signal)
        yield _worth(signal, series, targets, seed=seed)


def how_many() -> int:
    """What `of_signals` and `of_drift` tell of while they are at it."""
    return len(READINGS) + len([*variants()])


def variants() -> Iterator[tuple[str, Drift]]:
    """Ways to watch for drift: against training or the nights before, one night or several, with and without what is usual."""
    for compare, nights, usual in product(("training", "trailing"), (1, 7, 14), (0.0, 0.95)):
        yield f"{compare}, {nights} night{'s' if nights > 1 else ''}, {'usual' if usual else 'marks'}", Drift(compare=compare, nights=nights, usual=usual)
    yield from ((f"training, 7 nights, usual, {method}", Drift(method=method)) for method in ("jensen_shannon", "wasserstein"))


def of_drift(facts: Facts, counts: Counts, yardstick: Callable[[Drift], Yardstick], *, seed: int, done: Callable[[str], None]) -> Iterator[Worth]:
    """The score's and the features' drift by each of `variants`, from recorded histograms.

    Args:
        facts: on record.
        counts: the histograms of all nights.
        yardstick: gives the version's, for other settings.
        seed: of the intervals.
        done: told of each variant.
    """
    targets = ahead(facts)
    for name, drift in variants():
        stick = yardstick(drift)
        found = {night: summary(stick.judge(counts, night), drift) for night in sorted(counts)}
        done(name)
        for signal, mark in (("score_drift", 1.0), ("feature_drift", 0.5)):
            series = {night: one[signal] for night, one in found.items()}
            yield _worth(f"{signal}: {name}", series, targets, seed=seed, mark=mark)


def _worth(name: str, series: Series, targets: tuple[Series, Series], *, seed: int, mark: float | None = None) -> Worth:
    flagged = None if mark is None else float(np.mean([one >= mark for one in series.values()])) if series else None
    return Worth(name, len(series), flagged, *[_correlation(series, target, seed=seed) for target in targets])


def _correlation(series: Series, target: Series, *, seed: int) -> Estimate | None:
    """Spearman's, with an interval over whole weeks drawn with replacement."""
    nights = sorted(set(series) & set(target))
    x, y = np.array([series[night] for night in nights]), np.array([target[night] for night in nights])
    if len(nights) < 2 * WEEK or len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return None
    weeks = np.array_split(np.arange(len(nights)), len(nights) // WEEK)
    draws = np.random.default_rng(seed).integers(0, len(weeks), (RESAMPLES, len(weeks)))
    samples = np.array([_spearman(x, y, np.concatenate([weeks[one] for one in drawn])) for drawn in draws])
    whole = samples[np.isfinite(samples)]
    low, high = interval(whole) if len(whole) > RESAMPLES / 2 else (None, None)
    return Estimate(_spearman(x, y, np.arange(len(nights))), low, high)


def _spearman(x: Floats, y: Floats, rows: "np.ndarray[Any, np.dtype[np.int64]]") -> float:
    from scipy.stats import rankdata

    ranks = rankdata(x[rows]), rankdata(y[rows])
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw in which one of them never changes
        return float(np.corrcoef(*ranks)[0, 1])


def as_table(found: Sequence[Worth]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, for people."""
    columns = ["signal", "nights", "beyond its mark", "with the loss of the week after", "with that loss by the constant's"]
    return columns, [[one.signal, str(one.nights), "" if one.flagged is None else f"{one.flagged:.0%}", _told(one.loss), _told(one.ratio)] for one in found]


def _told(one: Estimate | None) -> str:
    if one is None:
        return "-"
    return f"{one.value:.2f}" if one.low is None or one.high is None else f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
