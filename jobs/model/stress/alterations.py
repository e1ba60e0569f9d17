"""Alterations of the rows that a version scores, one by one, as columns of its matrix: noise, values that are missing, never seen or extreme."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.model.evaluation.floats import Floats
from jobs.model.stress.stressed import About
from jobs.model.training.learned import Feature, Learned

DRAWS_OF_NOISE: Final = 5
TAIL: Final = 0.01
"""How far in the quantiles lie that count as extreme."""
BEYOND: Final = 10
"""And beyond: by so many times the feature's range below its smallest value or above its largest, as after a change of unit."""
Columns = Mapping[int, Floats | float]
"""Place in the matrix → the value, or one per row, that stands there."""


@dataclass(frozen=True)
class Alteration:
    """One thing that is done to the rows, in one way or, where chance has a part in it, in several."""

    about: About
    variants: Iterable[Columns]
    """An empty list: the rows have nothing to alter, and that is the problem. Others may be made one by one, since they are large."""


def one_by_one(learned: Learned, rows: pd.DataFrame) -> Iterator[Alteration]:
    """Each feature missing; each text as nobody has seen it; each number at the ends of what `rows` have of it, and beyond.

    Args:
        learned: what turns rows into the version's matrix; a missing value is filled here as it is when scoring.
        rows: with the features.
    """
    for place, feature in enumerate(learned.features):
        yield Alteration(About("missing", feature.name, f"Without {feature.name}"), [{place: _value(feature, None)}])
        if feature.kind == "text":
            yield Alteration(About("unseen", feature.name, f"With a value of {feature.name} that was never seen"), [{place: _value(feature, _unseen(feature))}])
        if feature.kind == "number":
            values = _plain(feature, rows)
            yield from _extreme(feature, place, values[~np.isnan(values)])


def noisy(learned: Learned, rows: pd.DataFrame, *, noise: float, seed: int) -> Iterator[Alteration]:
    """Chance added to all numeric features at once, a few times; nothing where there are none.

    Args:
        learned: as above.
        rows: with the features.
        noise: in standard deviations of each feature.
        seed: of the chance.
    """
    numbers = {place: _plain(one, rows) for place, one in enumerate(learned.features) if one.kind == "number"}

    def drawn(number: int) -> dict[int, Floats]:
        random = np.random.default_rng((seed, number))
        moved = {place: values + noise * _spread(values) * random.standard_normal(len(values)) for place, values in numbers.items()}
        return {place: np.where(np.isnan(values), _value(learned.features[place], None), values) for place, values in moved.items()}

    if numbers:
        what = f"With noise of {noise:g} standard deviations on {len(numbers)} numeric features ({DRAWS_OF_NOISE} draws)"
        yield Alteration(About("noise", "numeric features", what), (drawn(number) for number in range(DRAWS_OF_NOISE)))


def taken_away(learned: Learned, feed: str, values: Mapping[str, int | None]) -> Alteration:
    """The features that come from a feed, as they are where it has no row.

    Args:
        learned: the version's.
        feed: for the sentence.
        values: feature → 0 or None, which is missing; those that the version does not use are passed over.
    """
    columns = {place: _value(one, values[one.name]) for place, one in enumerate(learned.features) if one.name in values}
    return Alteration(About("source_absent", feed, f"Without {feed} ({len(columns)} feature{'s' * (len(columns) != 1)})"), [columns])


def _plain(feature: Feature, rows: pd.DataFrame) -> Floats:
    return np.asarray(replace(feature, fill=None).values(rows[feature.name]))


def _value(feature: Feature, given: object) -> float:
    """A value of the rows as the matrix has it: by the same way as when scoring."""
    return float(feature.values(pd.Series([given], dtype=object))[0])


def _unseen(feature: Feature) -> str:
    text = "never seen"
    while text in feature.categories:
        text += " before"
    return text


def _spread(values: Floats) -> float:
    return 0.0 if np.isnan(values).all() else float(np.nanstd(values))


def _extreme(feature: Feature, place: int, present: Floats) -> Iterator[Alteration]:
    if not len(present):
        yield Alteration(About("extremes", feature.name, f"With {feature.name} at its extremes"), [])
        return
    lowest, highest = float(present.min()), float(present.max())
    low, high = np.quantile(present, [TAIL, 1 - TAIL]).tolist()
    far = BEYOND * (highest - lowest)
    for where, value in (
        (f"at its {TAIL:.0%} quantile", low),
        (f"at its {1 - TAIL:.0%} quantile", high),
        ("far below its smallest value", lowest - far),
        ("far above its largest value", highest + far),
    ):
        yield Alteration(About("extremes", f"{feature.name} at {value:.4g}", f"With {feature.name} {where}, {value:.4g}"), [{place: value}])


def altered(matrix: NDArray[np.float32], columns: Columns, learned: Learned) -> NDArray[np.float32]:
    """The matrix with the columns in their places.

    Raises:
        DataError: a value is infinite as a 32-bit float.
    """
    changed = matrix.copy()
    with np.errstate(over="ignore"):
        for place, values in columns.items():
            changed[:, place] = values
    learned.require_finite(changed)
    return changed
