"""What was estimated before labels were known, beside what they then said."""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from jobs.cli import app, guarded
from jobs.errors import DataError
from jobs.performance.record import Pair, as_lines, as_table, record
from jobs.report.bands import SPAN, STANDARD_ERRORS
from jobs.report.weeks import weeks
from jobs.settings import Settings
from jobs.watch.facts import Facts, Known
from jobs.watch.soundness import Soundness
from tests.unit.jobs.watch.records import MODEL, Records, facts_of, night, nights, tally_of

# The first of them is a Wednesday: its week has five nights, the next one seven.
FIRST_WEEK, SECOND_WEEK = nights(1, 5), nights(6, 12)
ERRORS = {1: {"auc_error": 0.02, "loss_error": 0.01}, 2: {"auc_error": 0.03, "loss_error": 0.04}}


def facts(days: Iterable[date], *, one_class: Iterable[date] = (), broken: Iterable[date] = (), second: Iterable[date] = ()) -> Facts:
    """Every night has both; the truth of some has one class, the data of some was broken, some were scored by the second version."""
    days, alike, later = list(days), set(one_class), set(second)
    version = {day: 2 if day in later else 1 for day in days}
    truth = {day: tally_of(loss=0.5 + day.day / 100, label=0.0 if day in alike else 0.25) for day in days}
    return facts_of(
        realised={day: [Known(day, version[day], truth[day])] for day in days},
        estimated={day: Known(day, version[day], tally_of(loss=0.55)) for day in days},
        holdouts=ERRORS,
        soundness=Soundness(red=dict.fromkeys(broken, ("features",))),
    )


def pair(found: Iterable[Pair], metric: str) -> Pair:
    (one,) = [one for one in found if one.metric == metric]
    return one


def strictly(given: Any) -> Any:
    return json.loads(json.dumps(given, allow_nan=False))


class TestOneClass:
    @pytest.mark.parametrize("days", [FIRST_WEEK, FIRST_WEEK[:1]], ids=["a week", "a night"])
    def test_it_has_no_area_and_the_loss_stands(self, days: list[date]) -> None:
        found = record(facts(days, one_class=days), days, "week")
        area, loss = pair(found.pairs, "roc_auc"), pair(found.pairs, "log_loss")
        assert (area.realised, area.error, area.held) == (None, None, None)
        assert loss.error == pytest.approx(0.55 - sum(0.5 + day.day / 100 for day in days) / len(days))
        assert as_table(found.pairs)[1][0][4:] == ["not measured", "-"]
        assert as_lines(found)[0] == "roc_auc: not measured"

    def test_json_says_null(self) -> None:
        told = strictly(record(facts(FIRST_WEEK[:1], one_class=FIRST_WEEK[:1]), FIRST_WEEK, "month").to_dict())
        assert (told["pairs"][0]["realised"], told["pairs"][0]["error"], told["pairs"][0]["held"]) == (None, None, None)
        assert told["record"]["roc_auc"] == {"periods": 0, "mean_absolute_error": None, "within_band": None}

    def test_the_mean_is_that_of_the_weeks_that_have_a_value(self) -> None:
        found = record(facts([*FIRST_WEEK, *SECOND_WEEK], one_class=FIRST_WEEK), [*FIRST_WEEK, *SECOND_WEEK], "week")
        area, loss = as_lines(found)
        assert area == "roc_auc: mean absolute error 0.000 over 1 week, the truth within its band in 100%"
        assert "over 2 weeks" in loss

    def test_a_draw_of_one_class_leaves_no_interval(self) -> None:
        found = record(facts(FIRST_WEEK, one_class=FIRST_WEEK[1:]), FIRST_WEEK, "week")
        assert pair(found.pairs, "roc_auc").realised == (1.0, None, None)


class TestBrokenNights:
    def test_they_are_left_out_and_counted(self) -> None:
        broken, whole = FIRST_WEEK[1:3], [FIRST_WEEK[0], *FIRST_WEEK[3:]]
        found = record(facts(FIRST_WEEK, broken=broken), FIRST_WEEK, "week")
        assert found.pairs == record(facts(whole), whole, "week").pairs
        assert [one.nights for one in found.pairs] == [3, 3]
        assert as_lines(found)[-1] == "Left out, since the data was broken: 2 nights (2024-05-02 to 2024-05-03)."
        assert strictly(found.to_dict())["broken_nights"] == ["2024-05-02", "2024-05-03"]

    def test_nights_that_would_not_count_anyway_are_no_loss(self) -> None:
        found = record(replace(facts(FIRST_WEEK), soundness=Soundness(red={night(9): ("features",)})), nights(1, 9), "week")
        assert found.broken == ()

    def test_where_nothing_is_left_the_error_says_so(self) -> None:
        with pytest.raises(DataError, match=r"Nothing is left to tell\. Left out, since the data was broken: 1 night \(2024-05-01\)"):
            record(facts(FIRST_WEEK[:1], broken=FIRST_WEEK[:1]), FIRST_WEEK, "week")

    def test_without_both_there_is_nothing_to_compare(self) -> None:
        with pytest.raises(DataError, match="both an estimate and known labels"):
            record(facts_of(), FIRST_WEEK, "week")


class TestAsThePagesTellIt:
    def test_a_week_is_the_same_in_both(self) -> None:
        days = [*FIRST_WEEK, *SECOND_WEEK]
        given = facts(days, one_class=FIRST_WEEK, broken=SECOND_WEEK[2:3], second=SECOND_WEEK[:2])
        found, told = record(given, days, "week"), weeks(given, since=days[0])
        assert [one.nights for one in told] == [5, 6]
        for metric in ("roc_auc", "log_loss"):
            pairs = [(one.nights, one.estimated, one.realised) for one in found.pairs if one.metric == metric]
            assert pairs == [(one.nights, one.estimated.get(metric), one.realised.get(metric)) for one in told]

    def test_fewer_nights_and_the_worst_of_the_versions_make_a_wider_band(self) -> None:
        loss = pair(record(facts(FIRST_WEEK, second=FIRST_WEEK[:1]), FIRST_WEEK, "week").pairs, "log_loss").estimated
        assert loss is not None
        assert loss.high == pytest.approx(loss.value + STANDARD_ERRORS * 0.04 * math.sqrt(SPAN / 5))

    def test_the_band_of_a_month_is_no_narrower_than_that_of_a_week(self) -> None:
        loss = pair(record(facts(nights(1, 31)), nights(1, 31), "month").pairs, "log_loss").estimated
        assert loss is not None
        assert loss.high == pytest.approx(loss.value + STANDARD_ERRORS * 0.01)


class TestCommand:
    @pytest.fixture
    def records(self, home: Settings, monkeypatch: pytest.MonkeyPatch) -> Records:
        """A night of one class, and one whose data was broken."""
        monkeypatch.setenv("MATINS_PIPELINES", str(home.root / "pipelines"))
        found = Records(home)
        for number in (1, 2):
            found.performance(number, {number: tally_of(label=0.0)}, expected=tally_of())
        found.states("features", [2])
        return found

    def test_json_is_json(self, records: Records, capsys: pytest.CaptureFixture[str]) -> None:
        assert guarded(lambda: app(["estimates", f"{records.name}.{MODEL}", "--json"])) == 0
        told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        assert [(one["metric"], one["nights"], one["error"] is None) for one in told["pairs"]] == [("roc_auc", 1, True), ("log_loss", 1, False)]
        assert told["broken_nights"] == ["2024-05-02"]

    def test_people_read_what_is_not_measured_and_what_is_left_out(self, records: Records, capsys: pytest.CaptureFixture[str]) -> None:
        assert guarded(lambda: app(["estimates", f"{records.name}.{MODEL}", "--weeks"])) == 0
        said = capsys.readouterr().out
        assert "roc_auc: not measured\n" in said
        assert "Left out, since the data was broken: 1 night (2024-05-02).\n" in said
