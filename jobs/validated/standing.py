"""Whether a delivery's night may stand, and what it shows although it does."""

from collections.abc import Iterable, Sequence

from jobs.config.feeds import Feed
from jobs.validated.contract import retyped
from jobs.validated.counts import Counts
from jobs.validated.literals import rule_names
from jobs.validated.tables import TableResult


def night_problem(night: Counts, feed: Feed, tables: Iterable[TableResult] = ()) -> str | None:
    """Why a night is red, or None.

    Args:
        night: its counts; `Counts.empty` for a delivery without rows.
        feed: the contract.
        tables: results of the table expectations; those of other nights are ignored.
    """
    if not night.rows:
        return "the delivery has no rows; have it sent again, or declare the night as `missing`"
    failing = (name for name, expectation in rule_names(feed).items() if expectation.of_rows and expectation.on_failure == "fail")
    problems = [
        *retyped(night.casts),
        *_too_many_bad(night, feed),
        *(f"{night.unexpected[rule]} row(s) broke `{rule}`, which fails the night" for rule in failing if night.unexpected[rule]),
        *(str(result) for result in _not_passed(night, tables) if result.on_failure == "fail"),
    ]
    return "; ".join(problems) or None


def night_warnings(night: Counts, feed: Feed, tables: Iterable[TableResult] = ()) -> list[str]:
    """What a night shows although it is green, a sentence each.

    Args:
        night: its counts.
        feed: the contract.
        tables: results of the table expectations; those of other nights are ignored.
    """
    warning = (name for name, expectation in rule_names(feed).items() if expectation.of_rows and expectation.on_failure == "warn")
    return [
        *(f"{seen} row(s) broke `{rule}`" for rule in warning if (seen := night.unexpected.get(rule, 0))),
        *(str(result) for result in _not_passed(night, tables) if result.on_failure == "warn"),
    ]


def _too_many_bad(night: Counts, feed: Feed) -> Sequence[str]:
    kept_out = night.bad + night.duplicates
    if kept_out <= feed.max_bad_share * night.rows and night.good:
        return []
    worst = sorted(((seen, rule) for rule, seen in night.unexpected.items() if seen), reverse=True)[:3]
    rules = ", ".join(f"`{rule}` {seen}" for seen, rule in worst)
    share = f"{kept_out / night.rows:.1%} (`max_bad_share` is {feed.max_bad_share:.1%})"
    return [f"{kept_out} of {night.rows} rows are quarantined, {share}; most often by {rules}"]


def _not_passed(night: Counts, tables: Iterable[TableResult]) -> list[TableResult]:
    of_night = (result for result in tables if (result.night, result.generation) == (night.night, night.generation))
    return [result for result in of_night if not result.passed]
