"""The page of all nights."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from made_year import RED, REIGNS, SCORED_FROM, YEAR

from jobs.report.drifted import drift_rows
from jobs.report.heat import FEATURES, heat
from jobs.report.index import Index, index_of
from jobs.report.links import Pages
from jobs.report.page import index_page
from jobs.report.records import Records

SCORED = [night for night in YEAR if night >= SCORED_FROM]


@pytest.fixture(scope="module")
def view(year: Records, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return index_of(year, Pages.of(tmp_path_factory.mktemp("pages"), SCORED))


@pytest.fixture(scope="module")
def told(year: Records, view: Index) -> str:
    return index_page(view, year).decode()


def test_a_year_of_two_models_is_under_a_megabyte(told: str) -> None:
    assert len(told.encode()) < 1_000_000


def test_every_night_has_a_cell_with_a_mark_and_a_title(told: str) -> None:
    cells = re.findall(r'<(a|span) class="night (\w+)"[^>]* title="([^"]+)">(\d+)<span>(.)</span>', told)
    assert len(cells) == len(YEAR)
    assert {title[:10] for _, word, title, _, mark in cells if word == "red" and mark == "✗"} == {str(night) for night in RED}
    assert {tag for tag, _, title, _, _ in cells if date.fromisoformat(title[:10]) < SCORED_FROM} == {"span"}
    assert f'href="nights/{YEAR[-1]}.html"' in told


def test_the_newest_month_comes_first(view: Index) -> None:
    assert [name for name, _ in view.months] == [f"2013-{month:02}" for month in range(12, 0, -1)]


def test_a_night_of_which_nothing_is_on_record_is_shown_as_such(year: Records, folder: Path) -> None:
    holes = replace(year, states={night: states for night, states in year.states.items() if night != date(2013, 7, 8)})
    cells = {one.night: one.word for _, month in index_of(holes, Pages.of(folder, [])).months for one in month}
    assert cells[date(2013, 7, 8)] == "none"


def test_champions_come_newest_first_with_their_reasons(view: Index, told: str) -> None:
    assert [one.version for one in view.decisions if one.model == "delayed"] == sorted(REIGNS, reverse=True)
    assert "delayed: PASS, since all 13 rules hold." in told


def test_nights_that_were_held_back_one_after_the_other_are_told_together(view: Index) -> None:
    newest = next(one for one in view.spells if one.model == "delayed")
    assert (newest.act, newest.first, newest.last) == ("held_back", date(2013, 12, 1), date(2013, 12, 11))


def test_open_alerts_come_before_past_ones(told: str) -> None:
    still, past = (told.split(f"<h2>{name} alerts</h2>", 1)[1].split("<h2>", 1)[0] for name in ("Open", "Past"))
    assert ("2013-12-26" in still, "2013-11-21" in still) == (True, False)
    assert ("2013-12-26" in past, "2013-11-21" in past) == (False, True)


def test_plots_and_maps_have_words_beside_them(told: str) -> None:
    assert told.count('<img alt="') == told.count("<img ") == 2 * 2 + 2 + 3
    assert "The same as numbers" in told
    assert "week of" in told
    assert "http" not in told
    assert "<script" not in told


def test_the_map_has_the_score_first_and_then_the_heaviest_features(year: Records) -> None:
    nights = SCORED[:10]
    made = heat(drift_rows(year.current["delayed/drift_report"], nights), nights)
    assert made is not None
    weights = [one.weight for one in made.features[1:]]
    assert made.features[0].name == "score"
    assert len(weights) == FEATURES
    assert weights == sorted(weights, reverse=True)
    assert (made.left_out, made.features[1].measured) == (50, 10)


def test_nights_that_were_not_measured_leave_no_map() -> None:
    assert heat(drift_rows({}, SCORED[:3]), SCORED[:3]) is None


def test_before_the_first_night_it_says_that_there_is_nothing(records: Callable[[], Records], folder: Path) -> None:
    found = records()
    page = index_page(index_of(found, Pages.of(folder, [])), found).decode()
    assert "Nothing is on record yet." in page
    assert "There is no champion." in page
