"""Labels for a simulation: what a correction left out is no label from then on."""

from datetime import date

import pandas as pd

from jobs.retraining.simulation.history import Labels
from jobs.retraining.simulation.reading import with_withdrawals

KNOWN, CORRECTED, LATER = date(2024, 5, 3), date(2024, 5, 9), date(2024, 5, 20)
KEY = ["id"]


def labels_of(*versions: tuple[str, date, date | None, float]) -> Labels:
    rows = pd.DataFrame({"id": ["a", "b"]})
    return Labels.of(rows, with_withdrawals(pd.DataFrame(versions, columns=["id", "known_night", "until", "label"]), KEY), KEY)


def told(labels: Labels, night: date) -> list[float | None]:
    return [None if pd.isna(one) else float(one) for one in labels.as_of(slice(0, 2), night)]


def test_a_label_that_was_withdrawn_counts_until_then() -> None:
    labels = labels_of(("a", KNOWN, CORRECTED, 1.0), ("b", KNOWN, None, 0.0))
    assert [told(labels, night) for night in (KNOWN, CORRECTED)] == [[1.0, 0.0], [None, 0.0]]


def test_a_label_that_was_corrected_is_the_new_one() -> None:
    labels = labels_of(("a", KNOWN, CORRECTED, 1.0), ("a", CORRECTED, None, 0.0), ("b", KNOWN, None, 0.0))
    assert told(labels, CORRECTED) == [0.0, 0.0]


def test_a_label_that_comes_back_counts_again() -> None:
    labels = labels_of(("a", KNOWN, CORRECTED, 1.0), ("a", LATER, None, 1.0), ("b", KNOWN, None, 0.0))
    assert [told(labels, night) for night in (KNOWN, CORRECTED, LATER)] == [[1.0, 0.0], [None, 0.0], [1.0, 0.0]]


def test_without_corrections_nothing_is_added() -> None:
    labels = labels_of(("a", KNOWN, None, 1.0), ("b", KNOWN, None, 0.0))
    assert told(labels, LATER) == [1.0, 0.0]
    assert len(labels.place) == 2
