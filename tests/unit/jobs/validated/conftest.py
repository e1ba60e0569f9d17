from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.config.feeds import Feed

NIGHT = date(2013, 5, 18)
Raw = Callable[..., DataFrame]
MakeFeed = Callable[..., Feed]


@pytest.fixture(scope="session")
def make_feed() -> MakeFeed:
    """A feed with lag 1 and the key `k`; what a test is about it says itself."""

    def make(columns: Mapping[str, Any], expect: Sequence[Mapping[str, Any]] = (), **more: object) -> Feed:
        given = {"path": "x/{night}.csv", "lag": 1, "key": ["k"], "columns": {"day": "date", "k": "string", **columns}, "expect": list(expect), **more}
        return Feed.model_validate(given)

    return make


@pytest.fixture(scope="session")
def raw(spark: SparkSession) -> Raw:
    """Raw rows: `day` is the event day of the night and `k` the row's number, unless a row says otherwise."""

    def frame(rows: Sequence[Mapping[str, str | None]], feed: Feed, *, night: date = NIGHT, generation: int = 1) -> DataFrame:
        names = list(feed.kept)
        full = [
            (night, generation, night, number, row.get("corrupt"), *({"day": "2013-05-17", "k": str(number), **row}.get(name) for name in names))
            for number, row in enumerate(rows)
        ]
        strings = ", ".join(f"{name} string" for name in names)
        return spark.createDataFrame(full, f"night date, generation int, known_night date, row bigint, corrupt string, {strings}")

    return frame
