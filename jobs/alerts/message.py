"""What people and machines are told of an episode."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.alerts.episodes import Episode, Episodes, Finding, State, untold
from jobs.alerts.watched import Watched


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell about an episode, as of the night that has changed it last."""

    pipeline: str
    episode: Episode
    state: State
    finding: Finding

    @property
    def text(self) -> str:
        """`flights 2013-05-18 WARNING late_rise (delayed): loss_ratio is 1.04, > 0.98 in 4 of the last 5 nights (needed 3); open since 2013-05-16`."""
        one = self.episode
        word = "RESOLVED" if one.resolved else one.severity.upper()
        when = f"was open from {one.opened} to {one.last}" if one.resolved else f"{self.state} since {one.opened}"
        return f"{self.pipeline} {one.judged} {word} {one.name}: {self.finding.sentence}; {when}"

    @property
    def payload(self) -> dict[str, Any]:
        """The same as JSON: `text` is what Slack and others show, the rest is for machines."""
        one = self.episode
        about = {"pipeline": self.pipeline, "rule": one.rule, "subject": one.subject, "night": str(one.judged), "opened": str(one.opened)}
        return {"text": self.text, **about, "severity": one.severity, "state": self.state, "value": self.finding.value, "sentence": self.finding.sentence}


def messages(episodes: Episodes, watched: Watched) -> Iterator[Message]:
    """What people do not know yet, oldest episode first.

    Args:
        episodes: as they stand after all nights: what has come and gone among these is not told.
        watched: what the rules look at.
    """
    for one in sorted(episodes.values(), key=lambda one: one.opened):
        rule = watched.rule(one)
        if state := untold(one, repeat=rule.repeat if rule else None):
            yield Message(watched.pipeline.pipeline, one, state, watched.finding(one, one.judged))
