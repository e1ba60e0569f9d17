from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from model_rows import Made

from jobs.config.models import Model
from jobs.config.search import Search
from jobs.errors import UsageError
from jobs.model.segments import Span
from jobs.model.training.search import Fold, Found, rolling, search

SPANS = {"train": Span(date(2013, 1, 1), date(2013, 3, 31)), "tune": Span(date(2013, 4, 3), date(2013, 4, 16))}
FOLDS = rolling(Search(), SPANS, lag=2)


def spec_of(made: Made, **search_: Any) -> Model:
    return made.model.model_copy(
        update={"params": {}, "search": Search(**{"trials": 12, "space": {"eta": {"low": 0.01, "high": 0.5, "log": True}}, **search_})}
    )


def found_by(tmp_path: Path, model: Model, loss: Any) -> Found:
    return search(model, folds=FOLDS, features=20, loss=loss, storage=f"sqlite:///{tmp_path / 'optuna.db'}", study="one")


def best_at_a_tenth(model: Model, _: Fold) -> float:
    return abs(float(model.params.get("eta", 0.03)) - 0.1)


def test_folds_roll_forward_and_keep_the_label_lag_apart() -> None:
    assert [fold[1].last for fold in FOLDS] == [date(2013, 3, 19), date(2013, 4, 2), date(2013, 4, 16)]
    for learned_on, measured_on in FOLDS:
        assert measured_on.nights == 14
        assert learned_on.first == date(2013, 1, 1)
        assert learned_on.last + timedelta(days=2 + 1) == measured_on.first


def test_folds_that_leave_too_little_to_learn_from_are_refused() -> None:
    with pytest.raises(UsageError, match="so the oldest fold would be trained on 6"):
        rolling(Search(folds=7, fold_nights=14), SPANS, lag=2)


def test_a_search_finds_better_parameters_and_lists_the_models_own_first(made: Made, tmp_path: Path) -> None:
    found = found_by(tmp_path, spec_of(made), best_at_a_tenth)
    assert found.loss < found.default_loss == pytest.approx(0.07)
    assert found.params["eta"] == pytest.approx(0.1, abs=0.05)
    assert len(found.trials) == 12
    assert (found.trials[0]["number"], found.trials[0]["params"]) == (0, {"eta": 0.03})


def test_a_search_never_does_worse_than_the_models_own_parameters(made: Made, tmp_path: Path) -> None:
    found = found_by(tmp_path, spec_of(made), lambda model, _: 1.0 if model.params else 0.5)
    assert (found.params, found.loss) == ({}, 0.5)


def test_an_interrupted_search_goes_on_where_it_stopped(made: Made, tmp_path: Path) -> None:
    tried: list[Mapping[str, Any]] = []

    def stopped(model: Model, fold: Fold) -> float:
        tried.append(model.params)
        if len(tried) > 4 * len(FOLDS):
            raise KeyboardInterrupt
        return best_at_a_tenth(model, fold)

    with pytest.raises(KeyboardInterrupt):
        found_by(tmp_path, spec_of(made), stopped)
    found = found_by(tmp_path, spec_of(made), best_at_a_tenth)
    assert len(found.trials) == 12
    assert len({one["params"]["eta"] for one in found.trials}) == len(found.trials)


def test_what_looks_hopeless_after_a_fold_is_given_up(made: Made, tmp_path: Path) -> None:
    found = found_by(tmp_path, spec_of(made, trials=30), best_at_a_tenth)
    assert {one["loss"] for one in found.trials if one["state"] == "PRUNED"} == {None}


def test_the_same_seed_tries_the_same(made: Made, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert found_by(tmp_path / "a", spec_of(made), best_at_a_tenth) == found_by(tmp_path / "b", spec_of(made), best_at_a_tenth)
