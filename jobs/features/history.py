"""Aggregates over the newest event days that each night can know, for any number of nights in one pass.

Each past row is worth its value in the nights from its first knowable night until it leaves the window, is superseded or
replaced. Summed by group, that is +value on the first of these nights and −value on the night after the last; a running
sum over the nights gives every night's aggregate, late and corrected rows included. Sums are of decimals, so a night alone
and a night in a range add up to the same bits; the division comes last.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from jobs.config.features import AGGREGATE, History
from jobs.config.pipeline import Pipeline
from jobs.features.knowledge import KNOWN_FROM, KNOWN_UNTIL

MONEY = "DECIMAL(20, 6)"  # six digits after the point, fourteen before


def past(feed: str, pipeline: Pipeline) -> str:
    """SQL over `known_<feed>` and `known_<rows>`: past rows with their event day, what they are grouped by, and one value and one count per aggregate."""
    spec, history = pipeline.feeds[feed], pipeline.features.history[feed]
    values = [f"{text} AS {name}" for take in history.take for name, text in _values(take, history)]
    columns = [f"p.{spec.event_day} AS event_day_", *_groups(history), *values]
    if _brings_rows(feed, pipeline):
        return _with_rows(feed, pipeline, columns)
    return f"SELECT {', '.join([*columns, f'p.{KNOWN_FROM} AS from_', f'p.{KNOWN_UNTIL} AS until_'])} FROM known_{feed} p"


def _with_rows(feed: str, pipeline: Pipeline, columns: Sequence[str]) -> str:
    """A past row brings along what was known of it when it was scored; both sides' nights must overlap."""
    spec, rows = pipeline.feeds[feed], pipeline.features.rows
    own = {*spec.kept, *spec.derive}
    brought = [name for name in [*pipeline.rows.kept, *pipeline.rows.derive] if name not in own]
    computed = [f"{text} AS {name}" for name, text in pipeline.features.columns.items() if name not in own]
    names = [*brought, *pipeline.features.columns]
    key = " AND ".join(f"p.{name} = r.{name}" for name in spec.key)
    taken = ", ".join(["p.*", "r.rows_from IS NOT NULL AS placed_", *[f"r.{name}" for name in names if name not in own]])
    inner = ", ".join([*spec.key, *brought, *computed, f"{KNOWN_FROM} AS rows_from", f"{KNOWN_UNTIL} AS rows_until"])
    return f"""SELECT {", ".join([*columns, "placed_", "from_", "until_"])}
FROM (SELECT {taken}, greatest(p.{KNOWN_FROM}, r.rows_from) AS from_, least(p.{KNOWN_UNTIL}, r.rows_until) AS until_
      FROM known_{feed} p LEFT JOIN (SELECT {inner} FROM known_{rows}) r ON {key}) p
WHERE until_ IS NULL OR from_ < until_"""


def _values(take: str, history: History) -> Iterator[tuple[str, str]]:
    function, expression = _parsed(history.take[take])
    if function == "count":
        yield f"{take}_c", "1" if expression == "*" else f"CASE WHEN ({expression}) IS NULL THEN 0 ELSE 1 END"
        return
    # A value beyond the decimal counts as missing, in the sum as in the count.
    value = f"try_cast(({expression}) AS {MONEY})"
    yield f"{take}_s", f"coalesce({value}, 0)"
    yield f"{take}_c", f"CASE WHEN {value} IS NULL THEN 0 ELSE 1 END"


def _parsed(text: str) -> tuple[str, str]:
    matched = AGGREGATE.match(text.strip())
    if matched is None:
        msg = f"{text!r} is not an aggregate"
        raise ValueError(msg)
    return matched.group(1), matched.group(2).strip()


def aggregated(feed: str, pipeline: Pipeline, first: date, last: date) -> str:
    """SQL over `past_<feed>` and `rows_`: every window of every aggregate for each list of groups, group and night that a row asks for.

    All lists of groups go through together, told apart by `by_`, each with the other lists' columns set to NULL: one sort
    instead of one for each list. Rows that ask for the same are answered once; `joined_on` gives each row its answers.
    """
    history, lag = pipeline.features.history[feed], pipeline.feeds[feed].lag
    names = [name for take in history.take for name, _ in _values(take, history)]
    windows, groups = sorted(history.windows), _groups(history)
    masked = [f"{_mask(name, history)} AS g_{name}" for name in groups]
    group = ", ".join(["by_", *[f"g_{name}" for name in groups]])
    lists = f"explode(sequence(0, {len(history.by) - 1})) AS by_"
    oldest = f"DATE'{first}' - {lag + windows[-1] - 1}"
    daily = f"""SELECT {group}, event_day_, from_, until_, {", ".join(f"sum({name}) AS {name}" for name in names)}
  FROM (SELECT {", ".join(["*", *masked])} FROM (SELECT *, {lists} FROM past_{feed}
        WHERE from_ <= DATE'{last}' AND event_day_ BETWEEN {oldest} AND DATE'{last}' - {lag}){_placed(feed, pipeline)})
  GROUP BY {group}, event_day_, from_, until_"""
    starts = f"greatest(from_, date_add(event_day_, {lag}), DATE'{first}')"
    ends = ", ".join(f"least(until_, date_add(event_day_, {lag + w})) AS end_{w}" for w in windows)
    changes = ", ".join(["struct(0 AS w, start_ AS at)", *[f"struct({w} AS w, end_{w} AS at)" for w in windows]])
    return f"""SELECT {group}, at_ AS night, {", ".join(_features(history))} FROM (
 SELECT {group}, at_, asked_, {", ".join(_running(group, names, windows))} FROM (
  SELECT {group}, c.at AS at_, false AS asked_, {", ".join(_deltas(names, windows))}
  FROM (SELECT *, explode(array({changes})) AS c FROM (SELECT *, {starts} AS start_, {ends} FROM ({daily})))
  WHERE c.at <= DATE'{last}' AND (c.w = 0 OR c.at > start_)
  UNION ALL
  SELECT {group}, night AS at_, true AS asked_, {", ".join(["0" for _ in windows for _ in names])}
  FROM (SELECT DISTINCT {group}, night FROM (SELECT {", ".join(["*", *masked])} FROM (SELECT *, {lists} FROM rows_)))))
WHERE asked_"""


def _brings_rows(feed: str, pipeline: Pipeline) -> bool:
    return pipeline.feeds[feed].key == pipeline.rows.key


def _placed(feed: str, pipeline: Pipeline) -> str:
    """Where a past row's scored row is not known, it is in no group that only the scored row could name; it is not in the group of the missing."""
    if not _brings_rows(feed, pipeline):
        return ""
    spec, history = pipeline.feeds[feed], pipeline.features.history[feed]
    own = [str(place) for place, by in enumerate(history.by) if {*by} <= {*spec.kept, *spec.derive}]
    return f" WHERE placed_ OR by_ IN ({', '.join([*own, '-1'])})"


def joined_on(feed: str, history: History) -> Iterator[tuple[str, str]]:
    """An alias of `history_<feed>` for each list of groups, and the condition on which a row `r` finds its answer there."""
    for place, by in enumerate(history.by):
        alias = f"{feed}_{place}_"
        same = [f"r.{name} <=> {alias}.g_{name}" for name in by]
        yield alias, " AND ".join([f"{alias}.by_ = {place}", f"r.night = {alias}.night", *same])


def picked(feed: str, history: History) -> Iterator[str]:
    """The features, out of the aliases of `joined_on`."""
    for place, by in enumerate(history.by):
        for w in sorted(history.windows):
            for take in history.take:
                yield f"{feed}_{place}_.{take}_{w} AS {history.name(feed, by, take, w)}"


def _groups(history: History) -> list[str]:
    return sorted({name for by in history.by for name in by})


def _mask(name: str, history: History) -> str:
    lists = ", ".join(str(place) for place, by in enumerate(history.by) if name in by)
    return f"CASE WHEN by_ IN ({lists}) THEN {name} END"


def _deltas(names: Sequence[str], windows: Sequence[int]) -> Iterator[str]:
    for w in windows:
        for name in names:
            yield f"CASE WHEN start_ >= end_{w} THEN 0 WHEN c.w = 0 THEN {name} WHEN c.w = {w} THEN -{name} ELSE 0 END AS {name}_{w}"


def _running(group: str, names: Sequence[str], windows: Sequence[int]) -> Iterator[str]:
    frame = f"(PARTITION BY {group} ORDER BY at_ RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    for w in windows:
        for name in names:
            yield f"sum({name}_{w}) OVER {frame} AS {name}_{w}"


def _features(history: History) -> Iterator[str]:
    for w in sorted(history.windows):
        for take in history.take:
            match _parsed(history.take[take])[0]:
                case "count":
                    yield f"CAST({take}_c_{w} AS BIGINT) AS {take}_{w}"
                case "sum":
                    yield f"CAST(CASE WHEN {take}_c_{w} > 0 THEN {take}_s_{w} END AS DOUBLE) AS {take}_{w}"
                case _:
                    yield f"CAST({take}_s_{w} AS DOUBLE) / CAST(nullif({take}_c_{w}, 0) AS DOUBLE) AS {take}_{w}"
