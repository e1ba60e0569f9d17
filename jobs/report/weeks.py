"""How a model did week by week: realised and expected, as far as each is known."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from jobs.report.bands import Found, Metrics, estimated, realised
from jobs.watch.facts import Facts, Known


@dataclass(frozen=True)
class Week:
    """The scored nights of one week, whichever versions scored them."""

    first: date
    """Its Monday."""
    middle: date
    """Of its scored nights."""
    nights: int
    """Whose labels are known."""
    realised: Metrics
    estimated: Metrics


def weeks(facts: Facts, *, since: date) -> list[Week]:
    """Each week since the night's, oldest first, by the newest knowledge of each scored night; nights whose data was broken are passed over.

    Args:
        facts: the model's.
        since: the first night.
    """
    sound = {night for night in {*facts.realised, *facts.estimated} if night >= since and not facts.soundness.problem(night)}
    known = _by_week((scored, found[-1]) for scored, found in facts.realised.items() if scored in sound)
    expected = _by_week((scored, one) for scored, one in facts.estimated.items() if scored in sound)
    return [_week(facts, first, known.get(first, []), expected.get(first, [])) for first in sorted({*known, *expected})]


def _week(facts: Facts, first: date, known: Found, expected: Found) -> Week:
    scored = sorted({day for day, _ in [*known, *expected]})
    return Week(first, scored[len(scored) // 2], len(known), realised(facts, known), estimated(facts, expected))


def _by_week(found: Iterable[tuple[date, Known]]) -> dict[date, list[tuple[date, Known]]]:
    weekly: dict[date, list[tuple[date, Known]]] = {}
    for scored, one in sorted(found, key=lambda pair: pair[0]):
        weekly.setdefault(scored - timedelta(days=scored.weekday()), []).append((scored, one))
    return weekly
