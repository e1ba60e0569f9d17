import pytest

from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.features.sources import of_the_past, sources, without
from jobs.settings import read_settings
from tests.tiny import merged, spec_of


@pytest.fixture(scope="module")
def tiny() -> Pipeline:
    return Pipeline.model_validate({"pipeline": "tiny", **spec_of()})


def test_every_feature_has_the_feeds_that_it_is_computed_from(tiny: Pipeline) -> None:
    own = dict.fromkeys(["shop", "amount", "hour", "weekday", "holiday", "days_to_holiday", "days_since_holiday"], ("orders",))
    looked_up = {"shops_city": ("shops",), "shops_size": ("shops",), "weather_rain": ("weather",)}
    takes = [f"{take}_{window}d" for window in (1, 7) for take in ("n", "returned", "refund")]
    # The outcomes say themselves which day they are of; the shop is brought by the order.
    history = {f"outcomes_all_{take}": ("outcomes",) for take in takes} | {f"outcomes_shop_{take}": ("outcomes", "orders") for take in takes}
    assert sources(tiny) == {**own, **looked_up, **history}


def test_an_expression_over_columns_of_the_scored_row_comes_from_both() -> None:
    changed = merged(spec_of(), {"features": {"history": {"outcomes": {"take": {"share": "avg(refund / amount)", "n": "count(*)"}}}}})
    found = sources(Pipeline.model_validate({"pipeline": "tiny", **changed}))
    assert found["outcomes_all_share_7d"] == ("outcomes", "orders")
    assert found["outcomes_all_n_7d"] == ("outcomes",)


def test_a_column_gets_into_the_features_through_the_past_of_rows_with_its_value(tiny: Pipeline) -> None:
    takes = [f"{take}_{window}d" for window in (1, 7) for take in ("n", "returned", "refund")]
    assert of_the_past(tiny, "shop") == {f"outcomes_shop_{take}" for take in takes}
    assert of_the_past(tiny, "hour") == set()


def test_flights_know_their_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATINS_PIPELINES", raising=False)
    flights = load_pipeline("flights", read_settings())
    found = sources(flights)
    assert tuple(found) == flights.features.names
    assert [name for name, feeds in found.items() if feeds == ("weather",)] == [
        f"weather_{name}" for name in ("temp", "dewp", "wind_speed", "precip", "pressure", "visib")
    ]
    assert found["airports_tz"] == ("airports",)
    assert found["dep_hour"] == ("schedule",)
    assert found["outcomes_carrier_late_7d"] == ("outcomes",)
    assert found["outcomes_dest_late_7d"] == found["outcomes_origin_dep_hour_n_1d"] == ("outcomes", "schedule")


def test_without_a_feed_its_counts_are_zero_and_all_else_is_missing(tiny: Pipeline) -> None:
    assert without(tiny, "weather") == {"weather_rain": None}
    gone = without(tiny, "outcomes")
    assert {name for name, value in gone.items() if value == 0} == {f"outcomes_{by}_n_{window}d" for by in ("all", "shop") for window in (1, 7)}
    assert set(gone) == {name for name in tiny.features.names if name.startswith("outcomes_")}
