"""Episodes of alerts: when one begins and ends, and what is told of it. A night is a letter: `X` where the rule holds, `.` where it does not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from jobs.alerts.episodes import Episode, Episodes, Finding, followed, to_judge, told, untold

FIRST = date(2024, 5, 1)


def night(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


def finding(pattern: str, of: date, subject: str = "returned") -> Finding:
    holds = pattern[(of - FIRST).days] == "X"
    return Finding("late", subject, "warning", holds, float(holds), f"holds on {of}" if holds else f"does not hold on {of}")


def judged(pattern: str, *numbers: int, before: Episodes | None = None) -> tuple[Episodes, list[date]]:
    """The episodes after some nights, all of the pattern if none are named."""
    nights = [night(number) for number in numbers or range(1, len(pattern) + 1)]
    return followed(before or {}, lambda one: [finding(pattern, one)], nights)


def tell(episodes: Episodes, repeat: int) -> tuple[Episodes, list[tuple[date, str]]]:
    new = [(one, state) for one in episodes.values() if (state := untold(one, repeat=repeat))]
    return {**episodes, **{one.key: told(one) for one, _ in new}}, [(one.judged, state) for one, state in new]


def nightly(pattern: str, repeat: int = 7) -> list[tuple[int, str]]:
    """What is told if each night is a run, as number and state."""
    episodes, said = {}, []
    for number in range(1, len(pattern) + 1):
        episodes, _ = judged(pattern, number, before=episodes)
        episodes, now = tell(episodes, repeat)
        said += [(number, state) for _, state in now]
    return said


def spans(episodes: Episodes) -> list[tuple[date, date, date | None]]:
    return [(one.opened, one.last, one.resolved) for one in episodes.values()]


def test_an_episode_opens_lasts_and_is_over_in_the_first_night_without() -> None:
    episodes, changed = judged("..XXX..")
    assert spans(episodes) == [(night(3), night(5), night(6))]
    assert changed == [night(number) for number in (3, 4, 5, 6)]
    (one,) = episodes.values()
    assert (one.sentence, one.severity, one.name) == ("holds on 2024-05-05", "warning", "late (returned)")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("....", []),
        ("..X", [(3, "open")]),
        (".XXX", [(2, "open")]),
        (".XX..", [(2, "open"), (4, "resolved")]),
        ("XXXXXXXX.", [(1, "open"), (4, "still open"), (7, "still open"), (9, "resolved")]),
        ("X.X.", [(1, "open"), (2, "resolved"), (3, "open"), (4, "resolved")]),
    ],
)
def test_each_night_tells_what_is_new(pattern: str, said: Sequence[tuple[int, str]]) -> None:
    assert nightly(pattern, repeat=3) == said


def test_flapping_makes_an_episode_of_each() -> None:
    episodes, _ = judged("X.XX.X")
    assert spans(episodes) == [(night(1), night(1), night(2)), (night(3), night(4), night(5)), (night(6), night(6), None)]


def test_a_range_tells_only_what_stands_at_its_end() -> None:
    episodes, _ = judged("X.X.XX.XXXX")
    assert len(episodes) == 4
    assert tell(episodes, repeat=1)[1] == [(night(11), "open")]
    over, _ = judged("X.X.XX.")
    assert len(over) == 3
    assert tell(over, repeat=1)[1] == []


def test_a_range_tells_the_end_of_what_was_told_before_it() -> None:
    before, _ = tell(judged("XX...X.X", 1)[0], repeat=7)
    after, _ = judged("XX...X.X", *range(2, 9), before=before)
    assert tell(after, repeat=7)[1] == [(night(3), "resolved"), (night(8), "open")]


def test_the_newest_night_again_changes_and_tells_nothing() -> None:
    for pattern in ("..X", ".XX", ".X.", "..."):
        once, _ = tell(judged(pattern)[0], repeat=7)
        again, changed = judged(pattern, 3, before=once)
        assert (again, changed, tell(again, repeat=7)[1]) == (once, [], []), pattern


def test_the_newest_night_that_turns_out_well_is_over_at_once() -> None:
    told_open, _ = tell(judged("..X")[0], repeat=7)
    mended, changed = judged("...", 3, before=told_open)
    assert spans(mended) == [(night(3), night(3), night(3))]
    assert changed == [night(3)]
    assert tell(mended, repeat=7)[1] == [(night(3), "resolved")]
    (one,) = mended.values()
    assert not one.stood(night(3))


def test_an_episode_that_was_told_as_over_too_early_goes_on_and_is_told_again() -> None:
    over, said = tell(judged(".X.", 3, before=tell(judged(".XX", 1, 2)[0], repeat=7)[0])[0], repeat=7)
    assert said == [(night(3), "resolved")]
    after_all, _ = judged(".XX", 3, before=over)
    assert spans(after_all) == [(night(2), night(3), None)]
    assert tell(after_all, repeat=7)[1] == [(night(3), "open")]


def test_an_episode_whose_end_nobody_heard_of_goes_on_quietly() -> None:
    over, _ = judged(".X.", 3, before=tell(judged(".XX", 1, 2)[0], repeat=7)[0])
    after_all, _ = judged(".XX", 3, before=over)
    assert spans(after_all) == [(night(2), night(3), None)]
    assert tell(after_all, repeat=7)[1] == []


def test_what_was_not_told_waits_for_the_next_night() -> None:
    unsent, _ = judged("..X")
    later, _ = judged("..XX", 4, before=unsent)
    assert tell(later, repeat=7)[1] == [(night(4), "open")]
    # Nobody heard of it, so nobody need hear that it is over.
    over, _ = judged("..X.", 4, before=unsent)
    assert tell(over, repeat=7)[1] == []


def test_older_nights_than_the_newest_judged_are_left_alone() -> None:
    episodes, _ = judged("..XX")
    nights = [night(number) for number in range(1, 7)]
    assert to_judge(nights, episodes, judged=[]) == nights[3:]
    assert to_judge(nights, episodes, judged=[night(2), night(5)]) == nights[4:]
    assert to_judge(nights, judged("..X..")[0], judged=[]) == nights[3:]
    assert to_judge(nights, {}, judged=[]) == nights
    assert to_judge(nights[:2], episodes, judged=[]) == []


def test_subjects_are_apart() -> None:
    both, _ = followed({}, lambda one: [finding("XX", one), finding(".X", one, subject="kept")], [night(1), night(2)])
    assert {(one.subject, one.opened) for one in both.values()} == {("returned", night(1)), ("kept", night(2))}


def test_a_rule_that_is_gone_ends_its_episode() -> None:
    episodes, _ = tell(judged(".X")[0], repeat=7)
    after, changed = followed(episodes, lambda _: [], [night(3)])
    assert spans(after) == [(night(2), night(2), night(3))]
    assert changed == [night(3)]
    assert tell(after, repeat=7)[1] == [(night(3), "resolved")]


def test_without_a_rule_only_the_end_is_told() -> None:
    one = Episode(rule="late", subject="returned", opened=night(1), severity="info", sentence="", last=night(9))
    assert untold(one, repeat=None) is None
    assert untold(replace(one, resolved=night(10), told=night(1)), repeat=None) == "resolved"


def test_severity_follows_the_rule() -> None:
    episodes, _ = judged("X")
    after, _ = followed(episodes, lambda one: [finding("XX", one)._replace(severity="critical")], [night(2)])
    assert [one.severity for one in after.values()] == ["critical"]


def test_an_episode_stood_from_its_first_night_to_the_one_before_its_end() -> None:
    (one,) = judged(".XX..")[0].values()
    assert [one.stood(night(number)) for number in range(1, 6)] == [False, True, True, False, False]
