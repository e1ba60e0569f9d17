"""What `matins simulate` does: read once, replay every policy with every seed, compare, write; nothing is registered, decided or published."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from jobs import console
from jobs.config.loading import digest_of
from jobs.config.pipeline import Pipeline
from jobs.config.watching import Retrain
from jobs.nights import Nights
from jobs.reading import lake_to_read
from jobs.retraining.simulation.fitting import spans_at
from jobs.retraining.simulation.history import History
from jobs.retraining.simulation.page import page
from jobs.retraining.simulation.reading import read_history
from jobs.retraining.simulation.replay import Replay
from jobs.retraining.simulation.replays import Replays
from jobs.retraining.simulation.results import results
from jobs.retraining.simulation.workshop import Workshop
from jobs.sample.files import place
from jobs.settings import Settings
from jobs.watch.soundness import Soundness, soundness_of
from jobs.work import fingerprint


@dataclass(frozen=True)
class Simulated:
    """What came of a simulation."""

    results: Mapping[str, Any]
    seconds: Mapping[str, float]
    """By policy, what its trainings and the gate took when they were done."""
    folder: Path
    """Has `results.json` and `report.html`."""


def simulate(settings: Settings, pipeline: Pipeline, model: str, nights: Nights, policies: Mapping[str, Retrain], *, seeds: int) -> Simulated:
    """Replay nights under policies.

    Args:
        settings: of the home.
        pipeline: whose.
        model: its name in the pipeline.
        nights: to replay.
        policies: by name.
        seeds: how many: the file's and the numbers after it.

    Raises:
        UsageError: too few nights lie before the first one.
        DataError: features or labels of the nights were never made.
    """
    from jobs.lake.session import spark_session

    learned_from = spans_at(pipeline, model, nights[0])["train"].first
    lake = lake_to_read(settings, pipeline, spark_session(settings))
    history = read_history(lake, pipeline, model, learned_from=learned_from, nights=nights)
    home = settings.root / "simulations" / f"{pipeline.pipeline}.{model}"
    workshops = [Workshop(pipeline, model, history, home / "made", seed=pipeline.models[model].seed + number) for number in range(seeds)]
    replays = replayed(workshops, nights, policies, soundness_of(lake.ledger, pipeline))
    return _written(replays, home / _key(pipeline, model, nights, policies, seeds, history))


def replayed(workshops: Sequence[Workshop], nights: Nights, policies: Mapping[str, Retrain], soundness: Soundness) -> Replays:
    """The nights under each policy with each seed.

    Args:
        workshops: one per seed.
        nights: to replay.
        policies: by name.
        soundness: of the pipeline's data.
    """
    one, done = workshops[0], {}
    there = [night for night in nights if night in one.history.places]
    with console.counting("replaying", total=len(policies) * len(workshops) * len(there)) as tell:
        for name, policy in policies.items():
            done[name] = [Replay(policy, workshop, begin=nights[0], soundness=soundness) for workshop in workshops]
            for replay, night in product(done[name], there):
                replay.night(night)
                tell(f"{name} {night}")
    return Replays(one.name, one.model, nights, there, policies, [workshop.model.seed for workshop in workshops], done)


def _key(pipeline: Pipeline, model: str, nights: Nights, policies: Mapping[str, Retrain], seeds: int, history: History) -> str:
    rows = history.checksum(date.min, nights[-1], as_of=date.max)
    asked = {name: digest_of(policy) for name, policy in policies.items()}
    return f"{nights[0]}_to_{nights[-1]}-{fingerprint(rows, asked, [*asked], seeds, digest_of(pipeline.models[model], pipeline.purpose))}"


def _written(replays: Replays, folder: Path) -> Simulated:
    found = results(replays)
    seconds = {name: sum(_seconds(some)) for name, some in replays.done.items()}
    place(folder / "results.json", json.dumps(found, indent=1, allow_nan=False).encode())
    place(folder / "report.html", page(found, seconds))
    return Simulated(found, seconds, folder)


def _seconds(replays: Sequence[Replay]) -> list[float]:
    return [attempt.seconds for replay in replays for attempt in replay.attempts]
