"""A version trained on made-up nights, a case for the gate, a registry."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from model_rows import FEATURES, FIRST, Made, nights_of

from jobs.config.models import Model
from jobs.model import segments
from jobs.model.decision import Decision
from jobs.model.evaluation import baselines
from jobs.model.gate.case import Case
from jobs.model.registry.registry import Registry
from jobs.model.training.training import train
from jobs.settings import read_settings


@pytest.fixture(scope="session")
def made() -> Made:
    read_settings()  # tells OpenMP not to spin, before XGBoost is imported
    model = Model(label="outcomes.late", segments={"train": 90, "tune": 14, "holdout": 28}, min_category_count=60, max_trees=60, params={"max_depth": 3})
    spans, frame = segments.cut(model.segments, as_of=date(2013, 5, 18), lag=2, first=FIRST), nights_of()
    rows = {name: frame[frame["night"].between(span.first, span.last)].reset_index(drop=True) for name, span in spans.items()}
    trained = train(rows["train"], rows["tune"], model=model, features=FEATURES)
    return Made(model, spans, rows, trained, baselines.fit(rows["train"], rows["tune"], learned=trained.artifact.learned, loss="log_loss"))


@pytest.fixture
def case(made: Made) -> Case:
    """A sound challenger and no champion: it passes, until a test spoils something."""
    return Case(
        model="flights.delayed",
        kind="binary",
        loss="log_loss",
        gate=made.model.gate.model_copy(update={"floors": {"roc_auc": 0.6}}),
        slices=[],
        holdout=made.rows["holdout"],
        scored_rows=len(made.rows["holdout"]) + 20,
        history_coverage=0.95,
        challenger=made.contender(),
        read_champion=lambda: None,
        learned=made.trained.artifact.learned,
        baselines=made.baselines,
        decision=Decision(threshold=1 / 6),
        seed=7,
    )


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An MLflow database with its tables made: making them takes seconds, copying it none."""
    folder = tmp_path_factory.mktemp("mlflow")
    Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlartifacts").versions("some.model")
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def registry(tmp_path: Path, empty_store: bytes) -> Registry:
    (tmp_path / "mlflow.db").write_bytes(empty_store)
    return Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "mlartifacts")


@pytest.fixture
def spoil(case: Case) -> Callable[..., Case]:
    """The case, with something changed."""
    return lambda **changes: replace(case, **changes)
