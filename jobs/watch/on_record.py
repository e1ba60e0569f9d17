"""Facts as the ledger has them; no table is looked at."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.model.registry.reign import ENTHRONING
from jobs.performance.tally import SUMS, width
from jobs.watch.facts import Facts, Known, Training
from jobs.watch.soundness import soundness_of


def read_facts(ledger: Ledger, pipeline: Pipeline, model: str) -> Facts:
    """What the ledger has on a model.

    Args:
        ledger: where it is recorded.
        pipeline: whose.
        model: its name in the pipeline.
    """
    name, spec = pipeline.pipeline, pipeline.models[model]
    measured = [one for one in ledger.slices(name, f"{model}/performance") if not one.restated]
    drift = {one.night: one for one in ledger.slices(name, f"{model}/drift_report")}
    decisions = ledger.decisions(name, model)
    return Facts(
        kind=spec.type,
        loss=spec.loss,
        drift={night: one.counts for night, one in drift.items()},
        drift_of={night: int(one.detail["champion"]) for night, one in drift.items() if "champion" in one.detail},
        realised=_realised(((one.night, one.detail.get("realised", {})) for one in measured), width(spec.type)),
        parts=_parts(measured, len(SUMS[spec.type])),
        estimated={one.night: found for one in measured for found in _known(one.night, one.detail.get("estimated"), width(spec.type))},
        holdouts={int(version): given for one in measured for version, given in one.detail.get("holdouts", {}).items()},
        reigns=[(one["night"], int(one["version"])) for one in decisions if one["act"] in ENTHRONING],
        trainings=[Training(one["night"], one["act"], one["version"]) for one in decisions if _ends_a_training(one)],
        triggered=[one["night"] for one in ledger.retrainings(name, model) if one["act"] == "retrain"],
        soundness=soundness_of(ledger, pipeline),
        judged=spec.drift.nights,
    )


def _realised(given: Iterable[tuple[date, Mapping[str, Any]]], numbers: int) -> dict[date, list[Known]]:
    found: dict[date, list[Known]] = {}
    for night, by_scored in given:
        for scored, one in by_scored.items():
            found.setdefault(date.fromisoformat(scored), []).extend(_known(night, one, numbers))
    return found


def _parts(measured: Sequence[Slice], numbers: int) -> dict[str, dict[date, list[Known]]]:
    given: dict[str, list[tuple[date, Mapping[str, Any]]]] = {}
    for one in measured:
        for part, by_scored in one.detail.get("parts", {}).items():
            given.setdefault(part, []).append((one.night, by_scored))
    return {part: _realised(some, numbers) for part, some in given.items()}


def _known(night: date, given: Mapping[str, Any] | None, numbers: int) -> list[Known]:
    """One, or none: of an earlier release there may be no tally, or one of other bins, which cannot be added to these."""
    if not given or len(given["tally"]) != numbers:
        return []
    return [Known(night, int(given["version"]), np.array(given["tally"], dtype=np.float64))]


def _ends_a_training(decision: Mapping[str, Any]) -> bool:
    # What a person promotes or refuses is no training.
    return decision["act"] == "given_up" or (decision["act"] in {"promoted", "waiting", "refused"} and decision["by"] == "gate")
