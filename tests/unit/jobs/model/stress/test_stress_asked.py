from datetime import timedelta
from typing import Any, cast

from stress_rows import FEATURES, FIRST, nights_of, trained

from jobs.config.pipeline import Pipeline
from jobs.lake.lake import Lake
from jobs.model.material import Material
from jobs.model.rows import Rows
from jobs.model.segments import Span
from jobs.model.stress import asked
from jobs.model.stress.stressing import Stressing
from tests.tiny import merged, spec_of

NO_LAKE = cast("Lake", None)
"""Nothing is read before the results are asked for."""


def asked_for(**changes: Any) -> Stressing | None:
    pipeline = Pipeline.model_validate({"pipeline": "tiny", **merged(spec_of(), changes)})
    spans = {"train": Span(FIRST, FIRST + timedelta(days=59)), "holdout": Span(FIRST + timedelta(days=74), FIRST + timedelta(days=87))}
    rows = Rows(nights_of(88), tuple(FEATURES), ())
    material = Material("tiny.returned", pipeline.models["returned"], pipeline, rows, spans, {})
    return asked.stressing(material, trained(), NO_LAKE)


def test_nothing_is_stressed_unless_the_file_asks_for_it() -> None:
    assert asked_for() is None


def test_every_feed_but_that_of_the_rows_is_taken_away_and_the_dated_ones_come_late() -> None:
    found = asked_for(models={"returned": {"stress": {"noise": 0.5}}})
    assert found is not None
    assert set(found.without) == {"shops", "weather", "outcomes"}
    assert set(found.again) == {("source_late", "weather"), ("source_late", "outcomes")}
    assert found.config.noise == 0.5
    assert found.artifact is trained().artifact
    assert (found.holdout["night"].nunique(), found.train["night"].nunique()) == (14, 60)
    assert found.decision is not None
    assert found.decision.threshold == 1 / 4


def test_beside_a_plug_in_a_feed_is_taken_away_by_computing_again() -> None:
    found = asked_for(models={"returned": {"stress": {}}}, features={"plug_in": "tests.some:thing"})
    assert found is not None
    assert found.without == {}
    assert {feed for kind, feed in found.again if kind == "source_absent"} == {"shops", "weather", "outcomes"}
