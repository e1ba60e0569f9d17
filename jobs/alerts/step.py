"""Alerts: the rules are held against what is on record of the nights, and people are told what they do not know yet."""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Final, NamedTuple

from pydantic import SecretStr

from jobs.alerts.episodes import Episode, Episodes, followed, to_judge, told
from jobs.alerts.message import Message, messages
from jobs.alerts.sending import NotSentError, address_in, send
from jobs.alerts.watched import Watched, watched_by
from jobs.ledger.leases import lease
from jobs.nights import Nights
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work

NOT_JUDGED: Final = "its alert rules were not looked at, since those of a later night had been: look yourself"
log = logging.getLogger("matins.alerts")


class Told(NamedTuple):
    """What has become of the messages."""

    number: int = 0
    problem: str | None = None


def run(work: Work, nights: Nights) -> StepResult:
    """Judge the nights, record what they make of the episodes, and tell what stands at the end.

    Raises:
        UsageError: the webhook's environment variable holds no address.
    """
    webhook = work.pipeline.alerts.webhook
    address = address_in(webhook) if webhook else None
    with lease(work.ledger, f"alerts/{work.pipeline.pipeline}"):
        before, watched = _recorded(work), watched_by(work.pipeline, work.ledger)
        judged = _judged(work)
        pending = to_judge(nights, before, judged=judged)
        episodes, changed = followed(before, watched.findings, pending)
        # Before anything is told: a run that is killed here may tell something twice, and never forgets it.
        for one in (one for key, one in episodes.items() if one != before.get(key)):
            _record(work, one)
        outcome = _tell(work, [*messages(episodes, watched)], address)
    passed_over = {night for night in nights if night not in judged and night not in pending and work.pipeline.alerts.rules}
    results = tuple(_results(nights, episodes, watched, changed, outcome))
    noted = tuple(replace(one, notes=(*one.notes, NOT_JUDGED)) if one.night in passed_over else one for one in results)
    return StepResult(step="alerts", item=work.item, table=work.table, nights=noted)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would judge anew, or at whose end it would tell something, and why."""
    before, watched, judged = _recorded(work), watched_by(work.pipeline, work.ledger), _judged(work)
    pending = to_judge(nights, before, judged=judged)
    episodes, changed = followed(before, watched.findings, pending)
    never = [night for night in pending if night not in judged and work.pipeline.alerts.rules]
    untold = dict.fromkeys(nights[-1:] if [*messages(episodes, watched)] else (), "there is something to tell")
    return {**untold, **dict.fromkeys(changed, "what its rules find has changed"), **dict.fromkeys(never, "never judged")}


def _recorded(work: Work) -> Episodes:
    rows = work.ledger.alerts(work.pipeline.pipeline)
    found = [Episode(**{key: value for key, value in row.items() if key != "pipeline"}) for row in rows]
    return {one.key: one for one in found}


def _judged(work: Work) -> set[date]:
    # A red night may be one whose rules could not be looked at; where they were, its episodes say so.
    states = work.ledger.night_states(work.pipeline.pipeline)
    return {one["night"] for one in states if one["table_name"] == work.table and one["outcome"] != "failed"}


def _record(work: Work, episode: Episode) -> None:
    work.ledger.record_alert(work.pipeline.pipeline, **asdict(episode))


def _tell(work: Work, found: Sequence[Message], address: SecretStr | None) -> Told:
    for one in found:
        log.log(logging.getLevelNamesMapping()[one.episode.severity.upper()], "%s", one.text)
    for number, one in enumerate(found):
        try:
            if address:
                send(one.payload, address)
        except NotSentError as error:
            return Told(number, _unsent(work, found[number:], error))
        _record(work, told(one.episode))
    return Told(len(found))


def _unsent(work: Work, found: Sequence[Message], error: NotSentError) -> str:
    names = ", ".join(one.episode.name for one in found)
    what = f"{len(found)} alert{'s' if len(found) > 1 else ''} could not be sent to the address in {work.pipeline.alerts.webhook}: {error}. Waiting: {names}"
    return f"{what}. Mend the address or what it leads to; the next run of `{work.pipeline.pipeline}` sends again."


def _said(episode: Episode, watched: Watched, night: date) -> str:
    """What is found in the night; of one that is looked at again, when that has changed since, what was found when it was told."""
    found = watched.finding(episode, night)
    return found.sentence if found.holds else f"{episode.sentence} (in night {episode.last})"


def _results(nights: Nights, episodes: Episodes, watched: Watched, changed: Collection[date], outcome: Told) -> Iterator[NightResult]:
    for night in nights:
        number, problem = outcome if night == nights[-1] else Told()
        standing = [one for one in episodes.values() if one.stood(night)]
        yield NightResult(
            night=night,
            outcome="failed" if problem else "written" if number else written_or_not(night, changed),
            problem=problem,
            notes=tuple(f"alert {one.name}: {_said(one, watched, night)}" for one in standing),
            detail={"open": [one.name for one in standing], "told": number},
        )
