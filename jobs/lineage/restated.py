"""A run that has restated nights, on record: a decision per model, with the nights that were scored again."""

from collections.abc import Sequence
from datetime import date

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.nights import in_words
from jobs.results import StepResult


def record_restated(ledger: Ledger, pipeline: Pipeline, run_id: str, results: Sequence[StepResult]) -> None:
    """Record which nights of which models a run has scored with what became known after them; nothing where it has scored none.

    Args:
        ledger: where.
        pipeline: whose.
        run_id: the run's.
        results: of its steps so far.
    """
    for model in pipeline.models:
        nights = {step: _written(results, step, model) for step in ("predictions", "published")}
        if scored := nights["predictions"]:
            reason = f"{in_words(scored)}: scored again as if the night had known what is known now, as marked generations."
            evidence = {step: [str(night) for night in some] for step, some in nights.items()}
            about = {"version": None, "former": None, "night": min(scored), "by": "run", "reason": reason, "evidence": evidence, "run_id": run_id}
            ledger.decide(pipeline.pipeline, model, "restated", **about)


def _written(results: Sequence[StepResult], step: str, model: str) -> list[date]:
    found = [one for result in results if (result.step, result.item) == (step, model) for one in result.nights]
    return sorted({one.night for one in found if one.outcome == "written"})
