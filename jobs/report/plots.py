"""The small plots of the page of all nights, readable on a phone, as PNG in base64."""

import base64
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jobs.model.evaluation.evaluation import Estimate
from jobs.report.weeks import Week

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE: Final = "#0072b2"
BROWN: Final = "#b35900"
GREY: Final = "#767676"
Changes = Sequence[tuple[date, int]]
"""From which night on which version is champion."""


def metric_by_week(weekly: Sequence[Week], metric: str, changes: Changes, *, with_constant: bool) -> str:
    """Realised and estimated values of a metric with their bands; champion changes as vertical lines.

    Args:
        weekly: the model's.
        metric: which.
        changes: of the champion.
        with_constant: also what the constant that training knew would have had.
    """

    def draw_on(axes: "Axes") -> None:
        _band(axes, [(one.middle, one.realised.get(metric)) for one in weekly], "o-", colour=BLUE, label="realised")
        _band(axes, [(one.middle, one.estimated.get(metric)) for one in weekly], "s--", colour=BROWN, label="estimated")
        if with_constant:
            constant = [(one.middle, one.realised["constant"].value) for one in weekly if "constant" in one.realised]
            axes.plot(_days(constant), [value for _, value in constant], ".:", color=GREY, markersize=2.5, linewidth=1, label="the constant")
        _reigns(axes, changes, first=weekly[0].first)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False, fontsize=7)

    return _png(draw_on)


def by_night(values: Mapping[date, float], red: Collection[date], *, share: bool) -> str:
    """A value of each night; crosses at the bottom where the night is red.

    Args:
        values: by night.
        red: nights.
        share: the values are shares, shown from 0 to 100 %.
    """
    told = sorted(values.items())

    def draw_on(axes: "Axes") -> None:
        from matplotlib.ticker import PercentFormatter

        axes.plot(_days(told), [value for _, value in told], "-", color=BLUE, linewidth=1)
        axes.set_ylim(0, 1.05 * max(*values.values(), 0.01 if share else 1))
        crosses = sorted(red)
        axes.plot(_days([(night, 0) for night in crosses]), [0] * len(crosses), "x", color="black", markersize=5, clip_on=False)
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1))

    return _png(draw_on, height=1.7)


def _band(axes: "Axes", series: Sequence[tuple[date, Estimate | None]], line: str, *, colour: str, label: str) -> None:
    told = [(first, one) for first, one in series if one is not None]
    if not told:
        return
    ends = np.array([[one.value if end is None else end for end in (one.low, one.high)] for _, one in told])
    axes.plot(_days(told), [one.value for _, one in told], line, color=colour, markersize=2.5, linewidth=1, label=label)
    axes.fill_between(_days(told), ends[:, 0], ends[:, 1], color=colour, alpha=0.15, linewidth=0)
    axes.vlines(_days(told), ends[:, 0], ends[:, 1], color=colour, alpha=0.35, linewidth=1)


def _reigns(axes: "Axes", changes: Changes, *, first: date) -> None:
    before = [(first, version) for night, version in changes if night <= first][-1:]
    for place, (night, version) in enumerate([*before, *(one for one in changes if one[0] > first)]):
        axes.axvline(np.datetime64(night), color="black", linewidth=0.7)  # type: ignore[arg-type]
        # At two heights in turn, since changes may be near each other.
        at = {"xytext": (0, 2 + 8 * (place % 2)), "textcoords": "offset points", "xycoords": ("data", "axes fraction")}
        axes.annotate(f"v{version}", (np.datetime64(night), 1), fontsize=7, ha="center", **at)  # type: ignore[arg-type]


def _days(told: Sequence[tuple[date, Any]]) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return np.array([day for day, _ in told], dtype="datetime64[D]")


def _png(draw_on: "Callable[[Axes], None]", *, height: float = 2.5) -> str:
    # No pyplot: it keeps figures in global state, and looks for a screen.
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(3.9, height), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    draw_on(axes)
    # With its own five ticks at least it would look for hours in three days, and find none that are few enough.
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=7)
    axes.xaxis.get_offset_text().set_fontsize(7)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()
