"""A run that has restated nights, on record: a decision per model, with the nights that were scored again."""

from collections.abc import Sequence

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.nights import in_words, parse_night
from jobs.results import StepResult


def record_restated(ledger: Ledger, pipeline: Pipeline, run_id: str, results: Sequence[StepResult]) -> None:
    """Record which nights of which models were scored with what became known after them; nothing where all of that is on record.

    Args:
        ledger: where.
        pipeline: whose.
        run_id: the run's.
        results: of its steps so far.
    """
    for model in pipeline.models:
        found = {step: _standing(results, step, model) for step in ("predictions", "published")}
        # By what stands, and not by what this run has written: the one that wrote it may have been killed before it said so.
        on_record = {tuple(pair) for one in ledger.decisions(pipeline.pipeline, model) if one["act"] == "restated" for pair in one["evidence"]["predictions"]}
        if fresh := [pair for pair in found["predictions"] if pair not in on_record]:
            nights = [parse_night(night) for night, _ in fresh]
            reason = f"{in_words(nights)}: scored again as if the night had known what is known now, as marked generations."
            about = {"version": None, "former": None, "night": min(nights), "by": "run", "reason": reason, "run_id": run_id}
            ledger.decide(pipeline.pipeline, model, "restated", **about, evidence={**found, "predictions": fresh})


def _standing(results: Sequence[StepResult], step: str, model: str) -> list[tuple[str, int | None]]:
    """Night and generation."""
    nights = [one for result in results if (result.step, result.item) == (step, model) for one in result.nights]
    return [(str(one.night), one.generation) for one in nights if one.outcome in {"written", "unchanged"}]
