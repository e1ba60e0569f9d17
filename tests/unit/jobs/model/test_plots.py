import numpy as np
import pytest
from model_rows import Made

from jobs.errors import DataError
from jobs.model.evaluation.plots import plots


def test_four_plots_are_drawn_and_the_same_every_time(made: Made) -> None:
    holdout = made.rows["holdout"]
    scores = made.trained.artifact.score(holdout)
    drawn = plots(holdout, scores, kind="binary", title="flights.delayed", seed=7)
    assert set(drawn) == {"roc.png", "precision_recall.png", "reliability.png", "gain.png"}
    assert drawn == plots(holdout, scores, kind="binary", title="flights.delayed", seed=7)
    assert len(set(drawn.values())) == 4
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())


def test_a_regression_shows_where_it_is_off_and_by_how_much(made: Made) -> None:
    holdout = made.rows["holdout"].assign(label=lambda f: 60.0 * f["label"] + f["hour"] - 30)
    drawn = plots(holdout, holdout["hour"].to_numpy(float) - 20, kind="regression", title="flights.arrival_delay", seed=7)
    assert set(drawn) == {"reliability.png", "errors.png"}


def test_a_constant_score_can_be_drawn(made: Made) -> None:
    holdout = made.rows["holdout"]
    assert len(plots(holdout, np.full(len(holdout), 0.25), kind="binary", title="constant", seed=7)) == 4


def test_drawing_leaves_no_global_figures(made: Made) -> None:
    from matplotlib import _pylab_helpers

    plots(made.rows["holdout"], made.trained.artifact.score(made.rows["holdout"]), kind="binary", title="", seed=7)
    assert not _pylab_helpers.Gcf.figs


def test_one_class_has_no_curves(made: Made) -> None:
    with pytest.raises(DataError, match="both classes"):
        plots(made.rows["holdout"].assign(label=0), np.full(len(made.rows["holdout"]), 0.1), kind="binary", title="", seed=7)
