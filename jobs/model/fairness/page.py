"""The section of a version's page that tells how groups fare."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from jobs.model.fairness import told
from jobs.model.fairness.files import FILE
from jobs.model.pages.looks import environment

WORTH: Final = {
    "cost": ("cost of errors per row", "%.4f", 1),
    "precision": (told.RATES["precision"], "%.1f %%", 100),
    "recall": (told.RATES["true_positive_rate"], "%.1f %%", 100),
}
"""Of a variant: in words, how it is written, and times what."""


def part(files: Mapping[str, bytes]) -> Markup:
    """The section, out of the version's files; nothing where no fairness was declared."""
    if FILE not in files:
        return Markup()
    fairness, looks = json.loads(files[FILE]), environment("jobs.model.fairness")
    plots = {name.removeprefix("fairness_").removesuffix(".png"): base64.b64encode(files[name]).decode() for name in files if is_plot(name)}
    shown = {"told": told, "worth": {fairness["loss"]: (fairness["loss"], "%.4f", 1), **WORTH}}
    # Rendered by a template that escapes: what a pipeline says is text in it already.
    return Markup(looks.get_template("fairness.html").render(**fairness, fairness=fairness, plots=plots, **shown))  # noqa: S704


def is_plot(name: str) -> bool:
    """Whether a file is shown here, and so not among the other plots."""
    return name.startswith("fairness_") and name.endswith(".png")
