"""The page of all nights: everything that the ledger says of the newest year."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, Literal

from jobs.model.registry.reign import act_in_words, in_waiting, waits
from jobs.nights import span
from jobs.report.links import Pages
from jobs.report.night import Alert, alert_of
from jobs.report.records import Records, Row
from jobs.report.scoring import content, metrics_of
from jobs.report.told import told

SHOWN: Final = 366
"""Nights."""
LISTED: Final = 60
"""So many of the newest decisions and alerts."""
TITLE: Final = 200
ROWS: Final = "rows to score"


@dataclass(frozen=True)
class Cell:
    """A night of the timeline."""

    night: date
    word: Literal["ok", "look", "red", "part", "none"]
    title: str
    address: str | None


@dataclass(frozen=True)
class Decision:
    """What was decided about a version."""

    night: date
    model: str
    act: str
    version: int | None
    former: int | None
    by: str
    reason: str
    verdict: str | None
    """The page of the gate on it."""


@dataclass(frozen=True)
class Spell:
    """Nights in a row that decided the same about retraining."""

    model: str
    act: str
    first: date
    last: date
    reason: str
    """That of the last."""


@dataclass(frozen=True)
class Course:
    """A model over the nights."""

    model: str
    champion: int | None
    verdict: str | None
    """The page of the gate on it."""
    waiting: str | None
    """Which version waits to live, for people."""
    waiting_verdict: str | None
    """The page of the gate on that one."""
    metrics: tuple[str, ...]
    changes: tuple[tuple[date, int], ...]
    rests_on: tuple[str, ...]
    """The slices whose rows and tallies are shown beside this."""


@dataclass(frozen=True)
class Index:
    """What is on the page, but for the rows of tables."""

    pipeline: str
    goal: str
    nights: tuple[date, ...]
    """The columns of every map and plot."""
    months: tuple[tuple[str, tuple[Cell, ...]], ...]
    """Newest first."""
    courses: tuple[Course, ...]
    decisions: tuple[Decision, ...]
    """Newest first."""
    spells: tuple[Spell, ...]
    """Newest first."""
    alerts: tuple[Alert, ...]
    """The open ones first, then newest first."""
    red: tuple[date, ...]
    volumes: tuple[tuple[str, tuple[tuple[date, float], ...]], ...]
    """By name, a value of each night."""


def index_of(records: Records, pages: Pages) -> Index:
    """The page of the newest `SHOWN` nights.

    Args:
        records: what the ledger has.
        pages: that it may lead to.
    """
    first, newest = min(records.nights, default=date.max), max(records.nights, default=date.min)
    nights = tuple(span(first, newest)[-SHOWN:])
    cells = [_cell(records, pages, night) for night in nights]
    months = [(name, tuple(some)) for name, some in groupby(cells, key=lambda one: f"{one.night:%Y-%m}")]
    decided = [one for one in records.decisions if one["act"] != "trained"]
    alerts = sorted((alert_of(one) for one in records.alerts), key=lambda one: (one.resolved is None, one.opened), reverse=True)
    return Index(
        pipeline=records.pipeline.pipeline,
        goal=records.pipeline.purpose.goal,
        nights=nights,
        months=tuple(reversed(months)),
        courses=tuple(_course(records, pages, model, nights) for model in records.pipeline.models),
        decisions=tuple(_decision(pages, one) for one in reversed(decided[-LISTED:])),
        spells=tuple(sorted(_spells(records), key=lambda one: one.last, reverse=True)[:LISTED]),
        alerts=tuple(alerts[:LISTED]),
        red=tuple(one.night for one in cells if one.word == "red"),
        volumes=tuple(_volumes(records, nights)),
    )


def _cell(records: Records, pages: Pages, night: date) -> Cell:
    if night not in records.states:
        return Cell(night, "none", f"{night} nothing is on record", pages.night(night))
    said = told(records, night)
    title = said.line if len(said.line) <= TITLE else f"{said.line[:TITLE]} …"
    return Cell(night, said.word, f"{night} {title}", pages.night(night))


def _course(records: Records, pages: Pages, model: str, nights: Sequence[date]) -> Course:
    facts, measured = records.facts[model], [records.current.get(f"{model}/{step}", {}) for step in ("drift_report", "performance")]
    champion, now = facts.champion(date.max), in_waiting([one for one in records.decisions if one["model"] == model])
    return Course(
        model=model,
        champion=champion,
        verdict=pages.verdict(model, champion),
        waiting=waits(now) if now else None,
        waiting_verdict=pages.verdict(model, now["version"]) if now else None,
        metrics=metrics_of(facts),
        changes=tuple(facts.reigns),
        rests_on=tuple(content(found[night]) for found in measured for night in nights if night in found),
    )


def _decision(pages: Pages, row: Row) -> Decision:
    told = {name: row[name] for name in Decision.__dataclass_fields__ if name != "verdict"}
    return Decision(**{**told, "act": act_in_words(row["act"])}, verdict=pages.verdict(row["model"], row["version"]))


def _spells(records: Records) -> Iterator[Spell]:
    for model, decided in records.retrainings.items():
        rows = [decided[night] for night in sorted(decided)]
        for act, run in groupby(rows, key=lambda one: one["act"]):
            some = list(run)
            if act == "retrain":
                yield from (Spell(model, act, one["night"], one["night"], one["reason"]) for one in some)
            elif act == "held_back":
                yield Spell(model, act, some[0]["night"], some[-1]["night"], some[-1]["reason"])


def _volumes(records: Records, nights: Sequence[date]) -> Iterator[tuple[str, tuple[tuple[date, float], ...]]]:
    sound = records.soundness
    given: dict[str, Mapping[date, float]] = {
        ROWS: sound.rows,
        "quarantined, of the rows delivered": sound.quarantined,
        "history delivered, of the window that lacks most": {night: 1 - share for night, share in sound.missing_history.items()},
    }
    for name, values in given.items():
        yield name, tuple((night, float(values[night])) for night in nights if night in values)
