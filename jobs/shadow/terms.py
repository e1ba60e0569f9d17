"""What is asked of a version in shadow: recorded when it begins to wait, so that a later change of the file asks nothing else of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from jobs.config.base import Section
from jobs.config.models import AgainstChampion, Kind, Metric, Model, Promotion
from jobs.model.registry.reign import WAITING


class Terms(Section):
    """Of one version."""

    nights: int
    """With labels, that it must have been in shadow."""
    kind: Kind
    metric: Metric
    champion: AgainstChampion
    """How the realised difference is judged."""
    min_label_coverage: float
    """Share of a night's rows whose label must be known for it to count."""
    promotion: Promotion

    @classmethod
    def of(cls, model: Model) -> Self:
        """What the file asks now."""
        gate = model.gate
        return cls(
            nights=model.shadow.nights if model.shadow else 0,
            kind=model.type,
            metric=gate.champion.metric or model.loss,
            champion=gate.champion,
            min_label_coverage=gate.min_label_coverage,
            promotion=model.promotion,
        )

    @classmethod
    def recorded(cls, decisions: Iterable[Mapping[str, Any]], version: int) -> Self | None:
        """What was asked of a version when it began to wait; None where the file had no `shadow` then."""
        began = since(decisions, version)
        given = (began["evidence"] or {}).get("shadow") if began else None
        return cls.model_validate(given) if given else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return self.model_dump(mode="json")


def since(decisions: Iterable[Mapping[str, Any]], version: int) -> Mapping[str, Any] | None:
    """The decision with which a version began to wait."""
    began = [one for one in decisions if one["act"] == WAITING and one["version"] == version]
    return began[-1] if began else None


def asked(model: Model) -> dict[str, Any]:
    """For the evidence of a version that begins to wait: the terms as `shadow`, or nothing where the file has no such section."""
    return {"shadow": Terms.of(model).to_dict()} if model.shadow else {}
