"""A workshop on made-up nights, and how many trainings were really done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import history_of, orders, workshop_in

from jobs.model.material import Material
from jobs.model.training.training import Trained
from jobs.retraining.simulation.history import History
from jobs.retraining.simulation.workshop import Workshop
from jobs.settings import read_settings

Make = Callable[..., Workshop]


@pytest.fixture(scope="session")
def history() -> History:
    read_settings()  # tells OpenMP not to spin, before XGBoost is imported
    return history_of(orders())


@pytest.fixture
def workshop(history: History, tmp_path: Path) -> Make:
    """Makes workshops that share what was made, unless told otherwise."""

    def make(*, history: History = history, **more: Any) -> Workshop:
        return workshop_in(tmp_path, history, **more)

    return make


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Material]:
    """Grows with each training that is really done."""
    done: list[Material] = []
    train = Material.train

    def counted(material: Material) -> Trained:
        done.append(material)
        return train(material)

    monkeypatch.setattr(Material, "train", counted)
    return done
