"""The report of a simulation as one HTML page without outside parts."""

import base64
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, StrictUndefined

from jobs.model.evaluation.plots import png
from jobs.retraining.simulation import told
from jobs.retraining.simulation.measured import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by people who see few colours as well (Okabe & Ito 2008, Color Universal Design).
COLOURS: Final = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
APART: Final = timedelta(days=3)
"""Between the policies of a month, so that their intervals do not hide each other."""


def page(results: told.Results, seconds: Mapping[str, float]) -> bytes:
    """The page.

    Args:
        results: of the simulation.
        seconds: by policy, what its trainings and the gate took.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources("jobs.retraining.simulation").joinpath("report.html").read_text(encoding="utf-8"))
    tables = [told.policies(results, seconds), told.metrics(results), told.months(results)]
    picture = base64.b64encode(plot(results)).decode()
    return template.render(results=results, tables=tables, picture=picture).encode()


def plot(results: told.Results) -> bytes:
    """The loss by month of each policy with intervals; below it a tick for each training, tall where it was promoted."""
    return png(f"{results['model']}: {results['loss']} by month", lambda axes: _draw(axes, results), width=10)


def _draw(axes: "Axes", results: told.Results) -> None:
    policies = results["policies"]
    for place, (name, one) in enumerate(policies.items()):
        colour, shift = COLOURS[place % len(COLOURS)], APART * (place - (len(policies) - 1) / 2)
        _months(axes, name, one["months"], results["loss"], colour, shift)
        _trainings(axes, one["runs"][0]["attempts"], colour, height=-0.04 * (place + 1))
    axes.set(ylabel=results["loss"])
    axes.legend(loc="upper left", frameon=False, ncols=len(policies), fontsize=8)
    axes.tick_params(axis="x", pad=12 * len(policies))


def _months(axes: "Axes", name: str, months: Mapping[str, Any], loss: str, colour: str, shift: timedelta) -> None:
    there = {month: one[loss] for month, one in months.items() if month != ALL and one[loss]["value"] is not None}
    values = [one["value"] for one in there.values()]
    # A month without an interval has a point and no whiskers.
    ends = [[abs(one["value"] - (one[end] if one[end] is not None else one["value"])) for one in there.values()] for end in ("low", "high")]
    middles = [date.fromisoformat(f"{month}-15") + shift for month in there]
    axes.errorbar(middles, values, yerr=ends, color=colour, marker="o", markersize=3, linewidth=1, elinewidth=0.8, capsize=2, label=name)  # type: ignore[arg-type]


def _trainings(axes: "Axes", attempts: Any, colour: str, *, height: float) -> None:
    for one in attempts[1:]:
        tall = 0.03 if one["ended"] == "promoted" else 0.01
        axes.plot([date.fromisoformat(one["night"])] * 2, [height, height + tall], color=colour, transform=axes.get_xaxis_transform(), clip_on=False)  # type: ignore[arg-type]
