"""The answer to why, for people: as lines, and as a page without outside parts that one shows to whom it concerns."""

import json
import math
import re
from hashlib import sha256
from importlib.resources import files as resources
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from jobs.lineage.answer import Reason, Why, percent
from jobs.lineage.values import Delivered
from jobs.model.registry.reign import act_in_words
from jobs.nights import in_words

ROOMS: Final = {"why.html": "jobs.lineage", "base.html": "jobs.report", "style.css": "jobs.report"}
NAME: Final = 80
"""Characters of a page's name that come from the row's key."""


def lines(found: Why) -> list[str]:
    """The answer, a line for each part."""
    width = max(len(one.feature) for one in found.reasons)
    reasons = [f"  {one.effect:+.4f}  {one.feature:<{width}}  {'missing' if one.value is None else one.value}" for one in found.first]
    version = found.standing
    return [
        f"{found.model}, night {found.night}: {found.row}",
        f"  {found.answer}",
        f"  {found.base:+.4f}  where the trees start: a score of {found.start:.4f}",
        *reasons,
        f"  {found.others:+.4f}  the other {len(found.reasons) - len(found.first)} features together",
        f"  {found.margin:+.4f}  {'log odds' if found.kind == 'binary' else found.label}{_after(found)}",
        *[f"  from  {one.feed}: {_looked_at(one.deliveries)}" for one in found.origins],
        f"  by    v{version.version}, digest {version.digest[:12]}, as of {version.as_of}; {version.verdict}: {version.sentence}",
        *[f"  {act_in_words(one.act)} {one.at} UTC by {one.by}: {one.reason}" for one in found.decisions],
        f"  {found.published}",
        f"  run   {found.run['run_id']}",
        *[f"  since {one}" for one in found.since],
    ]


def write_page(found: Why, folder: Path) -> Path:
    """The page, named by night, key and generation.

    Args:
        found: what it says.
        folder: where the pages of the model's answers lie.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Keys are data: what is no plain letter does not reach a file's name, and two keys never share one.
    readable = re.sub(r"[^A-Za-z0-9]+", "-", "_".join(found.key.values()))[:NAME]
    exact = sha256(json.dumps([*found.key.items()]).encode()).hexdigest()[:16]
    path = folder / f"{found.night}_{readable}_{exact}_g{found.generation}.html"
    path.write_bytes(page(found))
    return path


def page(found: Why) -> bytes:
    """The page as HTML."""
    loader = FunctionLoader(lambda name: resources(ROOMS[name]).joinpath(name).read_text(encoding="utf-8"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader)
    environment.filters |= {
        "effect": lambda given: _effect(given, found.kind),
        "score": lambda given: percent(given, found.threshold) if found.kind == "binary" else f"{given:.6g}",
        "nights": _looked_at,
        "short": _short,
        "in_words": act_in_words,
        "first": _first,
        "rest": lambda told: told.removeprefix(_first(told)).strip(),
    }
    largest = max([abs(one.effect) for one in found.first] + [abs(found.others)]) or 1.0
    digest = sha256(repr(found).encode()).hexdigest()[:16]
    return environment.get_template("why.html").render(found=found, digest=digest, bars=_bars(found, largest), after=_after(found)).encode()


def _bars(found: Why, largest: float) -> list[dict[str, Any]]:
    """A bar for each reason and one for all others: where it begins and how long it is, in hundredths of the width."""
    rest = len(found.reasons) - len(found.first)
    others = [Reason(f"the other {rest} features together", "", found.others, "", ())] if rest else []
    return [
        {"reason": one, "left": 50 - 50 * max(-one.effect, 0) / largest, "width": 50 * abs(one.effect) / largest, "up": one.effect > 0}
        for one in [*found.first, *others]
    ]


def _effect(given: float, kind: str) -> str:
    """Log odds as what they do to the odds, which people bet by; a quantity as it is."""
    return f"odds × {math.exp(given):.2f}" if kind == "binary" else f"{given:+.4g}"


def _short(given: str | None) -> str:
    """A value for people: no more digits than say something."""
    if given is None:
        return "missing"
    return f"{float(given):.6g}" if re.fullmatch(r"-?\d+\.\d{4,}(E-?\d+)?", given) else given


def _first(told: str) -> str:
    """The first sentence of several."""
    return told[: end.start() + 1] if (end := re.search(r"\. (?=[A-Z])", told)) else told


def _after(found: Why) -> str:
    maps = f", then {' and '.join(found.maps)}" if found.maps else ""
    return f"{maps}: a score of {found.score:.4f}"


def _looked_at(deliveries: tuple[Delivered, ...]) -> str:
    """`28 deliveries, of 2013-04-19 to 2013-05-16 (g1)`."""
    by = groupby(sorted(deliveries, key=lambda one: one.generation), key=lambda one: one.generation)
    told = [f"{in_words(one.night for one in some)} (g{number})" for number, some in by]
    return f"{len(deliveries)} {'delivery' if len(deliveries) == 1 else 'deliveries'}, of {'; '.join(told)}" if told else "no delivery was known"
