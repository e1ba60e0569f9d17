"""How the pages of a version look and how they write numbers: its verdict's page and its card."""

import re
from collections.abc import Mapping
from importlib.resources import files as resources
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

ROOMS: Final = {"base.html": "jobs.report", "style.css": "jobs.report", "version.css": "jobs.model.pages"}
NOTHING: Final = "–"
CODE: Final = re.compile(r"`([^`]+)`")
CAPTIONS: Final = {
    "roc": "At every threshold: how much of the really so is found, against false alarms. On the dashed line the scores would say nothing.",
    "precision_recall": "At every threshold: how many of the predictions are right, against how much of the really so is found.",
    "reliability": "Whether the scores can be taken at their word: on the dashed line, labels are on average what the scores said.",
    "gain": "If so many rows can be acted on, those with the highest scores first: how much of the really so is found.",
    "errors": "By how much the scores are off.",
    "importance": "By how much the loss rises when the values of a feature are shuffled.",
    "shap": "How far each feature moves the scores, on average.",
    "dependence": "How the values of one feature move the score.",
    "fairness": "How the groups fare, with 95 % intervals over nights.",
    "stress": "By how much the loss rises under some of the worst stresses of each kind.",
}


def environment(package: str, *, autoescape: bool = True) -> Environment:
    """Templates of `package`, with the style that all pages have.

    Args:
        package: where the templates lie that are of no other room.
        autoescape: off for Markdown alone.
    """
    loader = FunctionLoader(lambda name: resources(ROOMS.get(name, package)).joinpath(name).read_text(encoding="utf-8"))
    # Without escaping is Markdown alone, whose raw HTML is off.
    found = Environment(autoescape=autoescape, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    found.filters |= {"estimate": estimate, "share": share, "points": points, "difference": difference, "coded": coded, "caption": caption}
    return found


def coded(text: object) -> Markup:
    """Text for HTML: whatever it holds is escaped, and what stands between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def caption(plot: str) -> str:
    """What a plot shows, by the name of its file."""
    return next((told for name, told in CAPTIONS.items() if plot.startswith(name)), "")


def estimate(given: Mapping[str, Any] | None) -> str:
    """`0.6912 [0.6710, 0.7105]`."""
    return _written(given, ".4f")


def difference(given: Mapping[str, Any] | None) -> str:
    """`+0.0040 [+0.0010, +0.0070]`."""
    return _written(given, "+.4f")


def share(given: Mapping[str, Any] | None) -> str:
    """`41.2 % [38.0, 44.1]`."""
    return _written(given, ".1f", unit=" %", times=100)


def points(given: Mapping[str, Any] | None, form: str = ".1f") -> str:
    """`26.9 points [23.5, 30.4]`, of percent."""
    return _written(given, form, unit=" points", times=100)


def _written(given: Mapping[str, Any] | None, form: str, *, unit: str = "", times: float = 1) -> str:
    if given is None:
        return NOTHING
    # `z`: nothing less nothing may be −0.
    value, low, high = ("" if given[name] is None else format(times * given[name], form.replace(".", "z.")) for name in ("value", "low", "high"))
    return f"{value}{unit} [{low}, {high}]" if low and high else f"{value}{unit}"
