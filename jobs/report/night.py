"""A night's page: everything that the ledger says of it."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from jobs.nights import Nights, span
from jobs.report.bands import SPAN
from jobs.report.deliveries import Delivery, deliveries
from jobs.report.links import Pages
from jobs.report.records import Records, Row
from jobs.report.scoring import Scoring, scoring
from jobs.report.told import Told, open_alerts, told


@dataclass(frozen=True)
class Alert:
    """An episode, as the pages show it."""

    rule: str
    subject: str
    severity: str
    sentence: str
    opened: date
    last: date
    resolved: date | None


@dataclass(frozen=True)
class Night:
    """What is on the page, but for the rows of tables."""

    pipeline: str
    night: date
    told: Told
    deliveries: tuple[Delivery, ...]
    to_score: int | None
    models: tuple[Scoring, ...]
    alerts: tuple[Alert, ...]
    before: date | None
    after: date | None


def night_of(records: Records, pages: Pages, night: date) -> Night:
    """The page of a night.

    Args:
        records: what the ledger has.
        pages: that it may lead to.
        night: whose.
    """
    return Night(
        pipeline=records.pipeline.pipeline,
        night=night,
        told=told(records, night),
        deliveries=tuple(deliveries(records, pages, night)),
        to_score=records.soundness.rows.get(night),
        models=tuple(scoring(records, pages, model, night) for model in records.pipeline.models),
        alerts=tuple(_as_of(alert_of(one), night) for one in open_alerts(records, night)),
        before=pages.before(night),
        after=pages.after(night),
    )


def alert_of(row: Row) -> Alert:
    """An episode as it is on record."""
    return Alert(**{name: row[name] for name in Alert.__dataclass_fields__})


def _as_of(alert: Alert, night: date) -> Alert:
    """As far as the night knew it: an episode that goes on is recorded anew each night, and this page must not follow it."""
    seen = alert.sentence if alert.last <= night else "It went on after this night."
    return replace(alert, sentence=seen, last=min(alert.last, night), resolved=None)


def touched(records: Records, pages: Pages, nights: Nights) -> list[date]:
    """The nights whose pages may say something else once `nights` have run: their own, those beside them, and those whose labels came."""
    asked, beside = set(nights), [one for night in nights for one in (pages.before(night), pages.after(night)) if one]
    scored = {scored for facts in records.facts.values() for scored, found in facts.realised.items() if any(one.night in asked for one in found)}
    # A scored night is part of what is told of the nights after it.
    tell = {night for one in scored for night in span(one, one + timedelta(days=SPAN - 1))}
    return sorted({*asked, *beside, *(tell & set(pages.nights))})
