"""How the pages call things and write numbers; every colour has a word or a mark beside it."""

from collections.abc import Mapping
from typing import Any, Final

from jobs.model.evaluation.evaluation import Estimate
from jobs.nights import in_words

NOT_MEASURED: Final = "not measured"
WORDS: Final[Mapping[str, Any]] = {
    "marks": {
        "ok": ("✓", "OK", "green"),
        "look": ("!", "LOOK", "green, with something to look at"),
        "red": ("✗", "RED", "red"),
        "part": ("–", "PART", "features alone, or not published by every model"),
        "none": ("·", "NONE", "nothing on record"),
    },
    "states": {"steady": ("ok", "="), "watch": ("look", "~"), "drifted": ("red", "▲")},
    "severities": {"info": "part", "warning": "look", "critical": "red"},
    "arrivals": {
        "delivered": "ok",
        "late": "look",
        "corrected": "look",
        "absent": "look",
        "red": "red",
        "not begun": "part",
        "not recorded": "part",
    },
    "acts": {"retrain": ("look", "retrain"), "held_back": ("look", "held back"), "none": ("part", "no retraining")},
    "compared": {"training": "the rows it was trained on", "trailing": "the nights before", "season": "the same nights a year ago"},
}
"""By what it is: the class that gives the colour, the mark and the word."""


def count(given: float | None) -> str:
    """`1,803`."""
    return NOT_MEASURED if given is None else f"{int(given):,}"


def share(given: float | None) -> str:
    """`12 %`, `0.4 %`."""
    if given is None:
        return NOT_MEASURED
    if 0 < given < 0.0005:
        return "< 0.1 %"
    return f"{100 * given:.1f} %" if 0 < given < 0.01 or 0.99 < given < 1 else f"{100 * given:.0f} %"


def number(given: float | None) -> str:
    """`0.426`, `26.2`."""
    return NOT_MEASURED if given is None else f"{given:.{_decimals(given)}f}"


def estimate(given: Estimate | None) -> str:
    """`0.553 [0.482, 0.640]`."""
    if given is None:
        return NOT_MEASURED
    digits = _decimals(given.value)
    ends = "" if given.low is None or given.high is None else f" [{given.low:.{digits}f}, {given.high:.{digits}f}]"
    return f"{given.value:.{digits}f}{ends}"


def _decimals(given: float) -> int:
    return 3 if abs(given) < 10 else 1


FILTERS: Final = {"count": count, "share": share, "number": number, "estimate": estimate, "nights": in_words}
