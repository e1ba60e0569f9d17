"""A model in one night: what it scored, how far that had drifted, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.ledger.ledger import Slice
from jobs.report.links import Pages
from jobs.report.records import Records
from jobs.report.standing import Standing
from jobs.watch.facts import Facts


@dataclass(frozen=True)
class Scoring:
    """One model in one night."""

    model: str
    metrics: tuple[str, ...]
    """Those that are told, the loss first."""
    champion: int | None
    """That scored the night, or else stood in it."""
    verdict: str | None
    """The page of the gate on it."""
    rows: int | None
    published: int | None
    """The generation that the warehouse shows."""
    drift: Mapping[str, Any] | None
    evidently: str | None
    decision: tuple[str, str] | None
    """To retrain or not, and why."""
    rests_on: tuple[str, ...]
    """The slices whose rows and tallies are shown beside this."""


def scoring(records: Records, pages: Pages, model: str, night: date) -> Scoring:
    """The model in the night, by the ledger alone."""
    facts, decided = records.facts[model], records.retrainings[model].get(night)
    scored, drift = (records.current.get(f"{model}/{step}", {}).get(night) for step in ("predictions", "drift_report"))
    standing, performance = standing_of(records, model, night), records.current.get(f"{model}/performance", {})
    consulted = [performance[day] for day in sorted(standing.consulted) if day in performance]
    return Scoring(
        model=model,
        metrics=metrics_of(facts),
        champion=standing.champion,
        verdict=pages.verdict(model, standing.champion),
        rows=scored.rows if scored else None,
        published=records.published[model].get(night),
        drift={**drift.counts, **{name: drift.detail.get(name) for name in ("state", "compared")}} if drift else None,
        evidently=pages.evidently(model, drift.detail.get("page")) if drift else None,
        decision=(decided["act"], decided["reason"]) if decided else None,
        rests_on=tuple(content(one) for one in (*([drift] if drift else []), *consulted)),
    )


def standing_of(records: Records, model: str, night: date) -> Standing:
    """What the night's page tells of the worth of scores, by whoever scored it, or else stood in it."""
    facts, scored = records.facts[model], records.current.get(f"{model}/predictions", {}).get(night)
    return Standing(facts, night, int(scored.detail["champion"]) if scored else facts.champion(night))


def metrics_of(facts: Facts) -> tuple[str, ...]:
    """The metrics that the pages tell of a model, its loss first."""
    return (facts.loss, "roc_auc") if facts.kind == "binary" else (facts.loss, "r2")


def content(one: Slice) -> str:
    """Changes with the slice's rows."""
    return f"{one.night} {one.generation} {one.checksum}"
