"""The answer as a page and as lines: what it says first, which way bars point, and that data stays data."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from markupsafe import escape

from jobs.config.loading import load_pipeline
from jobs.config.pipeline import Pipeline
from jobs.lineage.answer import Decided, Reason, Standing, Why
from jobs.lineage.meanings import meaning, meanings
from jobs.lineage.rule import rule_of
from jobs.lineage.values import Delivered, Origin, SourceRow, Summed
from jobs.lineage.why_page import lines, page, write_page
from jobs.model.decision import Decision
from jobs.settings import Settings

NIGHT = date(2013, 5, 18)
REASONS = (
    Reason("late_7d", "0.21370284834488068", 0.7, "avg(late) over the newest 7 days of outcomes", ("outcomes",)),
    Reason("carrier", "<script>alert(1)</script>", -0.4, "as delivered in schedule", ("schedule",)),
    Reason("visib", None, 0.1, "visib in the newest row of weather", ("weather",)),
    Reason("holiday", "false", 0.0, "whether day is a holiday (US)", ()),
)
BEFORE = Delivered(date(2013, 5, 17), 1, date(2013, 5, 17), 800, "2013-05-17.csv", "ab" * 32, None)
ORIGIN = Origin(
    "outcomes",
    (SourceRow("the row itself", NIGHT, 1, 7, {"carrier": "UA", "tailnum": None}),),
    (Summed({}, 7, date(2013, 5, 10), date(2013, 5, 16), 812),),
    (
        Delivered(date(2013, 5, 17), 1, date(2013, 5, 17), 800, "2013-05-17.csv", "ab" * 32, None),
        Delivered(NIGHT, 1, NIGHT, 812, "2013-05-18.csv", "cd" * 32, 2),
    ),
)
WHY = Why(
    model="flights.delayed",
    label="outcomes.late",
    kind="binary",
    goal="warn the desk",
    night=NIGHT,
    key={"carrier": "../UA", "flight": "15"},
    generation=2,
    restated=False,
    score=0.62,
    predicted=True,
    rule="It is predicted from 16.7 % on.",
    threshold=1 / 6,
    start=0.27,
    margin=0.4,
    base=0.0,
    maps=("platt",),
    top=2,
    reasons=REASONS,
    origins=(ORIGIN,),
    standing=Standing(
        3,
        "d" * 64,
        "2013-05-02",
        {"train": "2013-01-01 to 2013-03-15", "holdout": "2013-04-03 to 2013-04-30"},
        "PASS",
        "It passes. Measured on 9 rows.",
        "e" * 64,
    ),
    decisions=(Decided("2013-05-03 08:00", "promoted", "Ada Byron", "ada", "it is better"),),
    published="The night is not published in the warehouse.",
    run={"run_id": "r1", "code": "1"},
    pins={"features": 4},
    since=("pyspark: 4.1.1 → 4.2.0", "configuration, of which that of then was used: models.delayed.label: outcomes.late → outcomes.<later>"),
    by_todays_file=False,
)


def test_the_page_says_the_answer_first_and_needs_nothing_beside_it() -> None:
    shown = page(WHY).decode()
    answer = "`outcomes.late` was predicted: the model puts its probability at 62.0 %. It is predicted from 16.7 % on."
    assert answer in shown
    assert shown.index(answer) < shown.index("What moved the score") < shown.index("Where the values came from") < shown.index("Ada Byron")
    assert "odds × 2.01" in shown
    assert "odds × 0.67" in shown
    assert "the other 2 features together" in shown
    assert "src=" not in shown
    assert "href=" not in shown
    assert 'name="viewport"' in shown


def test_bars_up_begin_in_the_middle_and_bars_down_end_there() -> None:
    shown = page(WHY).decode()
    assert '"bar up" style="left: 50.00%; width: 50.00%"' in shown
    assert '"bar down" style="left: 21.43%; width: 28.57%"' in shown


def test_values_of_the_data_are_text_and_never_markup() -> None:
    shown = page(WHY).decode()
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_a_value_is_shown_with_the_digits_that_say_something_and_a_missing_one_as_missing() -> None:
    shown = page(WHY).decode()
    assert "0.213703" in shown
    assert "0.21370284834488068" not in shown
    assert "<td>missing</td>" in shown


def test_a_delivery_that_came_again_is_told() -> None:
    shown = page(WHY).decode()
    assert "The delivery 2013-05-18 was delivered again as generation 2; this score knew generation 1." in shown
    assert "The delivery 2013-05-17 was delivered again" not in shown


def test_a_regression_is_told_in_its_own_unit() -> None:
    guess = replace(WHY, kind="regression", predicted=None, score=12.5, rule="A regression predicts a quantity and no class.", maps=())
    shown = page(guess).decode()
    assert "The guess at `outcomes.late` is 12.5." in shown
    assert "+0.7" in shown
    assert "odds" not in shown.lower()
    assert "outcomes.late: a score of 12.5" in "\n".join(lines(guess))


def test_a_persons_reason_is_told_whole_and_what_the_gate_measured_stands_once() -> None:
    gate = Decided("2013-05-02 08:00", "waiting", "gate", "matins", WHY.standing.sentence)
    person = Decided("2013-05-03 08:00", "approved", "Ada Byron", "ada", "OK for June. NOT for cargo flights.")
    veto = Decided("2013-05-04 08:00", "refused", "gate", "matins", "v3 was rejected by Ada Byron: OK for June. NOT for cargo flights.")
    shown = page(replace(WHY, decisions=(gate, person, veto))).decode()
    assert '<td data-of="" class="long">It passes.</td>' in shown
    assert shown.count("Measured on 9 rows.") == 1
    assert '<td data-of="" class="long">OK for June. NOT for cargo flights.</td>' in shown
    assert "rejected by Ada Byron: OK for June. NOT for cargo flights.</td>" in shown


def test_what_has_changed_since_is_told_or_that_nothing_has() -> None:
    shown = page(WHY).decode()
    assert "<li>pyspark: 4.1.1 → 4.2.0</li>" in shown
    assert "outcomes.late → outcomes.&lt;later&gt;</li>" in shown
    assert "are the same now" not in shown
    assert "  since pyspark: 4.1.1 → 4.2.0" in lines(WHY)
    assert WHY.to_dict()["since"] == WHY.since
    same = replace(WHY, since=())
    assert "Configuration, code and libraries are the same now as when the score was made." in page(same).decode()
    assert not [line for line in lines(same) if line.startswith("  since")]


@pytest.mark.parametrize("predicted", [True, None])
def test_an_answer_by_todays_file_says_so_at_once(predicted: bool | None) -> None:
    told = "This is told by today's pipeline file, since that of then is not on record or no longer valid."
    found = replace(WHY, predicted=predicted, by_todays_file=True)
    assert found.answer.endswith(told)
    assert found.to_dict()["answer"].endswith(told)
    assert f"  {found.answer}" in lines(found)
    assert escape(told) in page(found).decode()
    assert "today's" not in replace(WHY, predicted=predicted).answer


def test_score_and_threshold_are_told_apart_wherever_they_stand() -> None:
    near = replace(WHY, score=0.16664, threshold=0.16667, predicted=False, rule=rule_of(Decision(threshold=0.16667), {}, 0.16664).sentence)
    assert "not predicted: the model puts its probability at 16.66 %. It is predicted from 16.67 % on." in near.answer
    assert "moved the score to 16.66 %" in page(near).decode()


def test_lines_add_up_to_the_margin() -> None:
    numbers = [float(line.split()[0]) for line in lines(WHY) if line.strip()[0] in "+-"]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=1e-3)


def test_a_page_is_named_by_the_row_and_stays_in_its_folder(tmp_path: Path) -> None:
    path = write_page(WHY, tmp_path / "why")
    other = write_page(replace(WHY, key={"carrier": "UA", "flight": "15"}), tmp_path / "why")
    assert path.parent == other.parent == tmp_path / "why"
    assert path != other
    assert path.name.startswith("2013-05-18_-UA-15_")
    assert path.name.endswith("_g2.html")


def test_two_keys_never_share_a_page(tmp_path: Path) -> None:
    keys = ({"shop": "x_y", "city": "z"}, {"shop": "x", "city": "y_z"}, {"shop": "x-y", "city": "z"})
    assert len({write_page(replace(WHY, key=key), tmp_path) for key in keys}) == 3


@pytest.fixture(scope="module")
def flights() -> Pipeline:
    return load_pipeline("flights", Settings())


def test_every_feature_of_the_shipped_pipeline_has_a_meaning(flights: Pipeline) -> None:
    assert set(meanings(flights)) == set(flights.features.names)


@pytest.mark.parametrize(
    ("name", "words", "feeds"),
    [
        ("outcomes_carrier_origin_late_7d", "avg(late) over the newest 7 days of outcomes with the same carrier and origin", ("outcomes", "schedule")),
        ("weather_visib", "visib in the newest row of weather with the same origin", ("weather",)),
        ("airports_tz", "tz in airports, looked up by dest", ("airports",)),
        ("holiday", "whether day is a holiday (US)", ()),
        ("made_by_hand", "not described in the pipeline's file: its own function may add it", ()),
    ],
)
def test_a_feature_is_told_in_words(flights: Pipeline, name: str, words: str, feeds: tuple[str, ...]) -> None:
    found = meaning(meanings(flights), name)
    assert found.words == words
    assert set(found.feeds) <= set(feeds) or found.feeds == feeds
