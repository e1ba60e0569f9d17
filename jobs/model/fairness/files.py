"""What is kept of a version's fairness: `fairness.json`, and a plot for each attribute."""

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jobs.features.sources import of_the_past
from jobs.model.artifact import Artifact
from jobs.model.evaluation.plots import GREY, INK, png
from jobs.model.fairness.examined import Examined
from jobs.model.fairness.rates import RateName
from jobs.model.fairness.shares import shares
from jobs.model.fairness.told import RATES
from jobs.model.fairness.trials import Trials
from jobs.model.gate.case import Case
from jobs.model.material import Material

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE: Final = "fairness.json"
DRAWN: Final[Mapping[RateName, str]] = {"selection_rate": INK, "true_positive_rate": "#1b6e3c", "false_positive_rate": "#a3241d", "precision": GREY}


def fairness_files(material: Material, case: Case, artifact: Artifact) -> dict[str, bytes]:
    """Files of a version, by name; none where the file declares no fairness.

    Args:
        material: what the version was made from, with its parameters; other variants are trained from it.
        case: what the gate was given, its decisions examined.
        artifact: the version.

    Returns:
        `fairness.json`: `min_rows`, `limits`, `mitigate`, `thresholds` (by group, if the version has some) and `attributes`, each with its
        `past` (how many features are the past of rows with the same value),
        `groups`, `measures`, `shares`, `variants` and the `problem` that leaves nothing to compare; `fairness_<attribute>.png`.
    """
    fairness = case.fairness
    if fairness is None or case.decision is None:
        return {}
    trials, by_group = Trials(material, case, artifact, fairness), artifact.learned.by_group
    told = {
        "min_rows": fairness.min_rows,
        "limits": dict(fairness.limits),
        "mitigate": fairness.mitigate and fairness.mitigate.model_dump(mode="json"),
        "thresholds": by_group and {**by_group.to_plain(), "general": case.decision.threshold},
        "rows": len(case.holdout),
        "nights": len(case.nights),
        "loss": case.loss,
        "attributes": [_told(material, case, artifact, trials, one) for one in case.groups.values()],
    }
    drawn = {f"fairness_{name}.png": png(f"{case.model} by {name}", partial(_rates, one)) for name, one in case.groups.items() if one.gaps}
    return {FILE: json.dumps(told, allow_nan=False).encode(), **drawn}


def _told(material: Material, case: Case, artifact: Artifact, trials: Trials, examined: Examined) -> dict[str, Any]:
    name, rows, spans, fairness = examined.attribute, material.rows, material.spans, trials.fairness
    trained, scored = rows.labelled(spans["train"]), rows.scored(spans["holdout"])
    beside = trials.beside(name) if examined.gaps else ()
    return {
        **examined.to_dict(),
        "is_learned": name in fairness.learn_from,
        "past": len(of_the_past(material.pipeline, name) & {*artifact.learned.names}),
        "shares": [one.to_dict() for one in shares(trained, scored, name, min_rows=fairness.min_rows, seed=case.seed)],
        "variants": [one.to_dict() for one in beside],
    }


def _rates(examined: Examined, axes: "Axes") -> None:
    groups = [one for one in examined.groups if not one.is_small]
    for number, (rate, color) in enumerate(DRAWN.items()):
        found = [(place, one.rates[rate]) for place, one in enumerate(groups)]
        some = [(place, one) for place, one in found if one is not None]
        at = np.array([place for place, _ in some]) + 0.16 * (number - 1.5)
        values = np.array([one.value for _, one in some])
        ends = np.array([(one.value if one.low is None else one.low, one.value if one.high is None else one.high) for _, one in some]).reshape(-1, 2).T
        whiskers = np.maximum([values - ends[0], ends[1] - values], 0)
        axes.errorbar(values, at, xerr=whiskers, color=color, marker="o", markersize=4, capsize=3, linestyle="none", label=RATES[rate])
    for place in range(0, len(groups), 2):  # which marks are of which group
        axes.axhspan(place - 0.5, place + 0.5, color=GREY, alpha=0.12, linewidth=0)
    axes.set_yticks(range(len(groups)), [f"{one.name} ({one.rows} rows)" for one in groups])
    axes.set(xlabel="share of rows, with 95 % over nights", xlim=(0, 1), ylim=(len(groups) - 0.5, -0.5))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False, fontsize=8)
