"""Pages as HTML without outside parts: for the person on call, on whatever screen is at hand."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from functools import cache
from importlib.resources import files as resources
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined

from jobs.report import plots
from jobs.report.drifted import drift_rows, farthest
from jobs.report.heat import heat, legend
from jobs.report.index import ROWS, Course, Index
from jobs.report.night import Night
from jobs.report.records import Records
from jobs.report.scoring import standing_of
from jobs.report.weeks import Week, weeks
from jobs.report.wording import FILTERS, WORDS
from jobs.work import fingerprint


def digest_of(view: Night | Index) -> str:
    """Changes with whatever the page says, and with how it looks."""
    return fingerprint(asdict(view), _looks())


def night_page(view: Night, records: Records) -> bytes:
    """The page of one night.

    Args:
        view: what the ledger says of it.
        records: what the ledger has.
    """
    return _rendered("night.html", view, tables={model: _tables(records, model, view.night) for model in records.pipeline.models})


def index_page(view: Index, records: Records) -> bytes:
    """The page of all nights.

    Args:
        view: what the ledger says of them.
        records: what the ledger has.
    """
    weekly = {course.model: weeks(records.facts[course.model], since=min(view.nights, default=date.min)) for course in view.courses}
    return _rendered(
        "index.html",
        view,
        weekly=weekly,
        plots={course.model: [*_plots(course, weekly[course.model])] for course in view.courses},
        heats={course.model: heat(_drift(records, course.model, view.nights), view.nights) for course in view.courses},
        legend=legend(),
        ticks=_ticks(view.nights),
        volumes=[(name, plots.by_night(dict(values), view.red, share=name != ROWS)) for name, values in view.volumes if values],
    )


def _tables(records: Records, model: str, night: date) -> dict[str, Any]:
    standing = standing_of(records, model, night)
    worth = {"known": standing.known(), "lately": standing.lately(), "parts": standing.parts(), "expected": standing.expected()}
    return {**worth, "drift": farthest(_drift(records, model, [night]))}


def _drift(records: Records, model: str, nights: Sequence[date]) -> pd.DataFrame:
    return drift_rows(records.current[f"{model}/drift_report"], nights)


def _plots(course: Course, weekly: Sequence[Week]) -> Iterator[tuple[str, str]]:
    for metric in course.metrics:
        if any({*week.realised, *week.estimated} & {metric} for week in weekly):
            yield metric, plots.metric_by_week(weekly, metric, course.changes, with_constant=metric == course.metrics[0])


def _ticks(nights: Sequence[date]) -> list[tuple[str, float]]:
    """Where the months begin, in hundredths of the width; some are left out where they would run into each other."""
    first = [(f"{night:%Y-%m}", 100 * place / len(nights)) for place, night in enumerate(nights) if night.day == 1]
    return first[:: max(len(first) // 6, 1)]


def _rendered(name: str, view: Night | Index, **more: Any) -> bytes:
    return _environment().get_template(name).render(view=view, digest=digest_of(view), **more).encode()


@cache
def _environment() -> Environment:
    loader = FunctionLoader(lambda name: resources("jobs.report").joinpath(name).read_text(encoding="utf-8"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader)
    environment.filters |= FILTERS
    environment.globals |= WORDS
    return environment


@cache
def _looks() -> str:
    """Another release may say the same in another way."""
    parts = sorted((part for part in resources("jobs.report").iterdir() if part.is_file()), key=lambda part: part.name)
    return fingerprint([part.read_text(encoding="utf-8") for part in parts])
