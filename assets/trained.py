"""What a trained version shows where the work happened: its verdict rule by rule, its numbers with intervals, its curves."""

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from assets.translation import Metadata, table
from jobs.errors import DataError
from jobs.results import StepResult
from jobs.settings import Settings

if TYPE_CHECKING:
    from jobs.model.registry.version import Version

PLOTS: Final = ("roc", "precision_recall", "gain", "errors", "reliability", "importance", "shap")
NO_CHAMPION: Final = "none"


def trained_metadata(settings: Settings, model: str, result: StepResult) -> tuple[Metadata, str]:
    """What to show of the version, and the champion's digest now.

    Args:
        settings: name the registry.
        model: `<pipeline>.<model>`.
        result: of the step `model`.
    """
    # A code location that loads should not wait for MLflow, XGBoost and pandas.
    from jobs.model.card.kept import card_of
    from jobs.model.registry.champion import registry_of
    from jobs.model.registry.registry import CHAMPION
    from jobs.model.registry.reign import how_to_approve, waits

    registry, detail = registry_of(settings), result.nights[0].detail
    champion = next((one for one in registry.versions(model) if CHAMPION in one.aliases), None)
    version = registry.version(model, int(detail["version"]))
    shown: Metadata = {
        "verdict": dg.MetadataValue.md(f"**{detail['verdict']}** {detail['sentence']}"),
        "champion": dg.MetadataValue.text(f"v{champion.version}" if champion else NO_CHAMPION),
        "as of": dg.MetadataValue.text(version.tags.get("as_of", str(result.nights[0].night))),
        "segments": dg.MetadataValue.md(table(["segment", "nights"], [[name, span] for name, span in version.spans.items()])),
        "MLflow run": dg.MetadataValue.text(version.run_id),
        "card": dg.MetadataValue.path(card_of(settings, model, version.version)),
    }
    if found := detail.get("waiting"):
        shown["waiting"] = dg.MetadataValue.md(f"{waits(found)}: `{how_to_approve(model, found)}`")
    return {**shown, **dict(_from_files(version))}, champion.digest if champion else NO_CHAMPION


def _from_files(version: "Version") -> Iterator[tuple[str, dg.MetadataValue[Any]]]:
    """Of the files that the version has: one refused before it was measured has no evaluation and no curves."""
    rules = version.read_json("verdict.json")["rules"]
    yield "rules", dg.MetadataValue.md(table(["rule", "says", "because"], [[rule["name"], rule["outcome"], rule["sentence"]] for rule in rules]))
    try:
        evaluation = version.read_json("evaluation.json")
    except DataError:
        return
    yield "metrics", dg.MetadataValue.md(metrics_table(evaluation["metrics"]))
    yield "baselines", dg.MetadataValue.md("\n\n".join(f"**{name}**\n\n{metrics_table(metrics)}" for name, metrics in evaluation["baselines"].items()))
    for plot in (name for name in PLOTS if f"{name}.png" in version.manifest):
        picture = base64.b64encode(version.read(f"{plot}.png")).decode()
        yield plot.replace("_", " "), dg.MetadataValue.md(f"![{plot}](data:image/png;base64,{picture})")


def metrics_table(metrics: Mapping[str, Mapping[str, float | None]]) -> str:
    """Each metric with its interval."""
    return table(["metric", "value", "95 % interval"], [[name, _number(given["value"]), _interval(given)] for name, given in metrics.items()])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _interval(given: Mapping[str, float | None]) -> str:
    low, high = given["low"], given["high"]
    return "" if low is None or high is None else f"{_number(low)} to {_number(high)}"
