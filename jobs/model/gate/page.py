"""The verdict as one HTML page without outside parts: for the reviewer who asks why."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from jobs.model.fairness import page as fairness
from jobs.model.fairness.files import FILE
from jobs.model.gate.verdict import Verdict
from jobs.model.gate.worth import worth
from jobs.model.pages.looks import environment
from jobs.model.registry.version import sha256
from jobs.model.segments import Span
from jobs.model.stress.page import PLOT, part

LINKS: Final = Markup("<!-- links -->")
"""Where links to neighbors go, once there are some."""


def page(verdict: Verdict, *, spans: Mapping[str, Span], files: Mapping[str, bytes]) -> bytes:
    """The page of one version.

    Args:
        verdict: what the gate says.
        spans: the version's segments.
        files: the version's others: `slices.json`, `population.json` and the plots are shown, where they are, how groups fare and what stress did.
    """
    shown = {name: content for name, content in files.items() if name.endswith(".png") and name != PLOT and not fairness.is_plot(name)}
    plots = {name: base64.b64encode(content).decode() for name, content in shown.items()}
    judged = {"verdict": verdict, "evaluation": verdict.evaluation, "champion": verdict.champion, "digest": sha256(verdict.to_json().encode())}
    listed = {name: json.loads(files.get(f"{name}.json", b"[]")) for name in ("slices", "population")}
    parts = {"stress": part(files), "fairness": fairness.part(files), "worth": worth(verdict.evaluation)}
    thresholds = json.loads(files.get(FILE, b"{}")).get("thresholds")
    template = environment("jobs.model.gate").get_template("verdict.html")
    return template.render(spans=spans, plots=plots, thresholds=thresholds, links=LINKS, **parts, **judged, **listed).encode()


def linked(page: bytes, links: Mapping[str, str]) -> bytes:
    """The page with links to its neighbors, for where they lie beside each other; a page of an earlier release stays as it is.

    Args:
        page: as it was registered, when its version had no number yet.
        links: words and addresses.
    """
    told = " ".join(f'<a href="{address}">{words}</a>' for words, address in links.items())
    return page.replace(LINKS.encode(), f"<nav>{told}</nav>".encode(), 1)
