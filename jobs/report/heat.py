"""The heat map of drift: a row per feature, a column per night, darker the farther."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from jobs.drift_report.judged import SCORE

FEATURES: Final = 30
COLOURS: Final = "YlOrBr"
"""One hue that darkens: it reads the same to whoever does not tell red from green, and in grey."""
FULL: Final = 2.0
"""The distance, in units of the mark, from which on nothing gets darker."""


@dataclass(frozen=True)
class Feature:
    """One row of the map."""

    name: str
    weight: float
    """Share of the trees' gain."""
    drifted: int
    """Nights."""
    measured: int
    newest: float
    """Distance by mark, when it was last measured."""
    state: str


@dataclass(frozen=True)
class Heat:
    """A map: one pixel per feature and night, to be stretched by the page."""

    features: tuple[Feature, ...]
    left_out: int
    png: str
    """In base64."""


def heat(rows: pd.DataFrame, nights: Sequence[date]) -> Heat | None:
    """The score and the heaviest features; None where nothing was measured.

    Args:
        rows: as `drift_rows` gives them.
        nights: the columns, oldest first.
    """
    if rows.empty:
        return None
    measured = rows.sort_values("night", kind="stable")
    newest = measured.groupby("name").tail(1).set_index("name")
    features = newest.drop(index=SCORE, errors="ignore").sort_values("weight", ascending=False, kind="stable").index
    names = [*([SCORE] if SCORE in newest.index else []), *features[:FEATURES]]
    drifted, counted = measured[measured["state"] == "drifted"]["name"].value_counts(), measured["name"].value_counts()
    told = [
        Feature(name, float(one["weight"]), int(drifted.get(name, 0)), int(counted[name]), float(one["reach"]), one["state"])
        for name, one in zip(names, newest.loc[names].to_dict("records"), strict=True)
    ]
    grid = measured.pivot_table(index="name", columns="night", values="reach", aggfunc="last").reindex(index=names, columns=list(nights))
    return Heat(tuple(told), max(len(features) - FEATURES, 0), base64.b64encode(_pixels(grid.to_numpy(dtype=float))).decode())


def legend() -> list[tuple[str, str]]:
    """Some colours of the map, and the distance that each stands for."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [(to_hex(colormaps[COLOURS](value / FULL)), f"{value:g}") for value in (0.0, 0.5, 1.0, 1.5, FULL)]


def _pixels(reach: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> bytes:
    from matplotlib import colormaps
    from matplotlib.image import imsave

    colours = colormaps[COLOURS](np.clip(np.nan_to_num(reach) / FULL, 0, 1))
    colours[..., 3] = np.isfinite(reach)  # what was not measured shows the page's own ground
    buffer = io.BytesIO()
    imsave(buffer, colours, format="png")
    return buffer.getvalue()
