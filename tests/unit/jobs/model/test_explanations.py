from model_rows import Made

from jobs.model.evaluation.explanations import explanations
from jobs.model.evaluation.importance import importances


def test_what_shuffling_costs_ranks_the_features(made: Made) -> None:
    found = importances(made.trained.artifact, made.rows["holdout"], metric="log_loss", seed=7)
    assert {one.feature for one in found[:2]} <= {"hour", "late_7", "carrier"}
    assert found[0].cost > found[-1].cost
    by_area = importances(made.trained.artifact, made.rows["holdout"], metric="roc_auc", seed=7)
    assert by_area[0].cost > 0


def test_explanations_are_drawn_and_the_same_every_time(made: Made) -> None:
    drawn = explanations(made.trained.artifact, made.rows["holdout"], loss="log_loss", title="flights.delayed", seed=7)
    assert set(drawn) == {"shap.png", "importance.png", "dependence_1.png", "dependence_2.png", "dependence_3.png"}
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())
    assert drawn == explanations(made.trained.artifact, made.rows["holdout"], loss="log_loss", title="flights.delayed", seed=7)
