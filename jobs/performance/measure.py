"""Tallies as rows of the table: metrics that people read, beside the sums that nights are pooled by."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, Literal, get_args

import numpy as np

from jobs.config.models import METRICS, Kind
from jobs.model.evaluation.floats import Floats
from jobs.performance.tally import SUMS, measures

How = Literal["realised", "estimated"]
HOW: Final = get_args(How)
Measured = Mapping[tuple[Any, ...], Floats]
"""By the `KEYS`, a tally."""
KEYS: Final = ("night", "scored_night", "model_version", "slice")
"""The slice of all rows is empty."""
BEGIN: Final = "night date, scored_night date, model_version int, slice string, kind string, rows bigint, mean_label double, mean_score double"


def columns(kind: Kind) -> tuple[str, ...]:
    """What is measured."""
    return (*METRICS[kind], "constant", *(("calibration_error",) if kind == "binary" else ()))


def schema(kind: Kind) -> str:
    """The table's columns, in Spark's words."""
    return ", ".join([BEGIN, *[f"{name} double" for name in columns(kind)], "tally array<double>"])


def as_rows(found: Measured, kind: Kind, how: How) -> Iterator[tuple[Any, ...]]:
    """A row of `schema` for every tally. What has no value, such as the area of one class, is None: shown as such, never as a number."""
    for (night, scored, version, part), tally in found.items():
        told = {name: _finite(value) for name, value in measures(tally, kind).items()}
        rows = round(told["rows"] or 0)
        yield (night, scored, version, part, how, rows, told["mean_label"], told["mean_score"], *[told[name] for name in columns(kind)], tally.tolist())


def on_record(realised: Measured, estimated: Measured, night: date, kind: Kind, *, shadow: Measured) -> dict[str, Any]:
    """What the ledger keeps of a night, so that neither decisions nor pages need a table: tallies of all rows, and of slices without their bins."""
    own = [(key[1:], tally) for key, tally in realised.items() if key[0] == night]
    parts: dict[str, dict[str, Any]] = {}
    for (scored, version, part), tally in own:
        parts.setdefault(part, {})[str(scored)] = _plain(version, tally[: len(SUMS[kind])] if part else tally)
    expected = [_plain(version, tally) for (day, _, version, _), tally in estimated.items() if day == night]
    beside = {str(scored): _plain(version, tally) for (day, scored, version, part), tally in shadow.items() if day == night and not part}
    found = {"realised": parts.pop("", {}), "parts": parts}
    return {**found, **({"estimated": expected[0]} if expected else {}), **({"shadow": beside} if beside else {})}


def _plain(version: int, tally: Floats) -> dict[str, Any]:
    # Eight digits tell all that metrics show, and a year of nights stays quick to read; NaN is no JSON.
    return {"version": version, "tally": [None if np.isnan(one) else float(f"{one:.8g}") for one in tally]}


def _finite(value: Floats) -> float | None:
    return float(value) if np.isfinite(value) else None
