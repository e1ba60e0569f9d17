"""Stress for people and on record: `stress.json`, `stress.png`, and the section of a version's page that shows both."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from markupsafe import Markup

from jobs.model.evaluation.plots import GREY, INK, png
from jobs.model.pages.looks import environment
from jobs.model.stress.stressing import SAMPLE, Stressing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT: Final = "stress.png"
DRAWN: Final = 3
"""Of each kind, so many of the worst are on the plot."""
OVER_TIME: Final = frozenset({"oldest_month", "newest_month"})
"""Kinds that alter nothing, but look at other rows."""


def record(stressing: Stressing, *, title: str) -> dict[str, bytes]:
    """`stress.json`: every stress with its numbers and its sentence, the worst first; and `stress.png`, some of the worst of each kind.

    Args:
        stressing: of one version.
        title: shown above the plot.
    """
    stresses = [one.to_dict() for one in stressing.results]
    about = {"loss": stressing.loss, "noise": stressing.config.noise, "limits": dict(stressing.config.limits), "sample": min(SAMPLE, len(stressing.holdout))}
    # Months are of other rows, and differ by so much more that nothing else could be seen beside them.
    measured = [one for one in stresses if one["problem"] is None and one["change"] is not None]
    drawn = {PLOT: png(title, lambda axes: _bars(axes, [*worst(measured, DRAWN)]), width=7.2)} if measured else {}
    return {"stress.json": json.dumps({**about, "stresses": stresses}, allow_nan=False).encode(), **drawn}


def part(files: Mapping[str, bytes]) -> Markup:
    """The section of a version's page, out of the version's files; nothing where it was not stressed."""
    if "stress.json" not in files:
        return Markup()
    told, evaluation = json.loads(files["stress.json"]), json.loads(files.get("evaluation.json", b"null"))
    plot = base64.b64encode(files[PLOT]).decode() if PLOT in files else None
    shown = {**told, "plot": plot, "altered": altered(told, evaluation), "over_time": over_time(told)}
    # Rendered by a template that escapes: what a pipeline says is text in it already.
    return Markup(environment("jobs.model.stress").get_template("stress.html").render(**shown))  # noqa: S704


def altered(told: Mapping[str, Any], evaluation: Mapping[str, Any] | None) -> list[str]:
    """A sentence on the worst stress of each kind, the worst first, which says where the version is then worse than a constant.

    Args:
        told: `stress.json`.
        evaluation: of the version, with the constant among its baselines.
    """
    found = [one for one in worst(told["stresses"], 1) if one["kind"] not in OVER_TIME]
    return [f"{one['sentence']} {_beaten(one, lead(told, evaluation))}".rstrip() for one in found]


def over_time(told: Mapping[str, Any]) -> list[str]:
    """A sentence on each other stretch of nights."""
    return [one["sentence"] for one in told["stresses"] if one["kind"] in OVER_TIME]


def useless(told: Mapping[str, Any], evaluation: Mapping[str, Any] | None) -> list[str]:
    """What alone makes the version worse than a constant, the worst of each kind."""
    ahead = lead(told, evaluation)
    found = [one for one in worst(told["stresses"], 1) if one["kind"] not in OVER_TIME and _beaten(one, ahead)]
    return [f"{one['what']}, it is worse than a constant: {told['loss']} rises by {_rise(one):.4f}, and its lead is {ahead:.4f}." for one in found]


def lead(told: Mapping[str, Any], evaluation: Mapping[str, Any] | None) -> float:
    """By how much the version's loss is below the constant's; not above 0 where it is not, or where that is not on record."""
    constant = ((evaluation or {}).get("baselines") or {}).get("constant")
    return float(constant[told["loss"]]["value"] - (evaluation or {})["metrics"][told["loss"]]["value"]) if constant else 0.0


def worst(stresses: Sequence[Mapping[str, Any]], count: int) -> Iterator[Mapping[str, Any]]:
    """The first `count` of every kind, each of another feature, and all that could not be computed.

    Args:
        stresses: of `stress.json`, the worst first.
        count: how many of a kind.
    """
    seen: dict[str, set[str]] = defaultdict(set)
    for one in stresses:
        of, others = one["of"].partition(" at ")[0], seen[one["kind"]]
        if one["problem"] is not None or (of not in others and len(others) < count):
            yield one
            others.add(of)


def _bars(axes: "Axes", stresses: Sequence[Mapping[str, Any]]) -> None:
    found = stresses[::-1]
    rises = [one["differences"][one["loss"]] for one in found]
    values = np.array([rise["value"] for rise in rises])
    low, high = (np.array([rise["value"] if rise[end] is None else rise[end] for rise in rises]) for end in ("low", "high"))
    names = [f"{one['kind'].replace('_', ' ')}: {one['of']}" for one in found]
    axes.barh(names, values, color=INK)
    axes.errorbar(values, names, xerr=np.maximum([values - low, high - values], 0), color=GREY, linestyle="none", capsize=2, linewidth=1)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set(xlabel=f"{found[0]['loss']} under the stress less without it, 95 % over nights")
    axes.tick_params(axis="y", labelsize=7)
    axes.locator_params(axis="x", nbins=5)


def _rise(one: Mapping[str, Any]) -> float:
    return 0.0 if one["problem"] is not None else float(one["differences"][one["loss"]]["value"])


def _beaten(one: Mapping[str, Any], lead: float) -> str:
    return f"The version is then worse than a constant, which it otherwise beats by {lead:.4f}." if 0 < lead < _rise(one) else ""
