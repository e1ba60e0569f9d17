"""A pipeline's features as Spark SQL: named queries, each over the ones before it."""

from collections.abc import Iterator
from datetime import date, timedelta

import holidays

from jobs.config.features import Calendar, Latest, Lookup
from jobs.config.pipeline import Pipeline
from jobs.features.history import aggregated, joined_on, past, picked
from jobs.features.knowledge import KNOWN_UNTIL, counts_on, known

HOLIDAY_HORIZON = 14


def compiled(pipeline: Pipeline, first: date, last: date) -> dict[str, str]:
    """View name → query, in order; the last is `features_`.

    They read the views `validated_<feed>`, `deliveries_<feed>` and `coverage_`, and are correct however much the former hold:
    what becomes known after a night has no part in that night's row.
    """
    queries = {f"known_{feed}": known(feed, pipeline) for feed in pipeline.features.feeds}
    queries["rows_"] = _rows(pipeline, first, last)
    queries |= {f"past_{feed}": past(feed, pipeline) for feed in pipeline.features.history}
    queries |= {f"history_{feed}": aggregated(feed, pipeline, first, last) for feed in pipeline.features.history}
    queries |= {f"latest_{feed}": _latest(feed, latest, pipeline, first, last) for feed, latest in pipeline.features.latest.items()}
    queries["features_"] = _joined(pipeline, first, last)
    return queries


def as_one_query(queries: dict[str, str]) -> str:
    """The same as one statement, to read or to run by hand."""
    *parts, final = queries.items()
    common = ",\n".join(f"{name} AS (\n{query}\n)" for name, query in parts)
    return f"WITH {common}\n{final[1]}"


def coverage_columns(pipeline: Pipeline) -> list[str]:
    """Per feed with a window: the share of its nights that were delivered."""
    return [f"{feed}_coverage" for feed in dict.fromkeys([*pipeline.features.latest, *pipeline.features.history])]


def _rows(pipeline: Pipeline, first: date, last: date) -> str:
    features, feed = pipeline.features, pipeline.rows
    night = f"date_add({feed.event_day}, {feed.lag})"
    computed = [f"{text} AS {name}" for name, text in features.columns.items()]
    columns = ", ".join(["*", *computed, f"{night} AS night_"])
    return f"""SELECT * EXCEPT (night, night_), night_ AS night FROM (SELECT {columns} FROM known_{features.rows})
WHERE night_ BETWEEN DATE'{first}' AND DATE'{last}' AND {counts_on("night_", "x").replace("x.", "")}"""


def _latest(feed: str, latest: Latest, pipeline: Pipeline, first: date, last: date) -> str:
    """The newest row of each event day, shown to every night that may still use it; then the newest of those."""
    lag, day = pipeline.feeds[feed].lag, pipeline.feeds[feed].event_day
    by = ", ".join(latest.by)
    groups, grouping = (f"{by}, ", f"GROUP BY {by}, ") if by else ("", "GROUP BY ")
    order = f"struct({latest.order}, night, generation, row)"
    start = f"greatest(known_from, date_add({day}, {lag}), DATE'{first}')"
    end = f"least(date_sub({KNOWN_UNTIL}, 1), date_add({day}, {lag + latest.max_age_days - 1}), DATE'{last}')"
    daily = f"""SELECT {groups}known_from, {KNOWN_UNTIL}, {day}, max({order}) AS order_, max_by(struct({", ".join(latest.take)}), {order}) AS newest_
  FROM known_{feed} {grouping}known_from, {KNOWN_UNTIL}, {day}"""
    shown = f"SELECT *, explode(CASE WHEN {start} <= {end} THEN sequence({start}, {end}) END) AS at_ FROM ({daily})"
    return f"SELECT {groups}at_ AS night, max_by(newest_, order_) AS newest_ FROM ({shown}) {grouping}at_"


def _joined(pipeline: Pipeline, first: date, last: date) -> str:
    features = pipeline.features
    keys = [f"r.{name}" for name in pipeline.rows.key]
    own = [f"r.{name}" for name in [*features.take, *features.columns] if name not in pipeline.rows.key]
    calendar = list(_calendar(features.calendar, first, last)) if features.calendar else []
    looked_up = [f"l_{feed}.{name} AS {feed}_{name}" for feed, one in features.lookup.items() for name in one.take]
    newest = [f"n_{feed}.newest_.{name} AS {feed}_{name}" for feed, one in features.latest.items() for name in one.take]
    history = [name for feed, one in features.history.items() for name in picked(feed, one)]
    columns = [*keys, "r.night", *own, *calendar, *looked_up, *newest, *history, *coverage_columns(pipeline)]
    joins = "\n".join([*_joins(pipeline), "LEFT JOIN coverage_ c ON c.night = r.night"])
    return f"SELECT {', '.join(columns)}\nFROM rows_ r\n{joins}"


def _joins(pipeline: Pipeline) -> Iterator[str]:
    features = pipeline.features
    for feed, lookup in features.lookup.items():
        yield f"LEFT JOIN known_{feed} l_{feed} ON {_on(lookup, feed)} AND {counts_on('r.night', f'l_{feed}')}"
    for feed, latest in features.latest.items():
        yield f"LEFT JOIN latest_{feed} n_{feed} ON {_same(f'n_{feed}', latest.by)}"
    for feed, history in features.history.items():
        for alias, condition in joined_on(feed, history):
            yield f"LEFT JOIN history_{feed} {alias} ON {condition}"


def _on(lookup: Lookup, feed: str) -> str:
    return " AND ".join(f"r.{ours} = l_{feed}.{theirs}" for ours, theirs in lookup.on.items())


def _same(view: str, by: list[str]) -> str:
    return " AND ".join([f"r.night = {view}.night", *[f"r.{name} <=> {view}.{name}" for name in by]])


def _calendar(calendar: Calendar, first: date, last: date) -> Iterator[str]:
    margin = timedelta(days=400)
    days = holidays.country_holidays(calendar.holidays, years=range((first - margin).year, (last + margin).year + 1))
    near = sorted(day for day in days if first - margin <= day <= last + margin)
    dates = ", ".join(f"DATE'{one}'" for one in near)
    known_days, day = f"array({dates})", f"r.{calendar.day}"
    ahead = f"transform(filter({known_days}, h -> h >= {day}), h -> datediff(h, {day}))"
    behind = f"transform(filter({known_days}, h -> h <= {day}), h -> datediff({day}, h))"
    yield f"array_contains({known_days}, {day}) AS holiday"
    yield f"least(coalesce(array_min({ahead}), {HOLIDAY_HORIZON}), {HOLIDAY_HORIZON}) AS days_to_holiday"
    yield f"least(coalesce(array_min({behind}), {HOLIDAY_HORIZON}), {HOLIDAY_HORIZON}) AS days_since_holiday"
