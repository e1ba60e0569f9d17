"""Episodes: from the night in which a rule began to hold for a subject to the one in which it was over. Values in, values out.

Nights are judged oldest first, and a night older than the newest one judged is left as it was: it was told by what was known then,
and what it would say today must not cut or stretch an episode that newer nights have made. The newest night itself may be judged again:
the same findings give the same episodes, other findings mend them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

from jobs.nights import Nights

State = Literal["open", "still open", "resolved"]
Episodes = Mapping[tuple[str, str, date], "Episode"]
"""By rule, subject and first night."""


class Finding(NamedTuple):
    """What a rule finds about a subject in a night."""

    rule: str
    subject: str
    """A model, or the pipeline itself."""
    severity: str
    holds: bool
    value: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A rule that holds, or has held, about a subject."""

    rule: str
    subject: str
    opened: date
    severity: str
    sentence: str
    """As of `last`."""
    last: date
    """The newest night in which it held."""
    resolved: date | None = None
    """The first night after that in which it did not; the same one if that was judged again."""
    told: date | None = None
    """The night of the last message."""
    told_resolved: bool = False

    @property
    def key(self) -> tuple[str, str, date]:
        """No two episodes of a rule and subject begin in the same night."""
        return self.rule, self.subject, self.opened

    @property
    def name(self) -> str:
        """`late_rise (delayed)`."""
        return f"{self.rule} ({self.subject})"

    @property
    def judged(self) -> date:
        """The newest night that has changed it."""
        return self.resolved or self.last

    def stood(self, night: date) -> bool:
        """Whether it was open in a night."""
        return self.opened <= night and (self.resolved is None or night < self.resolved)


def to_judge(nights: Nights, episodes: Episodes, *, judged: Iterable[date]) -> list[date]:
    """Of `nights` those that may be judged: none older than any of `judged` or than what an episode rests on."""
    newest = max([*judged, *(one.judged for one in episodes.values())], default=date.min)
    return [night for night in nights if night >= newest]


def followed(episodes: Episodes, findings: Callable[[date], Sequence[Finding]], nights: Nights) -> tuple[Episodes, list[date]]:
    """The episodes after some nights, oldest first, and which of the nights have changed any.

    Args:
        episodes: before.
        findings: of a night, one per rule and subject; an open episode without one is over, since nobody watches it any more.
        nights: those that may be judged.
    """
    changed = []
    for night in nights:
        before, episodes = episodes, _after(episodes, findings(night), night)
        if episodes != before:
            changed.append(night)
    return episodes, changed


def _after(episodes: Episodes, findings: Iterable[Finding], night: date) -> Episodes:
    newest = {(one.rule, one.subject): one for one in sorted(episodes.values(), key=lambda one: one.opened)}
    found = {(one.rule, one.subject): one for one in findings}
    moved = [_moved(newest.get(pair), found.get(pair), night) for pair in {**newest, **found}]
    return {**episodes, **{one.key: one for one in moved if one}}


def _moved(newest: Episode | None, finding: Finding | None, night: date) -> Episode | None:
    going_on = newest if newest and newest.resolved in {None, night} else None
    if finding is None or not finding.holds:
        return going_on and replace(going_on, resolved=night)
    now = Episode(rule=finding.rule, subject=finding.subject, opened=night, severity=finding.severity, sentence=finding.sentence, last=night)
    if going_on is None:
        return now
    # Who was told that it is over must hear that it is not.
    return replace(now, opened=going_on.opened, told=None if going_on.told_resolved else going_on.told)


def untold(episode: Episode, *, repeat: int | None) -> State | None:
    """What people do not know yet of an episode.

    Args:
        episode: as it stands.
        repeat: nights after which it is told again while it lasts; None: no rule watches it any more, and only its end is told.
    """
    if episode.resolved:
        return "resolved" if episode.told and not episode.told_resolved else None
    if repeat is None:
        return None
    if episode.told is None:
        return "open"
    return "still open" if (episode.last - episode.told).days >= repeat else None


def told(episode: Episode) -> Episode:
    """The episode, once people know of it."""
    return replace(episode, told_resolved=True) if episode.resolved else replace(episode, told=episode.last)
