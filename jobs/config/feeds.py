"""Feeds: what is delivered from outside, and the contract it has to meet."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from jobs.config.base import Name, Section, Sql, UpToAYear, UpToTenYears
from jobs.config.expectations import Expectation

ColumnType = Literal["string", "int", "float", "bool", "date", "timestamp"]
RESERVED = frozenset({"night", "generation", "known_night", "row", "restated", "corrupt", "extra", "score", "predicted"})


class Column(Section):
    """A delivered column. In the file, `name: int` is short for `name: {type: int}`."""

    type: ColumnType
    personal: Literal["drop", "hash"] | None = None
    """Personal data: dropped, or replaced by a keyed HMAC, before anything is stored."""


def _column_from_file(given: Any) -> Any:
    return {"type": given} if isinstance(given, str) else given


class SqlSource(Section):
    """A delivery that is queried from a database."""

    url: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    """Name of the environment variable with the SQLAlchemy URL; never the URL itself."""
    query: str
    """A SELECT; `:night` and `:event_day` are bound as ISO dates."""


class Missing(Section):
    """Which nights' deliveries may be absent."""

    tolerate: UpToAYear = Field(default=0, ge=0)
    """So many nights may be absent from a feature's longest window; more is red."""


class Feed(Section):
    """Rows delivered night by night, or a table that is replaced when its bytes change (`undated`)."""

    path: str | None = None
    """A CSV or Parquet file; `{night}` stands for the night. Relative paths are under the landing folder."""
    sql: SqlSource | None = None
    undated: bool = False
    lag: UpToAYear = Field(default=0, ge=0)
    """The delivery for night D carries event day D − lag."""
    event_day: Name = "day"
    """The date column that holds the event day."""
    key: Annotated[list[Name], Field(min_length=1)]
    columns: dict[Name, Annotated[Column, BeforeValidator(_column_from_file)]]
    derive: dict[Name, Sql] = Field(default_factory=dict)
    """Columns computed from the typed columns of the same row."""
    null_values: list[str] = Field(default=["", "NA"])
    """Delivered texts that mean NULL."""
    expect: list[Expectation] = Field(default_factory=list)
    max_bad_share: float = Field(default=0.02, ge=0, le=1)
    """A night with a larger share of quarantined rows is red."""
    from_: date | None = Field(default=None, alias="from")
    """First night with a delivery; the pipeline's first night if left out."""
    missing: Missing = Missing()
    new_columns: Literal["ignore", "refuse"] = "ignore"
    """What to do with delivered columns that are not declared: keep them in raw only, or refuse the delivery."""
    max_late_days: UpToTenYears = Field(default=45, ge=0)
    """Rows whose event day is older than this are quarantined as too late."""

    @property
    def kept(self) -> dict[str, Column]:
        """The declared columns without those that are dropped as personal."""
        return {name: column for name, column in self.columns.items() if column.personal != "drop"}

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        problems = [*self._source_problems(), *self._column_problems()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _source_problems(self) -> list[str]:
        problems = []
        if (self.path is None) == (self.sql is None):
            problems.append("path: exactly one of `path` and `sql` must be given")
        if self.path is not None and not self.path.endswith((".csv", ".parquet")):
            problems.append(f"path: must end in .csv or .parquet (got {self.path!r})")
        if self.path is not None and ("{night}" in self.path) == self.undated:
            problems.append(f"path: must contain {{night}} unless the feed is undated, and then not (got {self.path!r})")
        if self.undated and (self.lag or self.from_):
            problems.append("undated: an undated feed has neither `lag` nor `from`")
        return problems

    def _column_problems(self) -> list[str]:
        known, problems = set(self.kept), []
        if absent := [name for name in self.key if name not in known]:
            problems.append(f"key: names {absent}, which are not in `columns`: {sorted(known)}")
        if taken := sorted((set(self.columns) | set(self.derive)) & RESERVED):
            problems.append(f"columns: the names {taken} are the product's own; rename them in the delivery")
        if both := sorted(set(self.columns) & set(self.derive)):
            problems.append(f"derive: {both} are delivered already; choose other names")
        if not self.undated and (self.event_day not in known or self.columns[self.event_day].type != "date"):
            problems.append(f"event_day: must name a column of type date (got {self.event_day!r})")
        for place, expectation in enumerate(self.expect):
            if absent := [name for name in expectation.columns if name not in known]:
                problems.append(f"expect.{place}: `{expectation.name}` names {absent}, which are not in `columns`: {sorted(known)}")
        return problems
