"""The results as tables and lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.model.evaluation.evaluation import Estimate
from jobs.retraining.simulation.measured import ALL

Table = tuple[list[str], list[list[str]]]
Results = Mapping[str, Any]


def policies(results: Results, seconds: Mapping[str, float]) -> Table:
    """A row per policy: its trainings, what became of them, its loss and how far that is from the best.

    Args:
        results: of a simulation.
        seconds: by policy, what its trainings and the gate took.
    """
    loss = results["loss"]
    spread = ["over seeds"] if len(results["seeds"]) > 1 else []
    columns = ["policy", "trained", "promoted", "refused", "held back", loss, "less the best's", *spread, "seconds"]
    return columns, [_row(name, one, loss, bool(spread), seconds[name]) for name, one in results["policies"].items()]


def months(results: Results) -> Table:
    """A row per month: the loss of each policy."""
    given, loss = results["policies"], results["loss"]
    first = next(iter(given.values()))
    return ["month", *given], [[month, *[estimate(one["months"][month][loss]) for one in given.values()]] for month in first["months"]]


def metrics(results: Results) -> Table:
    """A row per policy: all metrics of all nights together."""
    found = {name: one["months"][ALL] for name, one in results["policies"].items()}
    names = [*next(iter(found.values()))]
    return ["policy", *names], [[name, *[estimate(worth[metric]) for metric in names]] for name, worth in found.items()]


def lines(results: Results) -> Iterator[str]:
    """What was compared, how it was done, and what came of it."""
    yield from (f"`{name}`: {one['retrain']}." for name, one in results["policies"].items())
    yield from (*results["notes"], *results["sentences"])


def estimate(given: Mapping[str, Any]) -> str:
    """`0.5181 [0.4854, 0.5579]`; without a value a dash."""
    return "–" if given["value"] is None else str(Estimate(given["value"], given["low"], given["high"]))


def _row(name: str, one: Mapping[str, Any], loss: str, is_spread: bool, seconds: float) -> list[str]:
    runs, worth = one["runs"], one["months"][ALL]
    # Without that of the first champion, which no policy asked for.
    ends = [[attempt["ended"] for attempt in run["attempts"][1:]] for run in runs]
    made = [_range([len(ended) for ended in ends]), *[_range([ended.count(how) for ended in ends]) for how in ("promoted", "refused")]]
    made.append(_range([run["held_back"] for run in runs]))
    apart = estimate(one["difference"]["loss"]) if one["difference"] else "best"
    values = worth[loss]["seeds"]
    spread = [f"{min(values):.4f} to {max(values):.4f}"] if is_spread else []
    return [name, *made, estimate(worth[loss]), apart, *spread, f"{seconds:.0f}"]


def _range(found: Sequence[int]) -> str:
    """One number; the least and the most where seeds differ."""
    return str(found[0]) if len(set(found)) == 1 else f"{min(found)} to {max(found)}"
