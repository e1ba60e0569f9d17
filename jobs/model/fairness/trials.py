"""The other versions that a file could have asked for, trained from the same rows: with an attribute or without it, and either mitigation."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from jobs.config.fairness import Fairness, Mitigate
from jobs.config.models import Model
from jobs.errors import MatinsError
from jobs.model.artifact import Artifact
from jobs.model.decision import Decision
from jobs.model.fairness.examined import examine
from jobs.model.fairness.thresholds import with_thresholds
from jobs.model.fairness.variants import Decided, Scale, Variant
from jobs.model.gate.case import Case
from jobs.model.material import Material

THIS: Final = "this version"
PLAIN: Final = "without mitigation"


class Trials:
    """Versions to stand beside one, each made once."""

    def __init__(self, material: Material, case: Case, artifact: Artifact, fairness: Fairness) -> None:
        """Take what the version was made from, and the version."""
        self.material, self.case, self.artifact, self.fairness = material, case, artifact, fairness
        self.scale = Scale(case.holdout, case.loss, material.pipeline.purpose.cost, case.seed)
        self.plain = self._plain()

    def beside(self, attribute: str) -> Iterator[Variant]:
        """Each variant for the groups of one attribute; the one that nothing was done to is what the others' prices are held against."""
        base, asked = self._decided(self.plain, attribute), self.fairness.mitigate
        yield self.scale.variant(PLAIN if asked else THIS, base, None)
        if asked:
            yield self.scale.variant(f"{THIS}: {_named(asked)}", self._decided(self.artifact, attribute), base)
        for name, model in self._others(attribute):
            try:
                yield self.scale.variant(name, self._decided(self._made(model), attribute), base)
            except MatinsError as error:
                yield Variant(name, problem=str(error))

    def _others(self, attribute: str) -> Iterator[tuple[str, Model]]:
        is_learned = attribute in self.fairness.learn_from
        left = [name for name in self.fairness.learn_from if name != attribute]
        told = f"`{attribute}` not learned from" if is_learned else f"`{attribute}` learned from"
        yield told, self._with(mitigate=None, learn_from=left if is_learned else [*left, attribute])
        others = [Mitigate(by="reweigh", attribute=attribute), Mitigate(by="thresholds", attribute=attribute)]
        # The best few of each night have no threshold that could be a group's own.
        for other in others[: None if self._general is not None else 1]:
            if self.fairness.mitigate is None or (self.fairness.mitigate.by, self.fairness.mitigate.attribute) != (other.by, attribute):
                yield _named(other), self._with(mitigate=other)

    def _plain(self) -> Artifact:
        asked = self.fairness.mitigate
        if asked is None or asked.by == "thresholds":
            return replace(self.artifact, learned=replace(self.artifact.learned, by_group=None))
        return self._trained(self._with(mitigate=None), self.fairness)

    @property
    def _general(self) -> float | None:
        decision = Decision.of(self.material.pipeline, self.material.model, self.plain.learned)
        return decision.threshold if decision else None

    def _with(self, **changes: object) -> Model:
        fairness = self.fairness.model_copy(update=changes)
        fill = {name: how for name, how in self.material.model.fill.items() if name not in fairness.left_out}
        return self.material.model.model_copy(update={"fairness": fairness, "fill": fill})

    def _made(self, model: Model) -> Artifact:
        fairness = model.fairness or self.fairness
        if not (fairness.mitigate and fairness.mitigate.by == "thresholds" and self._general is not None):
            return self._trained(model, fairness)
        # The trees are the same: only what is learned from their scores differs.
        spans = self.material.spans
        return with_thresholds(self.plain, self.material.rows.labelled(spans.get("calibrate", spans["tune"])), fairness, general=self._general)

    def _trained(self, model: Model, fairness: Fairness) -> Artifact:
        rows = self.material.rows
        kept = [name for name in rows.features if name not in fairness.left_out]
        added = [name for name in fairness.learn_from if name not in kept]
        return replace(self.material, model=model, rows=replace(rows, features=(*kept, *added))).train().artifact

    def _decided(self, artifact: Artifact, attribute: str) -> Decided:
        frame, score = self.case.holdout, artifact.score(self.case.holdout)
        decision = Decision.of(self.material.pipeline, self.material.model, artifact.learned)
        if decision is None:
            msg = "a regression decides nothing"
            raise TypeError(msg)
        predicted = decision.predicted(frame, score)
        return Decided(score, predicted, examine(frame, predicted, attribute, min_rows=self.fairness.min_rows, seed=self.case.seed))


def _named(mitigate: Mitigate) -> str:
    return f"reweighed by `{mitigate.attribute}`" if mitigate.by == "reweigh" else f"thresholds by `{mitigate.attribute}`"
