"""References: what bins a column gets, what is counted in them, and what survives the version's file."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.drift_report.reference import KNOWN, TOP, Reference, from_plain, to_plain

TEN = pd.Series([float(n) for n in range(1, 11)])


def test_the_bins_of_numbers_are_the_deciles() -> None:
    one = Reference.of("x", TEN)
    assert one.edges == pytest.approx([1.9, 2.8, 3.7, 4.6, 5.5, 6.4, 7.3, 8.2, 9.1])
    assert one.shares == pytest.approx([0.1] * 10 + [0.0])
    assert one.centers == pytest.approx(TEN)
    assert one.scale == pytest.approx(TEN.std(ddof=0))


def test_a_value_on_an_edge_lies_in_the_bin_below() -> None:
    one = Reference("x", (1.0, 2.0), (), (0.3, 0.3, 0.3, 0.1))
    assert one.counted(pd.Series([0.9, 1.0, 1.1, 2.0, 2.1])).tolist() == [2, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("reference", "values", "counts"),
    [
        (Reference("x", (1.5,), (), (0.4, 0.4, 0.2)), pd.Series([1.0, 2.0, None, float("nan")]), [1, 1, 2, 0]),
        (Reference("x", (1.5,), (), (0.4, 0.4, 0.2)), pd.Series([1, 2, None], dtype="Int64"), [1, 1, 1, 0]),
        (Reference("x", (0.5,), (), (0.4, 0.4, 0.2)), pd.Series([True, False, None], dtype=object), [1, 1, 1, 0]),
        (Reference("x", (), ("a",), (0.5, 0.3, 0.2)), pd.Series(["a", "b", None], dtype=object), [1, 1, 1, 0]),
    ],
    ids=["numbers", "whole numbers", "booleans", "texts"],
)
def test_missing_is_a_bin_of_its_own(reference: Reference, values: "pd.Series[Any]", counts: list[int]) -> None:
    assert reference.counted(values).tolist() == counts


def test_booleans_with_holes_are_told_apart() -> None:
    one = Reference.of("flag", pd.Series([True, False, False, None], dtype=object))
    alike, turned = one.counted(pd.Series([True, False, False, None], dtype=object)), one.counted(pd.Series([True, True, True, None], dtype=object))
    assert one.categories == ()
    assert (alike[:-1] / 4).tolist() == list(one.shares)
    assert turned[:-1].tolist() != alike[:-1].tolist()
    assert turned[-1] == 0


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("usual", [True, False], ids=["mostly true", "mostly false"])
def test_a_flag_that_hardly_ever_changes_does_not_hide_that_it_turned(share: float, usual: bool) -> None:
    values = pd.Series([usual] * round(1000 * share) + [not usual] * round(1000 * (1 - share)))
    one = Reference.of("flag", values)
    turned = np.argmax(one.counted(pd.Series([not usual] * 10))[:-1])
    assert one.shares[turned] == pytest.approx(1 - share)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0, 1e9])
@pytest.mark.parametrize("step", [-1.0, 1.0], ids=["falls", "rises"])
def test_a_constant_has_a_bin_of_its_own(value: float, step: float) -> None:
    one = Reference.of("x", pd.Series([value] * 95))
    assert one.counted(pd.Series([value]))[np.argmax(one.shares)] == 1
    assert one.counted(pd.Series([value + step]))[np.argmax(one.shares)] == 0
    assert one.scale == 1.0


def test_a_text_beyond_the_most_frequent_counts_as_other() -> None:
    one = Reference.of("x", pd.Series([f"t{n:02}" for n in range(TOP + 2) for _ in range(TOP + 2 - n)]))
    assert one.categories == tuple(f"t{n:02}" for n in range(TOP))
    found = one.counted(pd.Series(["t00", f"t{TOP}", f"t{TOP + 1}"]))
    assert (found[0], found[TOP], found[-1]) == (1, 2, 0)


def test_a_text_that_was_never_seen_is_counted_as_such() -> None:
    assert Reference.of("x", pd.Series(["a", "b"])).counted(pd.Series(["a", "new", None, "newer"])).tolist() == [1, 0, 2, 1, 2]


def test_of_too_many_texts_none_counts_as_never_seen() -> None:
    just_few_enough, one = (Reference.of("x", pd.Series([f"t{n}" for n in range(number)])) for number in (KNOWN, KNOWN + 1))
    assert just_few_enough.counted(pd.Series(["new"]))[-1] == 1
    assert one.seen is None
    assert one.counted(pd.Series(["new"]))[-1] == 0


def test_numbers_outside_the_range_were_never_seen() -> None:
    assert Reference.of("x", TEN).counted(pd.Series([0.9, 1.0, 10.0, 10.1, None]))[-1] == 2


@pytest.mark.parametrize("empty", [pd.Series([None, None], dtype=object), pd.Series([math.nan, math.nan])], ids=["objects", "numbers"])
@pytest.mark.parametrize("values", [["a", None], [1.5, None], [True, None]], ids=["texts", "numbers", "booleans"])
def test_a_reference_without_a_value_takes_any(empty: "pd.Series[Any]", values: list[Any]) -> None:
    one = Reference.of("x", empty)
    assert one.shares == (0.0, 1.0)
    assert one.counted(pd.Series(values, dtype=object)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("values", [[], [1.0], [math.nan], [2.0, 2.0]], ids=["no row", "one row", "one missing", "constant"])
def test_nothing_of_a_poor_reference_is_nan(values: list[float]) -> None:
    one = Reference.of("x", pd.Series(values, dtype=float))
    assert np.isfinite([*one.edges, *one.shares, *one.centers, one.scale]).all()
    assert sum(one.shares) == min(len(values), 1)


def test_groups_are_counted_apart() -> None:
    import pyarrow as pa

    found = Reference("x", (1.5,), (), (0.5, 0.5, 0.0)).counted_arrow(pa.array([1.0, 2.0, 2.0, None]), np.array([0, 0, 2, 2]), 3)
    assert found.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]]


@pytest.mark.parametrize("values", [TEN, pd.Series(["a", "a", None]), pd.Series([None, None], dtype=object)], ids=["numbers", "texts", "missing"])
def test_a_reference_survives_its_file(values: "pd.Series[Any]") -> None:
    one = Reference.of("x", values, weight=0.25)
    assert from_plain(json.loads(json.dumps(to_plain([one])))) == [one]


@pytest.mark.parametrize("values", [TEN, pd.Series(["a", "a", None]), pd.Series([None], dtype=object)], ids=["numbers", "texts", "missing"])
def test_a_reference_of_an_earlier_release_is_read(values: "pd.Series[Any]") -> None:
    now = Reference.of("x", values)
    old = {key: value for key, value in asdict(now).items() if key in {"name", "edges", "categories", "shares"}}
    (one,) = from_plain(json.loads(json.dumps([old])))
    assert (one.centers, one.seen, one.weight) == ((), None, 0.0)
    assert len(one.shares) + 1 == one.width == now.width
    assert one.counted(values)[:-1].tolist() == now.counted(values)[:-1].tolist()
