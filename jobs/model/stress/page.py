"""Stress for people and on record: `stress.json`, `stress.png`, and the section of a version's page that shows both."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jobs.model.evaluation.plots import GREY, INK, png
from jobs.model.stress.stressing import SAMPLE, Stressing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT: Final = "stress.png"
DRAWN: Final = 3
"""Of each kind, so many of the worst are on the plot."""


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
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["difference"] = _difference
    template = environment.from_string(resources("jobs.model.stress").joinpath("stress.html").read_text(encoding="utf-8"))
    told = json.loads(files["stress.json"])
    plot = base64.b64encode(files[PLOT]).decode() if PLOT in files else None
    # Rendered by a template that escapes: what a pipeline says is text in it already.
    return Markup(template.render(**told, worst=[*worst(told["stresses"], 1)], plot=plot))  # noqa: S704


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


def _difference(given: Mapping[str, Any]) -> str:
    """`+0.0040 [+0.0010, +0.0070]`."""
    value, low, high = given["value"], given["low"], given["high"]
    return f"{value:+.4f}" if low is None or high is None else f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
