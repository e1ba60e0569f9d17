"""A version passes the gate, waits in shadow, and is judged once more by what its nights come to."""

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.config.models import Promotion
from jobs.errors import RetryableError, UsageError
from jobs.lake.lake import Lake
from jobs.ledger.ledger import Ledger
from jobs.model.registry.acts import Acts
from jobs.model.registry.champion import registry_of
from jobs.model.registry.reign import champion_on, evidence, waiting
from jobs.nights import span
from jobs.planning import planned
from jobs.results import NightResult, StepResult
from jobs.settings import read_settings
from jobs.shadow.idle import IDLE
from jobs.shadow.record import shadow_of
from tests.faults.prepared import copy, name_home
from tests.tiny import FIRST, Tiny, run_nights, train, write_pipeline

MODEL: Final = "returned"
CHAMPION_OF, AS_OF = date(2024, 1, 31), date(2024, 2, 1)
BEGUN, COMPLETE = date(2024, 2, 2), date(2024, 2, 6)
"""The first night in shadow, and the one in which the label of the third is known."""
STEPS: Final = "predictions,shadow,performance,retraining"
LEAN: Final = {"feeds": {"weather": None, "shops": None}, "features": {"lookup": None, "latest": None, "history": None}}
WEAK: Final[dict[str, Any]] = {
    "max_trees": 2,
    "params": {"max_depth": 1, "learning_rate": 0.3},
    "leave_out": ["weekday"],
    "gate": {"floors": {"roc_auc": None}, "beats": [], "min_history_coverage": 0},
}
STRONG: Final[dict[str, Any]] = {"max_trees": 40, "gate": {**WEAK["gate"], "champion": {"non_inferior": 0.02}}}


def written(folder: Path, **of_model: Any) -> Tiny:
    changes = {**LEAN, "models": {MODEL: {**STRONG, "shadow": {"nights": 3}, **of_model}}}
    return write_pipeline(folder / "pipelines", folder / "landing", changes=changes)


@pytest.fixture(scope="module")
def prepared(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weak champion, and a better version that waits."""
    folder = tmp_path_factory.mktemp("shadow")
    with pytest.MonkeyPatch.context() as environment:
        name_home(environment, folder)
        settings, tiny = read_settings(), written(folder, **WEAK)
        run_nights(settings, tiny, span(FIRST, BEGUN))
        train(settings, tiny, CHAMPION_OF)
        # Without a champion there is nobody to be beside: the first version waits for nothing.
        decisions = Ledger.of(settings).decisions(tiny.name)
        assert [one["act"] for one in decisions] == ["trained", "promoted"], decisions[-1]["reason"]
        run_nights(settings, tiny, [AS_OF], steps=STEPS)
        train(settings, written(folder), AS_OF)
    return folder


class Story:
    """A copy of the prepared home."""

    def __init__(self, folder: Path, spark: SparkSession) -> None:
        self.folder, self.spark, self.settings, self.tiny = folder, spark, read_settings(), written(folder)
        self.ledger = Ledger.of(self.settings)

    def run(self, *nights: date, tiny: Tiny | None = None) -> StepResult:
        return self.steps(*nights, tiny=tiny)["shadow"]

    def steps(self, *nights: date, tiny: Tiny | None = None) -> dict[str, StepResult]:
        return {one.step: one for one in run_nights(self.settings, tiny or self.tiny, nights, steps=STEPS)}

    def night(self, night: date, tiny: Tiny | None = None) -> NightResult:
        return self.run(night, tiny=tiny).nights[0]

    def deliver(self, last: date) -> None:
        run_nights(self.settings, self.tiny, span(BEGUN + timedelta(days=1), last))

    @property
    def decisions(self) -> list[dict[str, Any]]:
        return self.ledger.decisions(self.tiny.name, MODEL)

    @property
    def lake(self) -> Lake:
        return Lake(self.spark, self.ledger, root=self.settings.lake, pipeline=self.tiny.name, run_id="look")

    def told(self, version: int | None = None) -> Mapping[str, Any]:
        found = shadow_of(self.ledger, self.tiny.name, MODEL, version)
        assert found is not None
        return found

    def acts(self, promotion: Promotion = "automatic") -> Acts:
        about: dict[str, Any] = {"pipeline": self.tiny.name, "model": MODEL, "night": COMPLETE, "by": "Ada", "reason": "looked at it", "promotion": promotion}
        return Acts(ledger=self.ledger, registry=registry_of(self.settings), **about)

    def turn_labels(self, nights: list[date]) -> None:
        """What came back stays, what stayed comes back: whoever has learned more is now wrong more."""
        for night in nights:
            file = self.tiny.file("outcomes", night)
            header, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
            turned = [[day, order, "30" if int(kept) <= 7 else "3", refund] for day, order, kept, refund in rows]
            file.write_text("\n".join(",".join(row) for row in [header, *turned]) + "\n", encoding="utf-8")


@pytest.fixture
def story(prepared: Path, tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Story:
    copy(prepared, tmp_path)
    name_home(monkeypatch, tmp_path)
    return Story(tmp_path, spark)


def test_a_version_that_passes_waits_and_goes_live_after_its_nights(story: Story) -> None:
    assert waiting(story.decisions) == 2
    story.deliver(COMPLETE + timedelta(days=1))
    labelled = []
    for night in span(BEGUN, COMPLETE - timedelta(days=1)):
        # The file asks for more and for less meanwhile: of this version three nights were asked when it began to wait.
        assert story.night(night, written(story.folder, shadow={"nights": 2 if night.day % 2 else 30})).outcome == "written"
        labelled.append(story.told()["labelled"])
    assert labelled == [0, 0, 1, 2]
    with pytest.raises(UsageError, match="v2 was to be in shadow first: 2 of 3 labelled nights in shadow; log_loss less the champion's is -"):
        story.acts().promote(2)
    note = story.steps(COMPLETE)["retraining"].nights[0].notes[0]
    assert note.startswith("v2 is champion after its nights in shadow: 3 of 3 labelled nights in shadow; log_loss less the champion's is -")
    last = story.decisions[-1]
    assert (last["act"], last["version"], last["former"], last["by"], last["night"]) == ("promoted", 2, 1, "shadow", COMPLETE)
    assert last["evidence"]["shadow"]["nights"] == ["2024-02-02", "2024-02-03", "2024-02-04"]
    assert [champion_on(story.decisions, night) for night in (BEGUN, COMPLETE)] == [1, 2]
    champion = registry_of(story.settings).champion(f"{story.tiny.name}.{MODEL}")
    assert champion is not None
    assert champion.version == 2
    after = story.night(COMPLETE + timedelta(days=1))
    assert (after.outcome, after.notes) == ("unchanged", (IDLE,))


def test_every_row_stands_beside_the_champions_score(story: Story) -> None:
    story.run(BEGUN)
    rows = story.lake.read(f"{MODEL}/shadow").frame.toPandas()
    champions = story.lake.read(f"{MODEL}/predictions", [BEGUN]).frame.toPandas().set_index("order_id")
    assert len(rows) == 60
    assert set(rows["model_version"]) == {2}
    assert set(rows["champion_model_version"]) == {1}
    assert (rows.set_index("order_id")["champion_score"] == champions["score"]).all()
    assert (rows.set_index("order_id")["champion_predicted"] == champions["predicted"]).all()
    told = story.told()["nights"][0]
    assert told["rows"] == 60
    assert told["agreement"] == pytest.approx((rows["predicted"] == rows["champion_predicted"]).mean(), abs=1e-6)
    assert told["rank_correlation"] > 0.3


@pytest.mark.slow
def test_a_version_that_does_worse_in_shadow_is_refused(story: Story) -> None:
    story.turn_labels(span(date(2024, 2, 4), COMPLETE))
    story.deliver(COMPLETE)
    story.run(*span(BEGUN, COMPLETE))
    last = story.decisions[-1]
    assert (last["act"], last["version"], last["former"], last["by"]) == ("refused", 2, None, "shadow")
    assert last["evidence"]["shadow"]["rule"]["outcome"] == "REFUSE"
    assert champion_on(story.decisions, COMPLETE) == 1
    assert waiting(story.decisions) is None
    with pytest.raises(UsageError, match=r"cannot become champion\. v2 was to be in shadow first"):
        story.acts().promote(2)


@pytest.mark.slow
def test_a_night_run_again_changes_nothing(story: Story) -> None:
    nights = span(BEGUN, BEGUN + timedelta(days=2))
    story.deliver(nights[-1])
    story.run(*nights)
    before, told = story.lake.slices(f"{MODEL}/shadow"), story.told()
    again = story.run(*nights)
    assert {one.outcome for one in again.nights} == {"unchanged"}
    assert (story.lake.slices(f"{MODEL}/shadow"), story.told()) == (before, told)


@pytest.mark.slow
def test_nights_in_one_go_come_to_the_same_as_one_by_one(story: Story, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nights = span(BEGUN, COMPLETE)
    story.deliver(COMPLETE)
    story.run(*nights)
    copy(prepared, tmp_path / "other")
    name_home(monkeypatch, tmp_path / "other")
    other = Story(tmp_path / "other", story.spark)
    other.deliver(COMPLETE)
    for night in nights:
        other.run(night)
    assert other.told(2) == story.told(2)


@pytest.mark.slow
def test_a_file_that_asks_for_approval_meanwhile_leaves_it_to_a_person(story: Story) -> None:
    asks, before = written(story.folder, promotion="approval"), COMPLETE - timedelta(days=1)
    shown = evidence(story.decisions)[2]
    story.deliver(COMPLETE)
    story.run(*span(BEGUN, before), tiny=asks)
    with pytest.raises(UsageError, match="v2 was to be in shadow first: 2 of 3 labelled nights"):
        story.acts(promotion="approval").approve(2, shown)
    story.run(COMPLETE, tiny=asks)
    assert (story.decisions[-1]["act"], waiting(story.decisions)) == ("approval_refused", 2)
    assert story.acts(promotion="approval").approve(2, shown) == 1
    assert champion_on(story.decisions, COMPLETE) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("point", "shown"), [("model.before_alias", 1), ("model.after_alias", 2)])
def test_a_decision_that_was_cut_off_is_made_good_by_the_next_run(story: Story, monkeypatch: pytest.MonkeyPatch, point: str, shown: int) -> None:
    story.deliver(COMPLETE)
    with monkeypatch.context() as patch:
        patch.setenv("MATINS_FAIL", f"{point}:error")
        with pytest.raises(RetryableError):
            story.run(*span(BEGUN, COMPLETE))
    alias = registry_of(story.settings).champion(f"{story.tiny.name}.{MODEL}")
    assert (alias and alias.version, waiting(story.decisions), champion_on(story.decisions, COMPLETE)) == (shown, 2, 1)
    # Whoever runs the nights again has the alias's version score them, and it is beside nobody then.
    story.run(*span(BEGUN, COMPLETE))
    assert [(one["act"], one["version"], one["former"], one["by"]) for one in story.decisions[-2:]] == [
        ("approved", 2, None, "shadow"),
        ("promoted", 2, 1, "shadow"),
    ]
    assert waiting(story.decisions) is None


def test_a_version_that_cannot_be_read_is_no_fault_of_the_night(story: Story) -> None:
    name = f"{story.tiny.name}.{MODEL}"
    run_id = next(one.run_id for one in registry_of(story.settings).versions(name) if one.version == 2)
    (file,) = story.settings.root.glob(f"mlartifacts/**/{run_id}/**/learned.json")
    file.write_bytes(b"{}")
    found = story.night(BEGUN)
    assert found.outcome == "unchanged"
    assert found.notes[0].startswith("v2 waits, and could not be scored in shadow: learned.json was changed after it was registered")
    assert waiting(story.decisions) == 2


def test_a_feature_that_is_no_more_is_no_fault_of_the_night(story: Story) -> None:
    changes = {**LEAN, "features": {**LEAN["features"], "columns": {"weekday": None}}, "models": {MODEL: {**STRONG, "shadow": {"nights": 3}}}}
    without = write_pipeline(story.folder / "pipelines", story.folder / "landing", changes=changes)
    run_nights(story.settings, without, [BEGUN])
    steps = story.steps(BEGUN, tiny=without)
    assert steps["predictions"].nights[0].outcome == "written"
    found = steps["shadow"].nights[0]
    assert found.outcome == "unchanged"
    assert found.notes[0].startswith(
        "v2 waits, and could not be scored in shadow: The model needs the features ['weekday'], which night 2024-02-02 no longer has"
    )
    assert waiting(story.decisions) == 2


def test_a_night_before_it_waited_is_not_scored(story: Story) -> None:
    assert story.night(AS_OF).notes == (IDLE,)
    assert not story.lake.exists(f"{MODEL}/shadow")


def test_the_plan_says_why(story: Story) -> None:
    pipeline = load_pipeline(story.tiny.name, story.settings)
    run_nights(story.settings, story.tiny, [BEGUN], steps="predictions")
    found = {one["step"]: one for one in planned(story.settings, pipeline, BEGUN)}
    assert found[f"{MODEL}/shadow"] == {"step": f"{MODEL}/shadow", "runs": True, "why": "v2 waits, and has not scored it"}
    story.acts().reject(2)
    found = {one["step"]: one for one in planned(story.settings, pipeline, BEGUN)}
    assert found[f"{MODEL}/shadow"]["why"] == IDLE


def test_a_model_without_the_section_has_no_such_step(tmp_path: Path) -> None:
    from jobs.config.loading import read_pipeline
    from jobs.plan import tasks

    made = write_pipeline(tmp_path / "pipelines", tmp_path / "landing", nights=1)
    assert "shadow" not in {task.step.name for task in tasks(read_pipeline(made.path))}
