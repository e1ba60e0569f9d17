"""The pages that nights leave: one for each, one for all, leading to each other and to the other pages that exist."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.nights import span
from jobs.plan import tasks
from jobs.reading import ledger_to_read, work_to_read
from jobs.report.kept import digest_in
from jobs.report.step import due
from jobs.results import StepResult
from jobs.settings import Settings, read_settings
from jobs.work import Options
from tests.tiny import FIRST, Tiny, deliver, run_nights, train, write_pipeline

SCORED = "raw,validated,features,predictions,drift_report,performance,published,retraining,alerts,report"
# Half the feeds are enough; the alert holds in every night.
CHANGES: Mapping[str, Any] = {
    "feeds": {"weather": None, "shops": None},
    "features": {"lookup": None, "latest": None},
    "models": {"returned": {"slices": ["shop"]}},
    "alerts": {"rules": {"always": {"signal": "quarantined", "above": -1}}},
}
LINK = re.compile(r'href="([^"]+)"')


@dataclass(frozen=True)
class Ran:
    """A home in which some nights have run, with all their pages."""

    settings: Settings
    tiny: Tiny
    nights: tuple[date, ...]
    first: list[StepResult]

    @property
    def folder(self) -> Path:
        return self.settings.reports / self.tiny.name

    def page(self, night: date) -> Path:
        return self.folder / "nights" / f"{night}.html"

    def again(self, night: date, steps: str = "report") -> StepResult:
        return run_nights(self.settings, self.tiny, [night], steps=steps)[-1]


@pytest.fixture(scope="module")
def ran(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    root = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATINS_HOME", str(root / "home"))
        patch.setenv("MATINS_SPARK_PROFILE", "test")
        patch.setenv("MATINS_PIPELINES", str(root / "pipelines"))
        settings = read_settings()
        tiny = write_pipeline(root / "pipelines", settings.landing, nights=36, rows=150, changes=CHANGES)
        run_nights(settings, tiny, span(FIRST, tiny.trainable))
        train(settings, tiny, tiny.trainable)
        nights = span(tiny.trainable, tiny.last)
        yield Ran(settings, tiny, tuple(nights), run_nights(settings, tiny, nights, steps=SCORED, options=Options()))


def test_each_night_has_a_page_and_all_have_one(ran: Ran) -> None:
    report = ran.first[-1]
    assert [one.outcome for one in report.nights] == ["written"] * len(ran.nights)
    assert report.reports == (*[str(ran.page(night)) for night in ran.nights], str(ran.folder / "index.html"))
    assert sorted(path.name for path in ran.folder.rglob("*.part")) == []


def test_every_link_leads_to_a_page_that_exists(ran: Ran) -> None:
    pages = [*map(ran.page, ran.nights), ran.folder / "index.html"]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text(encoding="utf-8"))]
    assert {link for page, link in links if not (page.parent / unquote(link)).is_file()} == set()
    kinds = {unquote(link).removeprefix("../").split("/")[0] for page, link in links if page != pages[-1]}
    assert kinds >= {"index.html", "validated", "returned"}


def test_a_night_tells_what_was_delivered_scored_known_and_expected(ran: Ran) -> None:
    told = ran.page(ran.nights[-1]).read_text(encoding="utf-8")
    assert "150 scored, champion v1, published g1" in told
    for heading in ("Delivered", "Drift", "What became known", "What to expect"):
        assert heading in told
    assert str(ran.nights[-3]) in told
    assert "shop=" in told
    assert "Only people retrain this model." in told
    assert f"<span>{ran.nights[0]}</span>" in told.split("Open alerts", 1)[1].split("Delivered", 1)[0]
    assert "not known yet" in told


def test_a_night_whose_labels_came_tells_how_it_did(ran: Ran) -> None:
    told = ran.page(ran.nights[0]).read_text(encoding="utf-8")
    this_night = told.split("this night", 1)[1].split("</tr>", 1)[0]
    assert "not known yet" not in this_night


def test_nothing_new_leaves_every_file_alone(ran: Ran) -> None:
    before = {path: path.stat().st_mtime_ns for path in ran.folder.rglob("*.html")}
    again = ran.again(ran.nights[-1])
    assert (again.outcome, again.reports) == ("unchanged", ())
    assert {path: path.stat().st_mtime_ns for path in ran.folder.rglob("*.html")} == before


def test_a_plan_knows_which_pages_are_due_without_spark(ran: Ran) -> None:
    pipeline = load_pipeline(ran.tiny.name, ran.settings)
    task = next(task for task in tasks(pipeline) if task.step.name == "report")
    work = work_to_read(ran.settings, pipeline, ledger_to_read(ran.settings), task)
    tomorrow = ran.nights[-1] + timedelta(days=1)
    assert due(work, [*ran.nights[:-1], tomorrow]) == {tomorrow: "never written"}


def test_the_next_night_renews_the_pages_that_it_touches_and_no_other(ran: Ran) -> None:
    tomorrow, before = ran.nights[-1] + timedelta(days=1), {night: digest_in(ran.page(night)) for night in ran.nights}
    deliver(ran.settings.landing, tomorrow, rows=150)
    result = run_nights(ran.settings, ran.tiny, [tomorrow], steps=SCORED)[-1]
    assert [one.night for one in result.nights] == [tomorrow]
    changed = [night for night in ran.nights if digest_in(ran.page(night)) != before[night]]
    # Two nights back is the one whose labels came; the estimates of the night between rest on it, and it leads on to the new one.
    assert changed == list(ran.nights[-2:])
    assert f'href="{tomorrow}.html"' in ran.page(ran.nights[-1]).read_text(encoding="utf-8")


def test_a_red_night_has_a_page_that_says_why(ran: Ran) -> None:
    night = ran.nights[-1] + timedelta(days=2)
    ran.again(night, steps="raw,report")
    told = ran.page(night).read_text(encoding="utf-8")
    assert "FAILED raw/orders: orders: no delivery for night" in told
    assert "✗" in (ran.folder / "index.html").read_text(encoding="utf-8")
