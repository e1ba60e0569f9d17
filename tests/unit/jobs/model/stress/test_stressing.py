from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from stress_rows import FIRST, by_name, stressing

from jobs.config.stress import Stress
from jobs.errors import DataError, RetryableError
from jobs.model.decision import Decision
from jobs.model.evaluation.evaluation import paired
from jobs.model.stress.stressed import Stressed
from jobs.model.stress.stressing import Stressing

KINDS = {"noise", "missing", "source_absent", "unseen", "extremes", "oldest_month", "newest_month"}


def of_kind(given: Stressing, kind: str) -> list[Stressed]:
    return [one for one in given.results if one.kind == kind]


def test_the_absence_of_what_a_model_leans_on_hurts_most() -> None:
    worst = of_kind(stressing(), "missing")[0]
    assert worst.of == "leaned_on"
    assert worst.rise.low is not None
    assert worst.rise.low > 0.1
    assert worst.flips is not None
    assert worst.flips > 0.2
    assert of_kind(stressing(), "source_absent")[0].of == "main"


def test_a_feature_that_is_never_used_changes_nothing_at_all() -> None:
    for found in (by_name(stressing())["missing", "never"], by_name(stressing())["source_absent", "side"], by_name(stressing())["extremes", "never"]):
        assert (found.change, found.flips, found.shift) == (0, 0, 0)
        assert all(tuple(estimate) == (0, 0, 0) for estimate in found.differences.values())
        assert found.sentence.endswith(", no score changes.")


def test_every_kind_is_there_and_the_worst_comes_first() -> None:
    found = stressing().results
    assert {one.kind for one in found} == KINDS
    assert all(one.problem is None for one in found)
    assert all(one.worst >= after.worst for one, after in pairwise(found))


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_a_difference_is_the_paired_one_of_the_gate(kind: str) -> None:
    given = stressing(kind=kind)
    rows = given.holdout
    gone = given.artifact.score(rows.assign(leaned_on=np.nan))
    base = given.artifact.score(rows)
    found = by_name(given)["missing", "leaned_on"]
    assert found.rows == len(rows)
    for metric, estimate in found.differences.items():
        assert estimate == pytest.approx(paired(rows, challenger=gone, champion=base, metric=metric, seed=7), abs=1e-9)
    assert found.change == pytest.approx(np.abs(gone - base).mean())
    assert found.shift == pytest.approx(gone.mean() - base.mean())


def test_a_regression_has_no_decisions_that_could_flip() -> None:
    found = by_name(stressing(kind="regression"))["missing", "leaned_on"]
    assert found.flips is None
    assert "decisions" not in found.sentence
    assert list(found.differences) == ["mae", "rmse", "r2"]


def test_a_missing_value_is_filled_as_it_is_when_scoring() -> None:
    given = stressing(fill=5.0)
    rows = given.holdout
    expected = paired(rows, challenger=given.artifact.score(rows.assign(leaned_on=5.0)), champion=given.artifact.score(rows), metric="log_loss", seed=7)
    assert by_name(given)["missing", "leaned_on"].rise == pytest.approx(expected, abs=1e-9)


def test_what_counts_is_zero_without_its_feed_and_not_missing() -> None:
    given = stressing()
    rows = given.holdout
    gone = given.artifact.score(rows.assign(leaned_on=np.nan, slight=0.0))
    expected = paired(rows, challenger=gone, champion=given.artifact.score(rows), metric="log_loss", seed=7)
    assert by_name(given)["source_absent", "main"].rise == pytest.approx(expected, abs=1e-9)


def test_a_text_that_was_never_seen_is_scored_as_one() -> None:
    given = stressing()
    rows = given.holdout
    expected = paired(rows, challenger=given.artifact.score(rows.assign(shop="zoe")), champion=given.artifact.score(rows), metric="log_loss", seed=7)
    assert by_name(given)["unseen", "shop"].rise == pytest.approx(expected, abs=1e-9)
    assert [one.of for one in of_kind(given, "unseen")] == ["shop"]


def test_extremes_are_the_ends_of_the_holdout_and_far_beyond() -> None:
    given = stressing()
    values = given.holdout["leaned_on"]
    far = 10 * (values.max() - values.min())
    wanted = [*np.quantile(values, [0.01, 0.99]), values.min() - far, values.max() + far]
    found = sorted(float(one.what.rsplit(", ", 1)[1]) for one in of_kind(given, "extremes") if one.of.startswith("leaned_on"))
    assert found == pytest.approx(sorted(wanted), rel=1e-3)


def test_more_noise_hurts_more_and_the_same_seed_gives_the_same() -> None:
    (little,) = of_kind(stressing(), "noise")
    (much,) = of_kind(replace(stressing(), config=Stress(noise=2.0)), "noise")
    (again,) = of_kind(replace(stressing()), "noise")
    assert much.rise.value > 10 * max(little.rise.value, 0.001)
    assert again == little
    assert "3 numeric features (5 draws)" in little.what


def test_missing_values_stay_missing_under_noise() -> None:
    holes = stressing().holdout.assign(leaned_on=np.nan, slight=np.nan)
    (found,) = of_kind(replace(stressing(), holdout=holes), "noise")
    assert found.change == 0


def test_a_stress_that_cannot_be_computed_says_so_and_the_others_are_told() -> None:
    holes = stressing().holdout.assign(slight=np.nan)
    found = replace(stressing(), holdout=holes).results
    (broken,) = [one for one in found if one.problem is not None]
    assert found[-1] == broken
    assert broken.sentence == "With slight at its extremes: cannot be computed, no row of the holdout has a value of it."


def test_a_fault_that_a_retry_may_cure_is_no_finding() -> None:
    def gone(_: pd.DataFrame) -> pd.DataFrame:
        raise RetryableError

    with pytest.raises(RetryableError):
        replace(stressing(), again={("source_late", "main"): gone}).results  # noqa: B018


def test_the_best_few_of_a_night_are_told_of_the_whole_holdout_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.model.stress.stressing.SAMPLE", 100)
    found = replace(stressing(), decision=Decision(top=5)).results
    told = {one.kind for one in found if one.flips is not None}
    assert {one.kind for one in found if one.flips is None} >= {"missing", "extremes", "unseen"}
    assert told == {"noise", "source_absent"}


def test_a_value_too_large_for_the_matrix_is_no_stress_but_a_problem() -> None:
    huge = stressing().holdout.assign(slight=np.where(np.arange(len(stressing().holdout)) % 2, 3e38, -3e38))
    broken = [one for one in replace(stressing(), holdout=huge).results if one.problem is not None]
    assert sorted(one.kind for one in broken) == ["extremes", "extremes", "noise"]
    assert all("Infinite as a 32-bit float: ['slight']" in str(one.problem) for one in broken)


def test_months_are_the_oldest_of_train_and_the_newest_of_the_holdout() -> None:
    oldest, newest = by_name(stressing()), by_name(stressing(nights=70))
    (first,), (last,) = ([one for (kind, _), one in found.items() if kind == name] for found, name in ((oldest, "oldest_month"), (newest, "newest_month")))
    assert first.of == f"{FIRST} to {FIRST + timedelta(days=27)}"
    assert last.of == f"{FIRST + timedelta(days=74 + 42)} to {FIRST + timedelta(days=74 + 69)}"
    assert (last.nights, last.rows, last.change, last.flips) == (28, 28 * 40, None, None)


def test_of_a_short_holdout_the_newest_half_stands_for_the_month() -> None:
    (found,) = of_kind(stressing(), "newest_month")
    assert found.of == f"{FIRST + timedelta(days=74 + 7)} to {FIRST + timedelta(days=74 + 13)}"


def test_a_month_in_which_the_world_has_changed_is_found() -> None:
    rows = stressing(nights=70).holdout
    changed = rows.assign(label=np.where(rows["night"] > date(2024, 4, 24), 1 - rows["label"], rows["label"]))
    (found,) = of_kind(replace(stressing(nights=70), holdout=changed), "newest_month")
    assert found.rise.low is not None
    assert found.rise.low > 0.5


def test_features_that_are_computed_again_are_scored_in_place_of_the_stored() -> None:
    def late(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(leaned_on=np.nan)

    def broken(rows: pd.DataFrame) -> pd.DataFrame:
        msg = "the lake is empty"
        raise DataError(msg)

    given = replace(stressing(), again={("source_late", "main"): late, ("source_late", "side"): broken})
    found = {one.of: one for one in of_kind(given, "source_late")}
    assert found["main"].rise == by_name(stressing())["missing", "leaned_on"].rise
    assert found["main"].sentence.startswith("With main a day older, log_loss rises by 0.")
    assert found["side"].problem == "the lake is empty"
