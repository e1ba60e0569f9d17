"""The section of a version's page that tells how groups fare."""

import base64
import json
from collections.abc import Mapping
from importlib.resources import files as resources
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jobs.model.fairness.files import FILE

RATES: Final = {
    "base_rate": "was so",
    "selection_rate": "predicted",
    "true_positive_rate": "found of what was so",
    "false_positive_rate": "false alarms of what was not",
    "precision": "right of the predicted",
}
MEASURES: Final = {
    "demographic_parity": ("demographic parity", "share of rows that are predicted"),
    "equal_opportunity": ("equal opportunity", "share found of what was so"),
    "equalized_odds": ("equalized odds", "the same, or share of false alarms of what was not, whichever is farther apart"),
    "predictive_parity": ("predictive parity", "share of the predicted that were so"),
}


def part(files: Mapping[str, bytes]) -> Markup:
    """The section, out of the version's files; nothing where no fairness was declared."""
    if FILE not in files:
        return Markup()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"share": _share, "points": _points, "difference": _difference}
    template = environment.from_string(resources("jobs.model.fairness").joinpath("fairness.html").read_text(encoding="utf-8"))
    plots = {name.removeprefix("fairness_").removesuffix(".png"): base64.b64encode(files[name]).decode() for name in files if is_plot(name)}
    # Rendered by a template that escapes: what a pipeline says is text in it already.
    return Markup(template.render(**json.loads(files[FILE]), plots=plots, measures=MEASURES, rates=RATES))  # noqa: S704


def is_plot(name: str) -> bool:
    """Whether a file is shown here, and so not among the other plots."""
    return name.startswith("fairness_") and name.endswith(".png")


def _share(given: Mapping[str, Any] | None) -> str:
    """`41.2 % [38.0, 44.1]`."""
    if given is None:
        return "–"
    value, low, high = (None if given[name] is None else round(100 * given[name], 1) + 0.0 for name in ("value", "low", "high"))
    return f"{value:.1f} %" if low is None or high is None else f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _points(given: Mapping[str, Any] | None) -> str:
    """`26.9 points [23.5, 30.4]`, of percent."""
    return _share(given).replace(" %", " points")


def _difference(given: Mapping[str, Any] | None) -> str:
    """`+0.0040 [+0.0010, +0.0070]`."""
    if given is None:
        return "–"
    # Nothing less nothing may be −0.
    value, low, high = (None if given[name] is None else round(given[name], 4) + 0.0 for name in ("value", "low", "high"))
    return f"{value:+.4f}" if low is None or high is None else f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
