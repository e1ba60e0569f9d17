"""Facts made up for tests, in memory and in a ledger as the steps write them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from jobs.config.loading import read_pipeline
from jobs.config.models import Kind
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.model.evaluation.floats import Floats
from jobs.performance.measure import on_record
from jobs.performance.tally import BINS, SUMS, width
from jobs.results import NightResult, Outcome
from jobs.settings import Settings
from jobs.watch.facts import Facts, Known
from tests.tiny import write_pipeline

FIRST = date(2024, 5, 1)
MODEL = "returned"


def night(number: int) -> date:
    """The first is 1 May 2024."""
    return FIRST + timedelta(days=number - 1)


def nights(first: int, last: int) -> list[date]:
    return [night(number) for number in range(first, last + 1)]


def tally_of(*, rows: int = 100, loss: float = 0.6, constant: float = 0.5, label: float = 0.25, kind: Kind = "binary") -> Floats:
    """Of rows with these means: scores of positives are all above those of negatives; errors of a regression are as `loss` says, squared."""
    means = {"rows": 1.0, "label": label, "log_loss": loss, "constant": constant, "mae": loss, "squared": loss}
    found = np.zeros(width(kind))
    found[: len(SUMS[kind])] = [rows * means.get(name, 0.0) for name in SUMS[kind]]
    if kind == "binary":
        found[len(SUMS[kind]) + 60], found[len(SUMS[kind]) + BINS + 40] = rows * label, rows * (1 - label)
    return found


def known(number: int, *, version: int = 1, **about: Any) -> Known:
    """What a night knows of some scored night."""
    return Known(night(number), version, tally_of(**about))


def facts_of(**about: Any) -> Facts:
    """Of a binary model whose first champion is of the first night."""
    return Facts(**{"kind": "binary", "loss": "log_loss", "reigns": [(FIRST, 1)], **about})


def drifted(values: Mapping[int, float], **about: Any) -> Facts:
    """By number of the night: how far the score has drifted."""
    return facts_of(**{"drift": {night(number): {"score_drift": value} for number, value in values.items()}, **about})


def slice_of(number: int, *, known_on: int | None = None, **about: Any) -> Slice:
    plain = {"generation": 1, "rows": 0, "checksum": "", "fingerprint": "", "version": 1, "run_id": "run"}
    return Slice(night=night(number), known_night=night(known_on or number), **{**plain, **about})


class Records:
    """The tiny pipeline and a ledger on disk."""

    def __init__(self, home: Settings, changes: Mapping[str, Any] | None = None) -> None:
        self.home, self.ledger = home, Ledger.of(home)
        self.pipeline: Pipeline = read_pipeline(write_pipeline(Path(home.root) / "pipelines", home.landing, nights=1, changes=changes).path)
        self.name = self.pipeline.pipeline

    def slices(self, table: str, *found: Slice) -> None:
        self.ledger.record_slices(self.name, table, found, version=1)

    def drift(self, values: Mapping[int, float], *, version: int = 1) -> None:
        found = [slice_of(number, counts={"score_drift": value}, detail={"champion": version}) for number, value in values.items()]
        self.slices(f"{MODEL}/drift_report", *found)

    def performance(self, number: int, realised: Mapping[int, Floats], *, expected: Floats | None = None, version: int = 1, **about: Any) -> None:
        """What a night has learned of scored nights, and what its own scores are expected to be worth."""
        day, scored = night(number), {night(one): tally for one, tally in realised.items()}
        keys = {(day, one, version, ""): tally for one, tally in scored.items()} | {(day, one, version, "shop=ada"): tally / 5 for one, tally in scored.items()}
        detail = on_record(keys, {} if expected is None else {(day, day, version, ""): expected}, day, "binary", shadow={})
        holdouts = {str(version): {"log_loss": 0.55, "trained_mean_label": 0.3}}
        self.slices(f"{MODEL}/performance", slice_of(number, detail={**detail, "holdouts": holdouts}, **about))

    def decided(self, act: str, number: int, *, version: int | None = 1, by: str = "gate", model: str = MODEL) -> None:
        about = {"former": None, "reason": "", "evidence": {}, "run_id": None}
        self.ledger.decide(self.name, model, act, version=version, night=night(number), by=by, **about)

    def triggered(self, number: int, act: str = "retrain") -> None:
        about = {"reason": "", "inputs": {}, "fingerprint": "", "run_id": "another"}
        self.ledger.record_retraining(self.name, MODEL, night(number), act=act, **about)

    def states(self, table: str, numbers: Sequence[int], outcome: Outcome = "failed") -> None:
        found = [NightResult(night=night(number), outcome=outcome) for number in numbers]
        self.ledger.record_nights("run", self.name, table, found)
