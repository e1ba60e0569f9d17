"""What the rules of a pipeline find in a night."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from jobs.alerts import data
from jobs.alerts.episodes import Episode, Finding
from jobs.config.pipeline import Pipeline
from jobs.config.watching import AlertRule
from jobs.ledger.ledger import Ledger
from jobs.watch import signals
from jobs.watch.facts import Facts
from jobs.watch.on_record import read_facts
from jobs.watch.signals import Held


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything that the rules look at, read once."""

    pipeline: Pipeline
    records: data.Data
    facts: Mapping[str, Facts]
    """By model; of those that a rule names."""

    def findings(self, night: date) -> list[Finding]:
        """One per rule and subject."""
        rules = self.pipeline.alerts.rules
        return [self._finding(name, subject, night) for name, rule in rules.items() for subject in subjects(rule, self.pipeline)]

    def finding(self, episode: Episode, night: date) -> Finding:
        """What an episode's rule finds in a night, also where there is no such rule any more."""
        if self.rule(episode) is None:
            return Finding(episode.rule, episode.subject, episode.severity, holds=False, value=None, sentence="no rule watches this any more")
        return self._finding(episode.rule, episode.subject, night)

    def rule(self, episode: Episode) -> AlertRule | None:
        """The episode's rule, if it still watches its subject."""
        rule = self.pipeline.alerts.rules.get(episode.rule)
        return rule if rule and episode.subject in subjects(rule, self.pipeline) else None

    def _finding(self, name: str, subject: str, night: date) -> Finding:
        rule = self.pipeline.alerts.rules[name]
        found = self._held(rule, subject, night)
        return Finding(name, subject, rule.severity, found.holds, found.values[str(night)], _sentence(rule, found, night))

    def _held(self, rule: AlertRule, subject: str, night: date) -> Held:
        match rule.signal:
            case "red" | "quarantined" | "volume" | "missing_history" | "behind":
                return data.held(rule, rule.signal, self.records, night)
            case _:
                return signals.held(rule, rule.signal, self.facts[subject], night)


def watched_by(pipeline: Pipeline, ledger: Ledger) -> Watched:
    """What the ledger has on everything that the pipeline's rules look at; no table is looked at."""
    models = {subject for rule in pipeline.alerts.rules.values() for subject in subjects(rule, pipeline)} & set(pipeline.models)
    return Watched(pipeline, data.read_data(ledger, pipeline), {model: read_facts(ledger, pipeline, model) for model in models})


def subjects(rule: AlertRule, pipeline: Pipeline) -> list[str]:
    """Whom a rule watches: the pipeline, or models."""
    return [pipeline.pipeline] if rule.signal in data.READINGS else list(dict.fromkeys(rule.models or pipeline.models_with(rule.signal)))


def _sentence(rule: AlertRule, found: Held, night: date) -> str:
    newest = found.values[str(night)]
    said = f"{rule.signal} has no value" if newest is None else f"{rule.signal} is {newest:.4g}"
    if rule.window == 1:
        return f"{said}, {'' if found.holds else 'not '}{rule.bound}"
    return f"{said}; it was {rule.bound} in {found.beyond} of the last {rule.window} nights (needed {rule.nights})"
