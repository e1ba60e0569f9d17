"""What pages are made of: intervals, numbers, links, files."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from made_year import tally_of

from jobs.model.evaluation.evaluation import Estimate
from jobs.nights import span
from jobs.performance.tally import BINS, SUMS, measures
from jobs.report.bands import estimated, realised
from jobs.report.kept import digest_in, put
from jobs.report.links import Pages
from jobs.report.weeks import weeks
from jobs.report.wording import estimate, number, share
from jobs.watch.facts import Facts, Known
from jobs.watch.soundness import Soundness

FIRST = date(2024, 1, 1)
BINARY = Facts(kind="binary", loss="log_loss", holdouts={1: {"loss_error": 0.01, "auc_error": 0.0}, 2: {"loss_error": 0.03}})


def nights(count: int, *, version: int = 1, facts: Facts = BINARY) -> list[tuple[date, Known]]:
    return [(night, Known(night, version, np.array(tally_of(facts, night)))) for night in span(FIRST, FIRST + timedelta(days=count - 1))]


class TestBands:
    def test_nights_are_pooled_and_drawn_for_an_interval(self) -> None:
        found = realised(BINARY, nights(7))
        whole = measures(np.sum([one.tally for _, one in nights(7)], axis=0), "binary")
        assert found["roc_auc"].value == pytest.approx(float(whole["roc_auc"]))
        for metric in ("log_loss", "roc_auc"):
            low, high = found[metric].low, found[metric].high
            assert low is not None
            assert high is not None
            assert low < found[metric].value < high

    def test_one_night_has_no_interval(self) -> None:
        assert (realised(BINARY, nights(1))["log_loss"].low, realised(BINARY, [])) == (None, {})

    def test_a_metric_without_a_value_is_left_out(self) -> None:
        (night, known), *_ = nights(1)
        known.tally[len(SUMS["binary"]) : len(SUMS["binary"]) + BINS] = 0
        assert "roc_auc" not in realised(BINARY, [(night, known)])

    def test_an_estimate_has_the_band_of_its_errors_before(self) -> None:
        found = estimated(BINARY, nights(7))["log_loss"]
        assert found.low == pytest.approx(found.value - 1.96 * 0.01)

    def test_fewer_nights_are_told_less_well(self) -> None:
        found = estimated(BINARY, nights(1))["log_loss"]
        assert found.high == pytest.approx(found.value + 1.96 * 0.01 * 7**0.5)

    def test_the_worst_of_several_versions_counts(self) -> None:
        found = estimated(BINARY, [*nights(3), *nights(4, version=2)])["log_loss"]
        assert found.high == pytest.approx(found.value + 1.96 * 0.03)

    def test_an_error_that_was_not_measured_gives_no_band(self) -> None:
        assert estimated(BINARY, nights(7))["roc_auc"].low is None
        assert estimated(BINARY, nights(7, version=3))["log_loss"].low is None

    def test_the_constant_of_squared_errors_is_a_root_as_the_loss_is(self) -> None:
        squared = Facts(kind="regression", loss="rmse")
        found = realised(squared, nights(7, facts=squared))
        assert 30 < found["constant"].value < 60


class TestWeeks:
    def test_a_week_tells_what_is_known_and_what_is_estimated(self) -> None:
        facts = replace(BINARY, realised={night: [one] for night, one in nights(9)}, estimated=dict(nights(16)))
        found = weeks(facts, since=FIRST)
        assert [(one.first, one.nights) for one in found] == [(FIRST, 7), (date(2024, 1, 8), 2), (date(2024, 1, 15), 0)]
        assert [bool(one.estimated) for one in found] == [True] * 3

    def test_broken_nights_are_passed_over(self) -> None:
        broken = Soundness(red={FIRST: ("features",)})
        facts = replace(BINARY, realised={night: [one] for night, one in nights(7)}, soundness=broken)
        (week,) = weeks(facts, since=FIRST)
        assert week.nights == 6


class TestWords:
    @pytest.mark.parametrize(
        ("given", "said"), [(0.1234, "12 %"), (0.004, "0.4 %"), (0.0, "0 %"), (0.0001, "< 0.1 %"), (0.998, "99.8 %"), (None, "not measured")]
    )
    def test_a_share(self, given: float | None, said: str) -> None:
        assert share(given) == said

    def test_a_number_and_an_estimate(self) -> None:
        assert (number(0.4264), number(26.17), number(None)) == ("0.426", "26.2", "not measured")
        assert estimate(Estimate(0.5526, 0.4822, 0.6397)) == "0.553 [0.482, 0.640]"
        assert estimate(Estimate(26.17, None, None)) == "26.2"


class TestLinks:
    def test_only_files_that_exist_have_an_address(self, folder: Path) -> None:
        assert Pages.of(folder, []).verdict("returned", 1) is None
        put(folder / "returned" / "model" / "v1.html", b"")
        assert Pages.of(folder, []).verdict("returned", 1) == "returned/model/v1.html"

    def test_evidentlys_page_is_found_where_the_folder_lies_now(self, folder: Path) -> None:
        put(folder / "returned" / "drift_report" / "2024-01-01.html", b"")
        pages = Pages.of(folder, [])
        assert pages.evidently("returned", "/elsewhere/returned/drift_report/2024-01-01.html") == "returned/drift_report/2024-01-01.html"
        assert (pages.evidently("returned", ""), pages.evidently("returned", None)) == (None, None)

    def test_great_expectations_page_is_that_of_the_fewest_nights(self, folder: Path) -> None:
        for name in ("2024-01-01_to_2024-01-31", "2024-01-05_to_2024-01-07,_2024-01-09", "2024-01-09"):
            put(folder / "validated" / "orders" / f"{name}.html", b"")
        pages = Pages.of(folder, [])
        found = [pages.expectations("orders", date(2024, 1, day)) for day in (9, 6, 8)]
        assert found == [
            "validated/orders/2024-01-09.html",
            "validated/orders/2024-01-05_to_2024-01-07%2C_2024-01-09.html",
            "validated/orders/2024-01-01_to_2024-01-31.html",
        ]
        assert pages.expectations("orders", date(2024, 2, 1)) is None

    def test_a_night_leads_to_the_nearest_ones_that_have_a_page(self, folder: Path) -> None:
        put(folder / "nights" / "2024-01-01.html", b"")
        pages = Pages.of(folder, [date(2024, 1, 5)])
        assert (pages.before(date(2024, 1, 5)), pages.after(date(2024, 1, 1)), pages.after(date(2024, 1, 5))) == (FIRST, date(2024, 1, 5), None)
        assert (pages.night(FIRST), pages.night(date(2024, 1, 2))) == ("nights/2024-01-01.html", None)


class TestFiles:
    def test_a_page_knows_its_digest(self, folder: Path) -> None:
        page = put(folder / "index.html", b'<meta name="matins-digest" content="0a1b">')
        assert digest_in(page) == "0a1b"
        assert digest_in(put(folder / "other.html", b"<p>of somebody else")) is None
        assert digest_in(folder / "absent.html") is None

    def test_a_page_that_cannot_be_finished_leaves_the_old_one(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        page = put(folder / "index.html", b"old")

        def full(_path: Path, _content: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            put(page, b"new")
        assert page.read_text(encoding="utf-8") == "old"
