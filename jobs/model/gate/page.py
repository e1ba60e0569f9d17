"""The verdict as one HTML page without outside parts: for the reviewer who asks why."""

import base64
import json
from collections.abc import Mapping
from importlib.resources import files as resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from jobs.model.fairness import page as fairness
from jobs.model.gate.verdict import Verdict
from jobs.model.registry.version import sha256
from jobs.model.segments import Span
from jobs.model.stress.page import PLOT, part


def page(verdict: Verdict, *, spans: Mapping[str, Span], files: Mapping[str, bytes]) -> bytes:
    """The page of one version.

    Args:
        verdict: what the gate says.
        spans: the version's segments.
        files: the version's others: `slices.json`, `population.json` and the plots are shown, where they are, how groups fare and what stress did.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["estimate"] = _estimate
    template = environment.from_string(resources("jobs.model.gate").joinpath("verdict.html").read_text(encoding="utf-8"))
    shown = {name: content for name, content in files.items() if name.endswith(".png") and name != PLOT and not fairness.is_plot(name)}
    plots = {name: base64.b64encode(content).decode() for name, content in shown.items()}
    judged = {"verdict": verdict, "evaluation": verdict.evaluation, "champion": verdict.champion, "digest": sha256(verdict.to_json().encode())}
    listed = {name: json.loads(files.get(f"{name}.json", b"[]")) for name in ("slices", "population")}
    return template.render(spans=spans, plots=plots, stress=part(files), fairness=fairness.part(files), **judged, **listed).encode()


def _estimate(given: Mapping[str, Any] | None) -> str:
    """`0.6912 [0.6710, 0.7105]`."""
    if given is None:
        return "–"
    value, low, high = given["value"], given["low"], given["high"]
    return f"{value:.4f}" if low is None or high is None else f"{value:.4f} [{low:.4f}, {high:.4f}]"
