"""Doing what a night has decided: which retraining is open, and how one ends that cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from jobs.config.pipeline import Pipeline
from jobs.errors import PermanentError
from jobs.ledger.ledger import Ledger
from jobs.watch.on_record import read_facts


def open_retraining(ledger: Ledger, pipeline: Pipeline, model: str) -> date | None:
    """The night that decided to retrain and of which nothing has come yet; its knowledge is what the training may have."""
    return read_facts(ledger, pipeline, model).open(date.max)


def newest(ledger: Ledger, pipeline: Pipeline, model: str) -> dict[str, Any]:
    """The newest night's decision, as plain data with a `sentence`."""
    decided = ledger.retrainings(pipeline.pipeline, model)
    if not decided:
        return {"night": None, "act": "none", "sentence": "no night has decided anything yet; run one."}
    last = decided[-1]
    return {"night": last["night"], "act": last["act"], "sentence": f"no retraining is open. Night {last['night']}: {last['reason']}"}


def give_up(ledger: Ledger, pipeline: Pipeline, model: str, night: date, reason: str) -> None:
    """Record that a retraining cannot be done, so that it keeps no other from being started.

    Args:
        ledger: where.
        pipeline: whose.
        model: its name in the pipeline.
        night: that decided to retrain.
        reason: what went wrong.
    """
    ledger.decide(pipeline.pipeline, model, "given_up", version=None, former=None, night=night, by="controller", reason=reason, evidence={}, run_id=None)


@contextmanager
def giving_up(ledger: Ledger, pipeline: Pipeline, model: str, night: date) -> Iterator[None]:
    """Records that a retraining cannot be done where the block ends in an error that trying again would end in as well."""
    try:
        yield
    except PermanentError as error:
        give_up(ledger, pipeline, model, night, str(error))
        raise
