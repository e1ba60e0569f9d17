"""Expectations: the closed list, under Great Expectations' own names and arguments."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from jobs.config.base import Section

OnFailure = Literal["quarantine", "warn", "fail"]

# name → (arguments that must be given, arguments that may be given)
ROW_EXPECTATIONS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "expect_column_values_to_not_be_null": (frozenset({"column"}), frozenset()),
    "expect_column_values_to_be_in_set": (frozenset({"column", "value_set"}), frozenset()),
    "expect_column_values_to_not_be_in_set": (frozenset({"column", "value_set"}), frozenset()),
    "expect_column_values_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value", "strict_min", "strict_max"})),
    "expect_column_values_to_match_regex": (frozenset({"column", "regex"}), frozenset()),
    "expect_column_value_lengths_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
    "expect_column_pair_values_a_to_be_greater_than_b": (frozenset({"column_A", "column_B"}), frozenset({"or_equal"})),
}
TABLE_EXPECTATIONS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "expect_table_row_count_to_be_between": (frozenset(), frozenset({"min_value", "max_value"})),
    "expect_column_mean_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
    "expect_column_min_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
    "expect_column_max_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
    "expect_column_sum_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
    "expect_column_unique_value_count_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
    "expect_column_proportion_of_non_null_values_to_be_between": (frozenset({"column"}), frozenset({"min_value", "max_value"})),
}
ALL: Final = {**ROW_EXPECTATIONS, **TABLE_EXPECTATIONS}


class Expectation(Section):
    """One expectation. In the file: `{expect_…: {argument: value, …}, on_failure: …}`."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    on_failure: OnFailure
    """quarantine: the row is set aside; fail: the night is red; warn: it is shown. Rows default to quarantine, tables to fail."""

    @property
    def of_rows(self) -> bool:
        """True if it judges each row by itself, false if it judges the night's table as a whole."""
        return self.name in ROW_EXPECTATIONS

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return tuple(str(self.arguments[key]) for key in ("column", "column_A", "column_B") if key in self.arguments)

    @property
    def rule(self) -> str:
        """A short name that is unique for different expectations: `values_to_be_in_set(origin)`."""
        name = self.name.removeprefix("expect_").removeprefix("column_")
        return f"{name}({', '.join(self.columns)})" if self.columns else name

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, given: object) -> object:
        if not isinstance(given, dict) or "name" in given:
            return given
        names = [key for key in given if key != "on_failure"]
        if len(names) != 1:
            msg = f"one expectation per list item is allowed, got {names}"
            raise ValueError(msg)
        default = "fail" if names[0] in TABLE_EXPECTATIONS else "quarantine"
        return {"name": names[0], "arguments": given[names[0]] or {}, "on_failure": given.get("on_failure", default)}

    @model_validator(mode="after")
    def _is_on_the_list(self) -> Self:
        if self.name not in ALL:
            msg = f"`{self.name}` is not supported; allowed are {sorted(ALL)}"
            raise ValueError(msg)
        needed, optional = ALL[self.name]
        given = set(self.arguments)
        if missing := needed - given:
            msg = f"`{self.name}` lacks {sorted(missing)}"
            raise ValueError(msg)
        if unknown := given - needed - optional:
            msg = f"`{self.name}` does not know {sorted(unknown)}; allowed are {sorted(needed | optional)}"
            raise ValueError(msg)
        if "min_value" in optional and not given & {"min_value", "max_value"}:
            msg = f"`{self.name}` needs `min_value`, `max_value` or both"
            raise ValueError(msg)
        if self.on_failure == "quarantine" and not self.of_rows:
            msg = f"`{self.name}` judges a whole night: `on_failure` may be fail or warn, not quarantine"
            raise ValueError(msg)
        return self
