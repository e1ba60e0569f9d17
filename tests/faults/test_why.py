"""One score explained from the record: the parts add up, the values lead back to deliveries, decisions are told, bad keys are refused."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.features.assembly import known, planned
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Ledger
from jobs.lineage.values import Origin, delivered, origins
from jobs.nights import span
from jobs.settings import Settings
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene
from tests.faults.test_reproduce import change_file, in_ledger
from tests.faults.test_rollback import WHO, another_version
from tests.tiny import rows_of, run_nights, write_pipeline

FIRST, SECOND = PUBLISHED


def why(scene: Scene, capsys: pytest.CaptureFixture[str], *asked: str, night: str = FIRST) -> dict[str, Any]:
    capsys.readouterr()
    assert scene.matins("why", f"{NAME}.{MODEL}", "--night", night, *asked, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(scene: Scene, capsys: pytest.CaptureFixture[str], *asked: str, night: str = FIRST) -> tuple[int, str]:
    capsys.readouterr()
    status = scene.matins("why", f"{NAME}.{MODEL}", "--night", night, *asked)
    return status, " ".join(capsys.readouterr().err.split())


def test_a_score_is_explained_from_its_parts_to_its_decisions(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    found = why(scene, capsys, "--key", "order_id=7")
    scored = scene.lake.read(f"{MODEL}/predictions").frame.where(f"night = '{FIRST}' AND order_id = 7").collect()[0]
    assert (found["score"], found["predicted"], found["standing"]["digest"]) == (scored["score"], scored["predicted"], scored["model_digest"])
    assert abs(found["base"] + sum(one["effect"] for one in found["reasons"]) - found["margin"]) < 1e-5
    stored = scene.lake.read("features").frame.where(f"night = '{FIRST}' AND order_id = 7").collect()[0]
    assert {one["feature"]: one["value"] for one in found["reasons"]}["shop"] == stored["shop"]
    sizes = [abs(one["effect"]) for one in found["reasons"]]
    assert sizes == sorted(sizes, reverse=True)
    assert [one["act"] for one in found["decisions"]][-1] == "promoted"
    assert found["published"].startswith("The warehouse shows this score, as generation 1 of the night")
    assert found["run"]["run_id"] == scored["run_id"]
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert escape(found["answer"]) in page
    assert "http" not in page.replace("http-equiv", "")
    assert found["standing"]["digest"] in page


def test_values_lead_to_the_delivery_as_the_night_knew_it_also_after_a_correction(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    before = why(scene, capsys, "--key", "order_id=7")
    corrected = scene.settings.landing / "outcomes" / "2024-01-30.csv"
    lines = corrected.read_text(encoding="utf-8").splitlines()
    corrected.write_text("\n".join(lines[:-20]) + "\n", encoding="utf-8")
    assert scene.matins("run", NAME, "--night", "2024-01-30", "--steps", "raw,validated", "--no-pages") == 0
    after = why(scene, capsys, "--key", "order_id=7")
    assert (after["score"], after["reasons"]) == (before["score"], before["reasons"])
    delivered = {one["night"]: one for origin in after["origins"] if origin["feed"] == "outcomes" for one in origin["deliveries"]}
    formerly = {one["night"]: one for origin in before["origins"] if origin["feed"] == "outcomes" for one in origin["deliveries"]}
    assert delivered["2024-01-30"] == {**formerly["2024-01-30"], "newer": 2}
    assert delivered["2024-01-30"]["file"] == "2024-01-30.csv"
    assert len(delivered["2024-01-30"]["sha256"]) == 64
    assert "2024-01-30 was delivered again as generation 2; this score knew generation 1" in Path(after["page"]).read_text(encoding="utf-8")


@pytest.mark.slow
def test_earlier_generations_are_explained_by_the_version_that_scored_them(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    another_version(scene)
    assert scene.matins("promote", f"{NAME}.{MODEL}", "--version", "2", *WHO) == 0
    assert scene.matins("run", NAME, "--night", FIRST, "--steps", "predictions", "--no-pages") == 0
    now, then = why(scene, capsys, "--key", "order_id=7"), why(scene, capsys, "--key", "order_id=7", "--generation", "1")
    assert (now["standing"]["version"], then["standing"]["version"]) == (2, 1)
    assert now["score"] != then["score"]
    assert (now["decisions"][-1]["by"], now["decisions"][-1]["reason"]) == ("Ada Byron", "returns from the south are missed")
    assert "this score is of generation 2" in now["published"]
    assert "has no generation 9; it has 1, 2" in refused(scene, capsys, "--key", "order_id=7", "--generation", "9")[1]


@pytest.mark.slow
def test_the_file_of_then_is_told_with_what_has_changed_since_and_todays_only_where_it_must_be(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    before = why(scene, capsys, "--key", "order_id=7")
    assert not [line for line in before["since"] if line.startswith("configuration")]
    turned = {"key": ["order_id", "day"]}
    change_file(
        scene,
        purpose={"goal": "fewer parcels", "cost": {"missed": 9}},
        feeds={"orders": turned, "outcomes": turned},
        features={"columns": {"hour": "hour(placed) + 1"}},
        models={MODEL: {"label": "outcomes.refund", "reasons": {"top": 1, "rows": "all"}}},
    )
    after = why(scene, capsys, "--key", "order_id=7")
    (told,) = [line for line in after["since"] if line.startswith("configuration")]
    assert f"models.{MODEL}.label: outcomes.returned → outcomes.refund" in told
    assert "purpose.goal: know which orders come back → fewer parcels" in told
    same = {name: value for name, value in before.items() if name != "since"}
    assert {name: value for name, value in after.items() if name != "since"} == same
    assert (list(after["key"]), after["by_todays_file"]) == (["day", "order_id"], False)
    assert "outcomes.returned → outcomes.refund" in Path(after["page"]).read_text(encoding="utf-8")
    in_ledger(scene, "DELETE FROM matins_environments")
    without = why(scene, capsys, "--key", "order_id=7")
    assert without["answer"].startswith("`outcomes.refund` was ")
    assert without["answer"].endswith("This is told by today's pipeline file, since that of then is not on record or no longer valid.")
    assert "its run is not in the ledger" in without["since"][0]
    assert (without["goal"], without["by_todays_file"]) == ("fewer parcels", True)


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ((), 2, "a row of `small` is named by day, order_id; order_id is lacking. Write --key order_id=…"),
        (("--key", "shop=ada"), 2, "--key: a row of `small` is named by day, order_id; shop=ada is no part of it. Write --key order_id=…."),
        (("--key", "day=2024-02-01"), 2, "order_id is lacking"),
        (("--key", "order_id"), 2, "order_id is no part of it"),
        (("--key", "order_id=7", "--key", "order_id=8"), 2, "a column is given twice"),
        (
            ("--key", "order_id=700"),
            1,
            "No row day=2024-02-01, order_id=700 was scored in that night. The nearest: --key day=2024-02-01 --key order_id=1 (1 of 2",
        ),
        (("--key", "order_id=seven"), 1, "No row day=2024-02-01, order_id=seven was scored"),
        (("--key", "order_id=1' OR '1'='1"), 1, "No row day=2024-02-01, order_id=1' OR '1'='1 was scored"),
    ],
)
def test_a_key_that_names_no_row_is_refused(scene: Scene, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...], status: int, told: str) -> None:
    found = refused(scene, capsys, *asked)
    assert found[0] == status
    assert told in found[1]
    assert not (scene.settings.reports / NAME / MODEL / "why").exists()


def test_a_night_that_was_not_scored_is_refused(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(scene, capsys, "--key", "order_id=7", night="2024-01-20") == (
        1,
        f"matins: small/{MODEL}/predictions: night 2024-01-20 was never scored, so there is nothing to explain.",
    )


@pytest.mark.slow
def test_rows_of_every_kind_of_feature_are_found(home: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    made = write_pipeline(tmp_path / "pipelines", home.landing, nights=10)
    settings = home.model_copy(update={"pipelines": tmp_path / "pipelines"})
    night = date(2024, 1, 9)
    run_nights(settings, made, span(made.first, made.last))
    pipeline = load_pipeline("tiny", settings)
    lake = Lake(spark, Ledger.of(home), root=home.lake, pipeline="tiny", run_id="look")
    slices = known(lake, pipeline, restate=False)
    deliveries = {feed: list(delivered(lake, lake, pipeline, feed, night, slices[feed])) for feed in pipeline.features.feeds}
    with planned(lake, pipeline, slices, [night], restate=False):
        found: dict[str, Origin] = {one.feed: one for one in origins(spark, pipeline, {"day": night, "order_id": 7}, night, deliveries)}
        stored = lake.read("features", [night]).frame.where("order_id = 7").collect()[0]
    order = rows_of("orders", night)[6]
    (row,) = found["orders"].rows
    assert (row.role, row.night, row.generation, row.line) == ("the row itself", night, 1, 7)
    assert (row.values["shop"], float(row.values["amount"] or 0)) == (order[2], order[3])
    (shop,) = found["shops"].rows
    assert (shop.role, shop.values["city"]) == ("looked up", stored["shops_city"])
    (rain,) = found["weather"].rows
    assert (rain.role, float(rain.values["rain"] or 0), rain.values["observed_at"]) == ("the newest", stored["weather_rain"], "2024-01-08 18:00:00")
    counted = {(tuple(one.same), one.days): one.rows for one in found["outcomes"].summed}
    assert counted[(), 1] == stored["outcomes_all_n_1d"] == 60
    assert counted[("shop",), 7] == stored["outcomes_shop_n_7d"] > 10
    assert [str(one.night) for one in found["weather"].deliveries] == ["2024-01-08", "2024-01-09"]
