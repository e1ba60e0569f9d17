"""What is on record about a version, gathered for its card: from its registered files, its run and the ledger, never from today's YAML."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

from jobs.errors import DataError
from jobs.ledger.ledger import Ledger
from jobs.ledger.origins import origin_of
from jobs.model.registry.registry import Registry
from jobs.model.registry.version import Version
from jobs.shadow.record import shadow_of

PLOTS: Final = ("roc", "precision_recall", "gain", "errors", "reliability", "importance", "shap")


class Before(NamedTuple):
    """The version before one, by number."""

    version: int
    rules: Sequence[Mapping[str, Any]] | None
    """Of its verdict; None where its files are not the registered ones."""


@dataclass(frozen=True)
class Facts:
    """Of one version."""

    pipeline: str
    model: str
    version: Version
    params: Mapping[str, str]
    every_decision: Sequence[Mapping[str, Any]]
    """On the model, oldest first."""
    configuration: Mapping[str, Any] | None
    """The pipeline's file as the training had it; None for a version of a release that did not record it."""
    environment: Mapping[str, str]
    """Code and libraries of the training, by name."""
    before: Before | None = None
    shadow: Mapping[str, Any] | None = None
    """What `shadow_of` tells; None if it was never in shadow, and none was asked of it."""

    @classmethod
    def of(cls, registry: Registry, ledger: Ledger, pipeline: str, model: str, number: int) -> Self:
        """Read them.

        Raises:
            UsageError: there is no such version.
            DataError: its files are missing or are not the registered ones.
        """
        version = registry.version(f"{pipeline}.{model}", number)
        decided = ledger.decisions(pipeline, model)
        origin = origin_of(ledger, version.tags.get("run_id", ""))
        configuration, environment = (origin.configuration, origin.environment) if origin else (None, {})
        beside = _before(registry, version), shadow_of(ledger, pipeline, model, number)
        return cls(pipeline, model, version, registry.params(version), decided, configuration, environment, *beside)

    def file(self, name: str) -> Any:
        """A JSON file of the version; None if it was made without."""
        return self.version.read_json(name) if name in self.version.manifest else None

    @property
    def decisions(self) -> list[Mapping[str, Any]]:
        """On this version, oldest first."""
        return [one for one in self.every_decision if one["version"] == self.version.version]

    @property
    def newest_night(self) -> date:
        """For which something was decided."""
        return max((one["night"] for one in self.every_decision), default=date.min)

    @cached_property
    def verdict(self) -> Mapping[str, Any]:
        """The gate's, as it was registered."""
        found: Mapping[str, Any] = self.version.read_json("verdict.json")
        return found

    @property
    def evidence(self) -> str:
        """The sha256 of the verdict: what an approval names."""
        return self.version.manifest["verdict.json"]

    @property
    def purpose(self) -> Mapping[str, Any]:
        """What the predictions are for and what their errors cost, as the file of then says; empty where that is not on record."""
        return (self.configuration or {}).get("purpose") or {}

    @property
    def spec(self) -> Mapping[str, Any]:
        """The model's section of the file of then; empty where that is not on record."""
        found: Mapping[str, Any] = (self.configuration or {}).get("models", {}).get(self.model, {})
        return found

    def rule(self, name: str) -> Mapping[str, Any] | None:
        """One of the verdict's rules."""
        return next((one for one in self.verdict["rules"] if one["name"] == name), None)

    @property
    def loss(self) -> str:
        """What its training minimised."""
        if "log_loss" in self.verdict["evaluation"]["metrics"]:
            return "log_loss"
        return "mae" if self.spec.get("error") == "absolute" else "rmse"

    def plots(self) -> dict[str, str]:
        """Each registered plot as base64 of its PNG."""
        wanted = [
            *PLOTS,
            *sorted(name.removesuffix(".png") for name in self.version.manifest if name.startswith(("fairness", "stress")) and name.endswith(".png")),
        ]
        return {name: base64.b64encode(self.version.read(f"{name}.png")).decode() for name in wanted if f"{name}.png" in self.version.manifest}


def _before(registry: Registry, version: Version) -> Before | None:
    number = max((one.version for one in registry.versions(version.name) if one.version < version.version), default=None)
    if number is None:
        return None
    try:
        return Before(number, registry.version(version.name, number).read_json("verdict.json")["rules"])
    except DataError:  # the card is of another version, whose files are whole
        return Before(number, None)
