"""A version in shadow, from the ledger alone: its nights, how alike it is to the champion, and what the labels said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from jobs.ledger.ledger import Ledger, Slice
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.gate.against import kept
from jobs.model.gate.verdict import Rule
from jobs.model.registry.reign import ENTHRONING, waiting
from jobs.shadow.realised import Labelled, difference
from jobs.shadow.terms import Terms


@dataclass(frozen=True)
class Seen:
    """What one night, or today, knows of a version's nights in shadow."""

    version: int
    terms: Terms
    slices: Mapping[date, Slice]
    """Its nights in shadow, oldest first."""
    labels: Mapping[date, Labelled]
    """Of those of which a label is known."""

    @property
    def champion(self) -> int | None:
        """The version beside which it was last; nights beside an earlier one say nothing of this one, and do not count."""
        return int(self.slices[max(self.slices)].detail["champion"]) if self.slices else None

    def coverage(self, night: date) -> float:
        """Share of the night's rows whose label is known."""
        known, rows = self.labels.get(night), self.slices[night].rows
        return known.rows / rows if known and rows else 0.0

    def left_out(self, night: date) -> str | None:
        """Why a night does not count, if it does not."""
        one = self.slices[night]
        if int(one.detail["champion"]) != self.champion:
            return f"beside v{one.detail['champion']}, which is no longer champion"
        if broken := one.detail.get("broken"):
            return str(broken)
        covered, least = self.coverage(night), self.terms.min_label_coverage
        return None if covered >= least and covered else f"the label is known of {covered:.0%} of the rows (at least {least:.0%})"

    @cached_property
    def counted(self) -> list[Labelled]:
        """The nights that count, oldest first."""
        return [self.labels[night] for night in self.slices if not self.left_out(night)]

    @cached_property
    def difference(self) -> Estimate | None:
        """The challenger's metric less the champion's over the nights that count."""
        return difference(self.counted, metric=self.terms.metric, kind=self.terms.kind)

    @property
    def is_complete(self) -> bool:
        """Whether it has been in shadow for as many labelled nights as were asked for."""
        return len(self.counted) >= self.terms.nights

    def rule(self) -> Rule:
        """Whether it may go live: enough nights, and a difference that keeps to the rule."""
        asked, found, counted = self.terms, self.difference, len(self.counted)
        about: dict[str, Any] = {"name": "shadow", "observed": float(counted), "limit": float(asked.nights)}
        begun = f"{counted} of {asked.nights} labelled nights in shadow" if asked.nights else f"{counted} labelled nights in shadow, none asked for"
        if found is None or found.low is None or found.high is None:
            why = "no difference to the champion can be told from them yet"
            return Rule(outcome="REFUSE" if asked.nights else "PASS", sentence=f"{begun}; {why}.", **about)
        interval = (found.low, found.high)
        holds, _, words = kept(asked.champion, asked.metric, interval)
        sentence = f"{begun}; {asked.metric} less the champion's is {found} ({words})."
        holds = not asked.nights or (self.is_complete and holds)
        return Rule(outcome="PASS" if holds else "REFUSE", sentence=sentence, interval=interval, detectable=found.detectable, **about)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rule = self.rule()
        return {
            "version": self.version,
            "champion": self.champion,
            "asked": self.terms.nights,
            "labelled": len(self.counted),
            "metric": self.terms.metric,
            "difference": self.difference.to_dict() if self.difference else None,
            "holds": rule.outcome == "PASS",
            "sentence": rule.sentence,
            "terms": self.terms.to_dict(),
            "nights": [self._night(night, one) for night, one in self.slices.items()],
        }

    def _night(self, night: date, one: Slice) -> dict[str, Any]:
        about = {"night": str(night), "rows": one.rows, "beside": int(one.detail["champion"]), "label_coverage": round(self.coverage(night), 4)}
        return {**about, "left_out": self.left_out(night), **one.detail["compared"]}


def shadow_of(ledger: Ledger, pipeline: str, model: str, version: int | None = None) -> dict[str, Any] | None:
    """A version in shadow as plain data; None where nothing is on record of it.

    Args:
        ledger: where it is recorded.
        pipeline: its name.
        model: its name in the pipeline.
        version: which; left out, the one that waits now.

    Returns:
        `version`, `champion` (beside which it is), `asked` and `labelled` (nights), `metric`, `difference` (`value`, `low`, `high`), `holds`,
        `sentence`, `terms`, and `nights`, each with `rows`, `label_coverage`, `left_out` (why it does not count) and what `compared` tells.
    """
    number = version or waiting(ledger.decisions(pipeline, model))
    found = seen(ledger, pipeline, model, number) if number else None
    return found.to_dict() if found else None


def unmet(ledger: Ledger, pipeline: str, model: str, version: int) -> list[str]:
    """Why a version may not go live, as far as shadow is concerned; nothing where no nights were asked of it, or where it has lived before."""
    decisions = ledger.decisions(pipeline, model)
    terms, has_lived = Terms.recorded(decisions, version), any(one["version"] == version and one["act"] in ENTHRONING for one in decisions)
    if terms is None or not terms.nights or has_lived:
        return []
    found = seen(ledger, pipeline, model, version)
    rule = found.rule() if found else None
    if rule and rule.outcome == "PASS":
        return []
    told = rule.sentence if rule else f"0 of {terms.nights} labelled nights in shadow."
    return [f"v{version} was to be in shadow first: {told}"]


def seen(ledger: Ledger, pipeline: str, model: str, version: int, *, known_by: date = date.max) -> Seen | None:
    """What is on record of a version's nights in shadow.

    Args:
        ledger: where it is recorded.
        pipeline: its name.
        model: its name in the pipeline.
        version: in shadow.
        known_by: the night whose knowledge counts.

    Returns:
        None if it has not been in shadow, and nothing is asked of it.
    """
    scored, measured = (_newest(ledger.slices(pipeline, f"{model}/{step}"), known_by) for step in ("shadow", "performance"))
    own = {night: one for night, one in scored.items() if one.rows and one.detail["challenger"] == version}
    terms = Terms.recorded(ledger.decisions(pipeline, model), version)
    if terms is None and own:
        terms = Terms.model_validate(own[max(own)].detail["terms"])
    return Seen(version, terms, own, _labels(own, measured)) if terms else None


def _newest(slices: Iterable[Slice], known_by: date) -> dict[date, Slice]:
    found = {one.night: one for one in slices if not one.restated and one.night <= known_by}
    return {night: found[night] for night in sorted(found)}


def _labels(own: Mapping[date, Slice], measured: Mapping[date, Slice]) -> dict[date, Labelled]:
    """Of each scored night what was known last, where that was measured on the scores that stand."""
    found: dict[date, Labelled] = {}
    for one in measured.values():
        for scored, ours in one.detail.get("shadow", {}).items():
            night, theirs = date.fromisoformat(scored), one.detail["realised"][scored]
            if night in own and all(given["version"] == own[night].detail[side] for side, given in (("challenger", ours), ("champion", theirs))):
                found[night] = Labelled(night, *(np.array(given["tally"], dtype=np.float64) for given in (ours, theirs)))
    return found
