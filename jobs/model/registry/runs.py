"""Runs: what MLflow keeps of one training, whether or not a version comes of it."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from jobs import failpoints
from jobs.errors import DataError
from jobs.model.registry.store import Store, in_words

# MLflow's own word: its pages show such runs below their parent.
PARENT: Final = "mlflow.parentRunId"


def write_run(store: Store, name: str, *, tags: Mapping[str, str], params: Mapping[str, Any], metrics: Mapping[str, float], files: Mapping[str, bytes]) -> str:
    """Write one training down under the experiment `name`, and return the run's id. A run that is not whole is marked FAILED.

    Raises:
        DataError: a metric is not finite.
        RetryableError: the store does not take it.
    """
    if unfit := sorted(key for key, value in metrics.items() if not math.isfinite(value)):
        msg = f"The metrics {unfit} are not finite; they are not recorded as if they were measured."
        raise DataError(msg)
    with _open(store, name, tags) as run_id:
        _log(store, run_id, params, metrics)
        store.upload(run_id, files)
        failpoints.reached("model.after_upload")
    return run_id


def write_trial(store: Store, name: str, parent: str, trial: Mapping[str, Any], metric: str) -> None:
    """Write one trial of a search down, nested in the run `parent`; one that was given up is marked KILLED and has no metric."""
    tags = {PARENT: parent, "mlflow.runName": f"trial {trial['number']}"}
    is_whole = trial["loss"] is not None
    with _open(store, name, tags, ends="FINISHED" if is_whole else "KILLED") as run_id:
        _log(store, run_id, trial["params"], {metric: trial["loss"]} if is_whole else {})


@contextmanager
def _open(store: Store, name: str, tags: Mapping[str, str], *, ends: str = "FINISHED") -> Iterator[str]:
    experiment, client = store.experiment(name), store.client
    with in_words("written"):
        run_id = str(client.create_run(experiment, tags={key: str(value) for key, value in tags.items()}).info.run_id)
    status = "FAILED"
    try:
        yield run_id
        status = ends
    finally:
        with in_words("written"):
            client.set_terminated(run_id, status)


def _log(store: Store, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param

    now = int(datetime.now(UTC).timestamp() * 1000)
    with in_words("written"):
        store.client.log_batch(
            run_id,
            metrics=[Metric(key, float(value), now, 0) for key, value in metrics.items()],
            params=[Param(key, str(value)) for key, value in params.items()],
        )
