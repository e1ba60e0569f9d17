"""Versions trained once on the made bias."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import biased
import pytest

from jobs.model.fairness.files import fairness_files
from jobs.model.gate.gate import judge
from jobs.model.gate.verdict import Verdict
from jobs.settings import read_settings


class Judged:
    """A version of the made rows, judged."""

    def __init__(self, **fairness: object) -> None:
        self.material = biased.material(**fairness)
        self.trained = self.material.train()
        self.case = biased.case(self.material, self.trained)

    @cached_property
    def verdict(self) -> Verdict:
        return judge(self.case)

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        return fairness_files(self.material, self.case, self.trained.artifact)

    @property
    def told(self) -> dict[str, Any]:
        """Of the only attribute."""
        (found,) = json.loads(self.files["fairness.json"])["attributes"]
        return dict(found)

    def variant(self, name: str) -> dict[str, Any]:
        return next(one for one in self.told["variants"] if one["name"] == name)


@pytest.fixture(scope="session")
def plain() -> Judged:
    read_settings()  # tells OpenMP not to spin, before XGBoost is imported
    return Judged(limits={"equal_opportunity": 0.1})


@pytest.fixture(scope="session")
def mitigated(plain: Judged) -> Judged:
    return Judged(limits={"equal_opportunity": 0.1}, mitigate={"by": "thresholds", "attribute": "group"})
