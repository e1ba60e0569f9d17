"""Features under a fault in one feed, computed from a small lake, against what is known by hand."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.features.recomputed import Fault, recomputed
from jobs.features.sources import without
from jobs.lake.lake import Lake
from jobs.reading import lake_to_read
from jobs.settings import Settings, read_settings
from tests.tiny import FIRST, Tiny, rows_of, run_nights, write_pipeline

NIGHTS = 12
NIGHT = FIRST + timedelta(days=10)


class Shop:
    """A lake of twelve nights, and the stored features of two of them."""

    def __init__(self, settings: Settings, tiny: Tiny, spark: SparkSession) -> None:
        self.pipeline: Pipeline = load_pipeline(tiny.name, settings)
        run_nights(settings, tiny, [FIRST + timedelta(days=n) for n in range(NIGHTS)])
        self.lake: Lake = lake_to_read(settings, self.pipeline, spark)
        self.found: dict[tuple[Fault, str], pd.DataFrame] = {}
        wanted = f"night BETWEEN DATE'{NIGHT}' AND DATE'{NIGHT + timedelta(days=1)}'"
        self.stored = self.lake.read("features").frame.where(wanted).toPandas().sample(frac=1, random_state=3).reset_index(drop=True)

    def under(self, fault: Fault, feed: str) -> pd.DataFrame:
        if (fault, feed) not in self.found:
            self.found[fault, feed] = recomputed(self.stored, lake=self.lake, pipeline=self.pipeline, feed=feed, fault=fault)
        return self.found[fault, feed]

    def all_under(self, fault: Fault, feed: str) -> pd.DataFrame:
        """Every feature computed again, as it has to be beside a plug-in."""
        features = self.pipeline.features.model_copy(update={"plug_in": f"{__name__}:same"})
        return recomputed(self.stored, lake=self.lake, pipeline=self.pipeline.model_copy(update={"features": features}), feed=feed, fault=fault)

    def names(self) -> list[str]:
        return [name for name in self.pipeline.features.names if name in self.stored]


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patched:
        home = tmp_path_factory.mktemp("shop")
        for name in ("MATINS_LAKE", "MATINS_LANDING", "MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "MLFLOW_TRACKING_URI", "MATINS_FAIL"):
            patched.delenv(name, raising=False)
        patched.setenv("MATINS_HOME", str(home))
        patched.setenv("MATINS_SPARK_PROFILE", "test")
        patched.setenv("MATINS_PIPELINES", str(home / "pipelines"))
        settings = read_settings()
        yield Shop(settings, write_pipeline(home / "pipelines", settings.landing, nights=NIGHTS), spark)


def same(frame: DataFrame) -> DataFrame:
    return frame


def rain(day: date, shop: str) -> float:
    """The newest of a day: at six in the evening."""
    return float([row for row in rows_of("weather", day) if row[1] == shop][-1][3])


def kept(day: date) -> list[tuple[Any, ...]]:
    return [row for row in rows_of("outcomes", day) if int(row[2]) <= 7]


def test_a_late_feed_shows_each_night_what_the_night_before_knew(shop: Shop) -> None:
    found = shop.under("late", "weather")
    for night, place, today, late in zip(found["night"], found["shop"], shop.stored["weather_rain"], found["weather_rain"], strict=True):
        assert today == pytest.approx(rain(night - timedelta(days=1), place))
        assert late == pytest.approx(rain(night - timedelta(days=2), place))


def test_a_window_lacks_the_newest_day_of_a_late_feed(shop: Shop) -> None:
    found = shop.under("late", "outcomes")
    for night in (NIGHT, NIGHT + timedelta(days=1)):
        at = found[found["night"] == night]
        assert set(shop.stored[shop.stored["night"] == night]["outcomes_all_n_1d"]) == {60}
        # The one day of the shortest window has not come; of the longest six of seven have.
        assert set(at["outcomes_all_n_1d"]) == {0}
        assert at["outcomes_all_returned_1d"].isna().all()
        days = [night - timedelta(days=2 + back) for back in range(1, 7)]
        assert set(at["outcomes_all_n_7d"]) == {360}
        assert at["outcomes_all_returned_7d"].to_numpy() == pytest.approx(sum(len(kept(day)) for day in days) / 360)


@pytest.mark.parametrize(("fault", "feed"), [("late", "weather"), ("late", "outcomes"), ("absent", "shops")])
def test_what_does_not_come_from_the_feed_stays_as_it_is_also_when_all_is_computed_again(shop: Shop, fault: Fault, feed: str) -> None:
    untouched = [name for name in shop.names() if name not in without(shop.pipeline, feed)]
    assert len(untouched) > 5
    found = shop.all_under(fault, feed)
    pd.testing.assert_frame_equal(found[untouched], shop.stored[untouched])
    pd.testing.assert_frame_equal(found[shop.names()], shop.under(fault, feed)[shop.names()])


@pytest.mark.parametrize("feed", ["weather", "outcomes", "shops"])
def test_features_without_a_feed_are_what_its_absence_really_makes_of_them(shop: Shop, feed: str) -> None:
    said = shop.stored.assign(**without(shop.pipeline, feed))[shop.names()]
    found = shop.under("absent", feed)[shop.names()]
    pd.testing.assert_frame_equal(found.astype(object).where(found.notna(), None), said.astype(object).where(said.notna(), None), check_dtype=False)
