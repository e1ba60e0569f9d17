"""A tiny pipeline for tests: a shop's orders, of which some come back; forty nights of sixty rows with a label that can be learned."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from ruamel.yaml import YAML

from jobs.config.loading import load_pipeline
from jobs.nightly import chosen
from jobs.nights import Nights
from jobs.plan import tasks
from jobs.results import StepResult
from jobs.settings import Settings
from jobs.work import Options

FIRST: Final = date(2024, 1, 1)
SHOPS: Final = {"ada": -1.6, "ben": -0.8, "cleo": 0.0, "dora": 0.8, "eve": 1.6}
LAG: Final = {"orders": 0, "outcomes": 2, "weather": 1}
HEADERS: Final = {
    "orders": ("day", "order_id", "shop", "amount", "placed"),
    "outcomes": ("day", "order_id", "days_kept", "refund"),
    "weather": ("day", "shop", "observed_at", "rain"),
    "shops": ("shop", "city", "size"),
}
SPEC: Final = """
purpose: {goal: know which orders come back, cost: {missed: 3, false_alarm: 1}}
nights: {from: 2024-01-01, to: 2024-12-31, as_of: "06:00"}
feeds:
  orders:
    path: orders/{night}.csv
    key: [day, order_id]
    columns: {day: date, order_id: int, shop: string, amount: float, placed: timestamp}
    expect:
      - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 1000}
      - expect_table_row_count_to_be_between: {min_value: 10, max_value: 10000}
    max_bad_share: 0.2
  outcomes:
    path: outcomes/{night}.csv
    lag: 2
    from: 2024-01-03
    missing: {tolerate: 1}
    key: [day, order_id]
    columns: {day: date, order_id: int, days_kept: int, refund: float}
    derive: {returned: days_kept <= 7}
    expect: [{expect_column_values_to_be_between: {column: days_kept, min_value: 0, max_value: 99}}]
    max_bad_share: 0.2
  weather:
    path: weather/{night}.csv
    lag: 1
    from: 2024-01-02
    missing: {tolerate: 1}
    key: [shop, observed_at]
    columns: {day: date, shop: string, observed_at: timestamp, rain: float}
  shops:
    path: shops.csv
    undated: true
    key: [shop]
    columns: {shop: string, city: string, size: int}
features:
  rows: orders
  take: [shop, amount]
  columns: {hour: hour(placed), weekday: dayofweek(day)}
  calendar: {day: day, holidays: US}
  lookup: {shops: {on: {shop: shop}, take: [city, size]}}
  latest: {weather: {by: [shop], order: observed_at, take: [rain], max_age_days: 2}}
  history:
    outcomes:
      windows: [1, 7]
      by: [[], [shop]]
      take: {n: count(*), returned: avg(returned), refund: sum(refund)}
models:
  returned:
    label: outcomes.returned
    segments: {train: 14, tune: 4, holdout: 7}
    min_category_count: 10
    max_trees: 40
    early_stopping: 10
    params: {max_depth: 3, learning_rate: 0.2}
    threads: 1
    device: cpu
    gate: {floors: {roc_auc: 0.6}, min_history_coverage: 0.3}
"""


@dataclass(frozen=True)
class Tiny:
    """What `write_pipeline` wrote. Training works from `trainable` on; `last` is the last night that has deliveries."""

    name: str
    path: Path
    landing: Path
    first: date
    last: date
    trainable: date

    def file(self, feed: str, night: date) -> Path:
        """A delivery."""
        return self.landing / ("shops.csv" if feed == "shops" else f"{feed}/{night}.csv")


def write_pipeline(folder: Path, landing: Path, *, name: str = "tiny", nights: int = 40, rows: int = 60, changes: Mapping[str, Any] | None = None) -> Tiny:
    """Write `<folder>/<name>.yaml` and its deliveries; the same arguments give the same bytes.

    Args:
        folder: for MATINS_PIPELINES.
        landing: `settings.landing`, as a rule.
        name: the pipeline's.
        nights: how many nights from 2024-01-01 have deliveries.
        rows: orders per day.
        changes: merged into the file, mapping by mapping; None removes a key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    spec = merged({"pipeline": name, **spec_of()}, changes or {})
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(spec, file)
    last = FIRST + timedelta(days=nights - 1)
    for n in range(nights):
        deliver(landing, FIRST + timedelta(days=n), rows=rows)
    _write(landing / "shops.csv", "shops", [(shop, f"city {shop[0]}", 10 * place) for place, shop in enumerate(SHOPS, 1)])
    return Tiny(name, path, landing, FIRST, last, FIRST + timedelta(days=30))


def deliver(landing: Path, night: date, *, rows: int = 60) -> None:
    """Write the three deliveries of a night; the feeds that lag have none on the first nights."""
    for feed, lag in LAG.items():
        if (day := night - timedelta(days=lag)) >= FIRST:
            _write(landing / feed / f"{night}.csv", feed, rows_of(feed, day, rows))


def rows_of(feed: str, day: date, rows: int = 60) -> Sequence[tuple[object, ...]]:
    """What happened on a day: the same whenever it is asked."""
    if feed == "weather":
        return [(day, shop, f"{day} {hour:02}:00:00", f"{_rain(day, shop, hour):.2f}") for shop in SHOPS for hour in (6, 18)]
    known = list(_orders(day, rows))
    if feed == "orders":
        return [order for order, _ in known]
    return [(day, order[1], days_kept, f"{order[3] if days_kept <= 7 else 0}") for order, days_kept in known]


def spec_of() -> dict[str, Any]:
    """The file without its name, as plain data."""
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(SPEC)
    return loaded


def merged(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with the changes in their places; a change to None removes."""
    result = dict(plain)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if nested else value
    return {key: value for key, value in result.items() if value is not None}


def _orders(day: date, rows: int) -> Iterator[tuple[tuple[Any, ...], int]]:
    rng = Random(f"orders/{day}")
    for number in range(1, rows + 1):
        shop, amount, hour = rng.choice(sorted(SHOPS)), round(rng.uniform(5, 100), 2), rng.randrange(24)
        drive = SHOPS[shop] + (amount - 50) / 25 + (0.8 if hour < 6 else -0.2) - 0.6
        returned = rng.random() < 1 / (1 + math.exp(-drive))
        yield (day, number, shop, amount, f"{day} {hour:02}:{rng.randrange(60):02}:00"), rng.randint(1, 7) if returned else rng.randint(8, 60)


def _rain(day: date, shop: str, hour: int) -> float:
    return Random(f"weather/{day}/{shop}/{hour}").expovariate(1)


def _write(path: Path, feed: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADERS[feed], *rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding="utf-8")


def run_nights(settings: Settings, tiny: Tiny, nights: Nights, *, steps: str = "raw,validated,features", options: Options | None = None) -> list[StepResult]:
    """What `matins backfill --steps …` does, in this process; no pages unless the options ask for them."""
    from jobs.runner import opened

    pipeline = load_pipeline(tiny.name, settings)
    with opened(settings, pipeline, command="test", options=options or Options(pages=False)) as run:
        return run.walk(chosen(pipeline, steps=steps, model=None), nights)


def train(settings: Settings, tiny: Tiny, as_of: date) -> StepResult:
    """What `matins train` does for the tiny model, in this process."""
    from jobs.runner import opened

    pipeline = load_pipeline(tiny.name, settings)
    task = next(task for task in tasks(pipeline) if task.step.name == "model")
    with opened(settings, pipeline, command="test") as run:
        return run.do(task, [as_of])
