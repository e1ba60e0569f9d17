"""A replay: nights in their order under one policy, each with what it knew; what it trains scores from the next night on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from jobs.config.watching import Retrain
from jobs.errors import PermanentError
from jobs.model.evaluation.floats import Floats
from jobs.model.segments import Span
from jobs.retraining.controller import Decision, decide
from jobs.retraining.simulation.scorer import Scorer
from jobs.retraining.simulation.workshop import Judged, Made, Workshop
from jobs.watch.facts import Ended, Facts, Known, Training
from jobs.watch.soundness import Soundness


@dataclass(frozen=True)
class Attempt:
    """A training and what came of it."""

    night: date
    reason: str
    ended: Ended
    sentence: str
    """The gate's, or why there is none."""
    passed: bool
    """Whether the gate did; the first champion stands in any case."""
    version: int | None
    spans: Mapping[str, Span]
    seconds: float
    """That the training and the gate took when they were done, perhaps in an earlier simulation."""


class Replay:
    """One policy with one seed, from the night of the first champion on."""

    def __init__(self, policy: Retrain, workshop: Workshop, *, begin: date, soundness: Soundness) -> None:
        self.policy, self.workshop = policy, workshop
        self.facts = Facts(kind=workshop.model.type, loss=workshop.model.loss, soundness=soundness, judged=workshop.model.drift.nights)
        self.decisions: list[Decision] = []
        self.attempts: list[Attempt] = []
        self.scored_by: dict[date, int] = {}
        self._made: dict[int, Made] = {}
        self._scorers: dict[int, Scorer] = {}
        made = workshop.made(begin)
        judged = workshop.judged(made, None, before=0)
        self._ended(made, judged, "promoted", reason="The first champion, whatever the gate says.", since=begin)

    def night(self, night: date) -> None:
        """What a night does: score, watch, learn the labels that have come, decide, train."""
        champion = self.facts.reigns[-1][1]
        self.scored_by[night] = champion
        self.facts = self._seen(night, champion)
        decision = decide(self.policy, self.facts, night)
        self.decisions.append(decision)
        if decision.act == "retrain":
            self.facts = replace(self.facts, triggered=[*self.facts.triggered, night])
            self._retrain(night, decision.reason, self._made[champion])

    def tally(self, night: date) -> Floats | None:
        """What a night's scores were worth by the labels as they are known now; None without any."""
        return self._scorers[self.scored_by[night]].realised(night, date.max)

    def _seen(self, night: date, champion: int) -> Facts:
        scorer, realised = self._scorers[champion], dict(self.facts.realised)
        for scored in (day for day in self.workshop.history.arrived(night) if day in self.scored_by):
            version = self.scored_by[scored]
            if (tally := self._scorers[version].realised(scored, night)) is not None:
                realised[scored] = [*realised.get(scored, ()), Known(night, version, tally)]
        expected = scorer.estimated(night)
        estimated = self.facts.estimated if expected is None else {**self.facts.estimated, night: Known(night, champion, expected)}
        drift, drift_of = {**self.facts.drift, night: scorer.drift(night)}, {**self.facts.drift_of, night: champion}
        return replace(self.facts, drift=drift, drift_of=drift_of, realised=realised, estimated=estimated)

    def _retrain(self, night: date, reason: str, champion: Made) -> None:
        try:
            made = self.workshop.made(night)
        except PermanentError as error:
            self.attempts.append(Attempt(night, reason, "given_up", str(error), False, None, {}, 0.0))
            self.facts = replace(self.facts, trainings=[*self.facts.trainings, Training(night, "given_up", None)])
            return
        holdout, others = made.spans["holdout"], [one for one in self._made.values() if one.key != made.key]
        before = sum(one.spans["holdout"].shared(holdout) is not None for one in others)
        judged = self.workshop.judged(made, champion, before=before)
        ended: Ended = "promoted" if judged.verdict.passed else "refused"
        self._ended(made, judged, ended, reason=reason, since=night + timedelta(days=1))

    def _ended(self, made: Made, judged: Judged, ended: Ended, *, reason: str, since: date) -> None:
        verdict, number, seconds = judged.verdict, len(self._made) + 1, made.trained.seconds + judged.seconds
        self._made[number] = made
        self.attempts.append(Attempt(made.as_of, reason, ended, verdict.sentence, verdict.passed, number, made.spans, seconds))
        self.facts = replace(self.facts, trainings=[*self.facts.trainings, Training(made.as_of, ended, number)])
        if ended == "promoted":
            self._scorers[number] = self.workshop.scorer(made, since=since)
            holdouts = {**self.facts.holdouts, number: self._scorers[number].holdout}
            self.facts = replace(self.facts, reigns=[*self.facts.reigns, (made.as_of, number)], holdouts=holdouts)
