"""What Great Expectations said, read so that nothing it hides can pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jobs.config.expectations import Expectation
from jobs.errors import DataError

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

ROW_COUNT: Final = "row_count"
"""Our own expectation in every suite: a suite that judged other rows than ours has judged nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What Great Expectations found in a batch."""

    rows: int
    unexpected: Mapping[str, int]
    """For each row expectation, the rows that broke it."""
    passed: Mapping[str, bool]
    """For each table expectation, whether the batch met it; empty unless the batch was one delivery."""
    result: "ExpectationSuiteValidationResult"


def opinion_of(result: "ExpectationSuiteValidationResult", asked: Mapping[str, Expectation], rows: int) -> Opinion:
    """Reads a suite's result, closed: what was not counted, on the very rows that were given, has not passed.

    Args:
        result: of a suite of `asked` and `ROW_COUNT`, each with its rule name as `meta["rule"]`.
        asked: the feed's expectations in the suite, by rule name.
        rows: how many rows were given.

    Raises:
        DataError: a metric raised, a result is missing or has no number, or other rows were judged.
    """
    results = {str((one.expectation_config.meta or {}).get("rule")): one for one in result.results if one.expectation_config}
    if raised := [f"`{rule}`: {text}" for rule, one in results.items() if (text := _raised(one))]:
        msg = f"Great Expectations could not judge, so the rows do not pass: {'; '.join(raised)}"
        raise DataError(msg)
    if set(results) != {ROW_COUNT, *asked} or len(result.results) != len(results):
        msg = f"Great Expectations was asked {sorted([ROW_COUNT, *asked])} and gave {len(result.results)} results, {sorted(results)}: the rows do not pass."
        raise DataError(msg)
    if unread := [_said(rule, one) for rule, one in results.items() if not _counted(rule, one, asked, rows)]:
        msg = f"Great Expectations did not judge the {rows} rows it was given, so they do not pass: {'; '.join(unread)}"
        raise DataError(msg)
    return Opinion(
        rows=rows,
        unexpected={rule: int(results[rule].result["unexpected_count"]) for rule, expectation in asked.items() if expectation.of_rows},
        passed={rule: bool(results[rule].success) for rule, expectation in asked.items() if not expectation.of_rows},
        result=result,
    )


def _raised(one: "ExpectationValidationResult") -> str | None:
    info: dict[str, Any] = one.exception_info or {}
    # A failed check gives a flat dictionary; a failed metric gives one by metric, without `raised_exception` at the top.
    nested = [each for each in info.values() if isinstance(each, dict)]
    messages = [str(each.get("exception_message")) for each in nested or ([info] if info.get("raised_exception") else [])]
    return " ".join(messages[0].split())[:300] if messages else None


def _counted(rule: str, one: "ExpectationValidationResult", asked: Mapping[str, Expectation], rows: int) -> bool:
    if rule == ROW_COUNT:
        return bool(one.success) and one.result.get("observed_value") == rows
    if asked[rule].of_rows:
        # A metric that went missing leaves no exception: its check is "vacuously true", without a count or of no rows.
        return one.result.get("element_count") == rows and isinstance(one.result.get("unexpected_count"), int)
    return one.success is not None and "observed_value" in one.result


def _said(rule: str, one: "ExpectationValidationResult") -> str:
    numbers = {key: one.result.get(key) for key in ("element_count", "unexpected_count", "observed_value") if key in one.result}
    return f"`{rule}` {numbers or 'has no numbers'}"
