"""What results rested on beside the data, and what of that is another now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from jobs.config.loading import digest_of, to_plain
from jobs.config.pipeline import Pipeline
from jobs.environment import changes, environment
from jobs.ledger.origins import Origin


def of_record(origin: Origin | None, present: Pipeline) -> Pipeline:
    """The pipeline as it was, where it is on record and can still be read; else as it is."""
    try:
        return Pipeline.model_validate(origin.configuration) if origin else present
    except ValidationError:  # `since` says so
        return present


def since(origins: Iterable[Origin | None], present: Pipeline) -> tuple[str, ...]:
    """What is another now than in one of the runs; each once."""
    return tuple(dict.fromkeys(line for origin in origins for line in _since(origin, present)))


def _since(origin: Origin | None, present: Pipeline) -> Iterator[str]:
    if origin is None:
        yield "its run is not in the ledger: configuration, code and libraries of then are not known, those of now were used"
        return
    yield from changes(origin.environment, environment(present))
    try:
        then = Pipeline.model_validate(origin.configuration)
    except ValidationError as error:
        yield f"configuration: that of then is not valid any more, and that of now was used ({error.error_count()} problems)"
        return
    if digest_of(then) != digest_of(present):
        told = list(differences(origin.configuration, to_plain(present)))
        yield f"configuration, of which that of then was used: {'; '.join(told) or 'a default'}"


def differences(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Where two plain documents differ: `features.take: ['a'] → ['a', 'b']`, one for each place."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*then, *now]):
            yield from differences(then.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif then != now:
        yield f"{path}: {then} → {now}"
