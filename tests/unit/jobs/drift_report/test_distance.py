"""Distances between counts: by hand, by Evidently, and with each other."""

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, wasserstein_distance

from jobs.drift_report.distance import FLOOR, MARKS, distance, floored, jensen_shannon, method_for, psi, wasserstein
from jobs.drift_report.reference import Reference
from jobs.model.evaluation.floats import Floats

SHARES = {"was": (0.5, 0.3, 0.2), "is": (0.2, 0.3, 0.5)}
METHODS = ("psi", "jensen_shannon", "wasserstein")


def evidently(kind: str, reference: "pd.Series[Any]", current: "pd.Series[Any]") -> float:
    """What Evidently's own `ValueDrift` says; texts are categories, as they are, without another binning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently's own dependencies warn on import
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        is_number = pd.api.types.is_numeric_dtype(reference)
        definition = DataDefinition(numerical_columns=["x"]) if is_number else DataDefinition(categorical_columns=["x"])
        given = [Dataset.from_pandas(one.to_frame("x"), definition) for one in (current, reference)]
        (metric,) = Report([ValueDrift(column="x", method=kind)]).run(*given).dict()["metrics"]
    return float(metric["value"])


def labels(counts: list[int]) -> "pd.Series[str]":
    return pd.Series(np.repeat([f"bin {n}" for n in range(len(counts))], counts))


def test_the_stability_index_is_that_of_its_definition() -> None:
    wanted = (0.2 - 0.5) * math.log(0.2 / 0.5) + 0 + (0.5 - 0.2) * math.log(0.5 / 0.2)
    assert psi(np.array(SHARES["was"]), np.array([2.0, 3.0, 5.0])) == pytest.approx(wanted)
    assert wanted == pytest.approx(0.5498, abs=1e-4)


def test_the_root_of_the_divergence_is_that_of_its_definition() -> None:
    middle, apart = 0.35, [0.5, 0.2]
    half = sum(share * math.log2(share / middle) for share in apart) / 2
    assert jensen_shannon(np.array(SHARES["was"]), np.array([20.0, 30.0, 50.0])) == pytest.approx(math.sqrt(2 * half))


def test_what_shares_nothing_is_one_bit_apart() -> None:
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 9.0])) == pytest.approx(1, abs=0.01)


def test_earth_is_moved_by_share_and_way_in_standard_deviations() -> None:
    # 0.3 of the rows from 0 to 10, by a deviation of 5.
    assert wasserstein(np.array([*SHARES["was"], 0]), np.array([2.0, 3, 5, 0]), np.array([0.0, 4, 10]), 5.0) == pytest.approx(0.3 * 10 / 5)


@pytest.mark.parametrize(("before", "now"), [((0.5, 0.5, 0.0), (1.0, 1.0, 2.0)), ((0.2, 0.2, 0.6), (9.0, 9.0, 2.0))])
def test_a_row_that_is_missing_on_one_side_moves_by_a_standard_deviation(before: tuple[float, ...], now: tuple[float, ...]) -> None:
    one = Reference("x", (1.0,), (), before, centers=(0.0, 2.0))
    assert distance(one, np.array(one.shares), np.array(now), "wasserstein") == pytest.approx(0.5)


def test_an_empty_bin_weighs_much_but_not_infinitely() -> None:
    found = psi(np.array([0.5, 0.5]), np.array([10.0, 0.0]))
    assert found == pytest.approx(0.5 * math.log(2) + (0.5 - FLOOR) * math.log(0.5 / FLOOR))


@pytest.mark.parametrize("method", METHODS)
def test_the_same_shares_are_at_no_distance(method: Any) -> None:
    one = Reference.of("x", pd.Series(np.random.default_rng(0).normal(size=500)))
    assert distance(one, np.array(one.shares), 500 * np.array(one.shares), method) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_distance_is_the_same_at_ten_thousand_and_at_ten_million_rows(method: Any) -> None:
    one = Reference.of("x", pd.Series(np.arange(1000.0)))
    shares = np.array([0.0, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.2, 0.0])
    few, many = (distance(one, np.array(one.shares), rows * shares, method) for rows in (1e4, 1e7))
    assert few > 0.05
    assert many == pytest.approx(few, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_many_nights_are_measured_at_once(method: Any) -> None:
    one = Reference.of("x", pd.Series(np.arange(1000.0)))
    nights = np.random.default_rng(0).integers(1, 50, (4, 11)).astype(float)
    together = distance(one, np.array(one.shares), nights, method)
    assert together.tolist() == pytest.approx([float(distance(one, np.array(one.shares), night, method)) for night in nights])


def test_texts_lie_on_no_line() -> None:
    texts, numbers = Reference.of("x", pd.Series(["a", "b"])), Reference.of("x", pd.Series([1.0, 2.0]))
    assert [method_for(one, "wasserstein") for one in (texts, numbers)] == ["jensen_shannon", "wasserstein"]
    assert method_for(texts, "psi") == "psi"


@pytest.mark.parametrize("counts", [([500, 300, 200], [200, 300, 500]), ([400, 300, 200, 100], [390, 310, 180, 120])], ids=["far", "near"])
def test_evidently_finds_the_same_where_no_bin_is_empty(counts: tuple[list[int], list[int]]) -> None:
    reference, current = (np.array(one, dtype=float) for one in counts)
    assert psi(reference, current) == pytest.approx(evidently("psi", *map(labels, counts)), rel=1e-9)
    # Evidently takes nats, we take bits.
    assert jensen_shannon(reference, current) * math.sqrt(math.log(2)) == pytest.approx(evidently("jensenshannon", *map(labels, counts)), rel=1e-9)


def test_evidently_floors_an_empty_bin_lower() -> None:
    """It puts 0.0001 in the place of 0 for the index, and nothing for the divergence; we put 0.001 in the place of all that is less."""
    counts = [500, 500, 0], [400, 500, 100]
    reference, current = (np.array(one, dtype=float) for one in counts)
    theirs = evidently("psi", *map(labels, counts))
    assert theirs - psi(reference, current) == pytest.approx((0.1 - 1e-4) * math.log(0.1 / 1e-4) - (0.1 - FLOOR) * math.log(0.1 / FLOOR))
    assert jensen_shannon(reference, current) * math.sqrt(math.log(2)) == pytest.approx(evidently("jensenshannon", *map(labels, counts)), rel=0.05)


def test_evidently_and_scipy_move_the_same_earth_where_values_are_the_centers() -> None:
    values = pd.Series(np.repeat(np.arange(10.0), 100))
    moved = pd.Series(np.repeat(np.arange(10.0), [50, 60, 70, 80, 90, 110, 120, 130, 140, 150]))
    one = Reference.of("x", values)
    found = distance(one, np.array(one.shares), one.counted(moved)[:-1], "wasserstein")
    assert found == pytest.approx(wasserstein_distance(values, moved) / values.std(ddof=0))
    assert found == pytest.approx(evidently("wasserstein", values, moved))


def shifted(deviations: float) -> tuple[Reference, Floats]:
    """A normal distribution by its own deciles, and the shares of one that lies beside it."""
    edges = norm.ppf(np.linspace(0, 1, 11)[1:-1])
    ends = np.concatenate([[-np.inf], edges, [np.inf]])
    centers = (norm.pdf(ends[:-1]) - norm.pdf(ends[1:])) / np.diff(norm.cdf(ends))
    one = Reference("x", tuple(edges), (), (*np.diff(norm.cdf(ends)), 0.0), centers=tuple(centers))
    return one, np.append(np.diff(norm.cdf(ends, loc=deviations)), 0.0)


@pytest.mark.parametrize("mark", [0.1, 0.25])
@pytest.mark.parametrize("method", METHODS)
def test_a_shifted_normal_reaches_the_marks_of_all_methods_alike(method: Any, mark: float) -> None:
    """A shift of d has the index d². Ten bins see a little less of it: up to a sixth of the way that earth is moved."""
    one, counts = shifted(math.sqrt(mark))
    assert distance(one, np.array(one.shares), counts, method) == pytest.approx(MARKS[method](mark), rel=1 / 6)


counted = st.lists(st.integers(0, 10**7), min_size=4, max_size=4).map(lambda found: np.array(found, dtype=float))


@given(counted, counted)
def test_distances_are_finite_never_negative_and_the_same_both_ways(some: Floats, others: Floats) -> None:
    for measured in (psi, jensen_shannon):
        assert 0 <= measured(some, others) < 25
        assert measured(some, others) == pytest.approx(measured(others, some), abs=1e-9)
    assert jensen_shannon(some, others) <= 1
    assert 0 <= wasserstein(some, others, np.array([0.0, 1.0, 3.0]), 1.0) <= 3 + 1


def test_no_share_is_below_the_floor() -> None:
    assert floored(np.array([0.0, 1.0, 9999.0])).tolist() == [0.001, 0.001, 0.9999]
