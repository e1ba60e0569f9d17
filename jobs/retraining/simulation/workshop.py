"""The workshop: versions as past nights would have made and judged them, each made once and kept."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from jobs.config.loading import digest_of
from jobs.config.pipeline import Pipeline
from jobs.model.gate.gate import judge
from jobs.model.gate.verdict import Verdict
from jobs.model.material import Challenger, Material, made_by
from jobs.model.reference import references
from jobs.model.registry.version import Version
from jobs.model.segments import Span
from jobs.model.training.training import Trained
from jobs.retraining.simulation.fitting import spans_at
from jobs.retraining.simulation.history import History
from jobs.retraining.simulation.keeping import code_of, kept
from jobs.retraining.simulation.scorer import Scorer
from jobs.retraining.simulation.stored import from_files, to_files
from jobs.work import fingerprint

WATCHED: Final = ("reference.json", "reference_nights.parquet", "watch.json")
"""The files of a version that later nights are compared with."""


@dataclass(frozen=True)
class Made:
    """A version made as of a past night."""

    as_of: date
    key: str
    """A digest of all that it was made from."""
    trained: Trained
    spans: Mapping[str, Span]

    @property
    def contender(self) -> Challenger:
        """As the gate wants it."""
        return Challenger(self.trained.artifact, self.spans)


@dataclass(frozen=True)
class Judged:
    """A verdict, and how long the gate took when it was made."""

    verdict: Verdict
    seconds: float


class Workshop:
    """Makes versions of one model with one seed."""

    def __init__(self, pipeline: Pipeline, item: str, history: History, folder: Path, *, seed: int) -> None:
        self.pipeline, self.item, self.history, self.folder = pipeline, item, history, folder
        self.name = f"{pipeline.pipeline}.{item}"
        # A search ends after some minutes: it would not find the same twice.
        self.model = pipeline.models[item].model_copy(update={"seed": seed, "search": None})
        self._code = code_of("model", "drift_report", "performance")
        self._scorers: dict[tuple[str, date], Scorer] = {}
        # What is made of one night's rows is made in a row; the rows of many nights would not fit into memory.
        self._material = lru_cache(maxsize=1)(self._gathered)

    def made(self, as_of: date) -> Made:
        """The version that a night would have made.

        Raises:
            UsageError: the night has too few nights before it.
            DataError: its rows cannot be trained on.
        """
        spans = spans_at(self.pipeline, self.item, as_of)
        key = self._key(as_of, spans)
        files = kept(self.folder / key / "trained", lambda: to_files(self._material(as_of).train()))
        return Made(as_of, key, from_files(files), spans)

    def judged(self, made: Made, champion: Made | None, *, before: int) -> Judged:
        """What the gate says of a version.

        Args:
            made: the version.
            champion: that it would replace.
            before: how many versions were already judged on some of its holdout.
        """

        contender = champion.contender if champion else None

        def make() -> dict[str, bytes]:
            started = time.perf_counter()
            case = self._material(made.as_of).case(made.trained, read_champion=lambda: contender)
            verdict = judge(case).to_json().encode()
            return {"verdict.json": verdict, "seconds.json": json.dumps(time.perf_counter() - started).encode()}

        against = fingerprint(champion and champion.key, digest_of(self.model.gate, self.pipeline.purpose))
        files = kept(self.folder / made.key / f"verdict-{against}", make)
        return Judged(replace(Verdict.from_json(files["verdict.json"]), judged_before=before), json.loads(files["seconds.json"]))

    def scorer(self, made: Made, *, since: date) -> Scorer:
        """The version at work from a night on: the same one for all who ask."""
        place = (made.key, since)
        if place not in self._scorers:
            self._scorers[place] = Scorer(self._version(made), self.history, self.model, since=since)
        return self._scorers[place]

    def _version(self, made: Made) -> Version:
        def make() -> dict[str, bytes]:
            given = references(self._material(made.as_of).rows, made.trained.artifact, made.spans, self.model)
            return {name: given[name] for name in WATCHED}

        files = kept(self.folder / made.key / "watched", make)
        manifest = {name: sha256(content).hexdigest() for name, content in files.items()}
        return Version(self.name, 0, "", made.trained.artifact, made.spans, {}, manifest, files.__getitem__)

    def _key(self, as_of: date, spans: Mapping[str, Span]) -> str:
        import xgboost

        rows = self.history.checksum(spans["train"].first, spans["holdout"].last, as_of=as_of)
        made_from = made_by(self.pipeline, self.model), {name: str(span) for name, span in spans.items()}
        return f"{as_of}-{fingerprint(rows, *made_from, self._code, xgboost.__version__)}"

    def _gathered(self, as_of: date) -> Material:
        spans = spans_at(self.pipeline, self.item, as_of)
        rows = self.history.between(spans["train"].first, spans["holdout"].last, as_of=as_of)
        return Material(self.name, self.model, self.pipeline, rows, spans, {})
