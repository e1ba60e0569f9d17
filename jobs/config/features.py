"""Features: what is known about each row to score, as Spark SQL over the feeds."""

import re
from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator

from jobs.config.base import Name, PlugIn, Section, Sql, UpToAYear

AGGREGATE: Final = re.compile(r"^(count|sum|avg)\((.+)\)$", re.DOTALL)
Windows = Annotated[list[Annotated[UpToAYear, Field(ge=1)]], Field(min_length=1)]
CALENDAR: Final = ("holiday", "days_to_holiday", "days_since_holiday")


class Calendar(Section):
    """Public holidays around the row's day: `holiday`, `days_to_holiday`, `days_since_holiday` (14 at most)."""

    day: Name
    """A date column of the rows."""
    holidays: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    """ISO country code, as the `holidays` library knows it."""

    @field_validator("holidays")
    @classmethod
    def _is_known(cls, country: str) -> str:
        # `list_supported_countries` would import every country to tell its subdivisions too.
        from holidays.registry import EntityLoader

        if country not in EntityLoader.get_country_codes(include_aliases=False):
            msg = f"the library `holidays` does not know the country {country}; write a code of ISO 3166, such as US or DE"
            raise ValueError(msg)
        return country


class Lookup(Section):
    """Columns of an undated feed."""

    on: Annotated[dict[Name, Name], Field(min_length=1)]
    """Column of the rows: column of the feed. The feed's columns must be its key."""
    take: Annotated[list[Name], Field(min_length=1)]


class Latest(Section):
    """The newest known row of a feed."""

    by: list[Name] = Field(default_factory=list)
    """Columns that the rows and the feed share."""
    order: Name
    """The feed's column that says which row is newest."""
    take: Annotated[list[Name], Field(min_length=1)]
    max_age_days: UpToAYear = Field(default=3, ge=1)
    """Rows of older event days than the newest possible are no longer used."""


class History(Section):
    """Aggregates over the newest event days that a night can know."""

    windows: Windows
    """w means the event days D − lag − w + 1 … D − lag."""
    by: Annotated[list[list[Name]], Field(min_length=1)]
    """One set of features for each list of columns; the empty list is everything."""
    take: Annotated[dict[Name, Sql], Field(min_length=1)]
    """Name: count(…), sum(…) or avg(…) of an expression over the feed's row and, where the keys agree, the scored row of then."""

    @field_validator("take")
    @classmethod
    def _are_aggregates(cls, take: dict[str, str]) -> dict[str, str]:
        if unfit := [text for text in take.values() if not AGGREGATE.match(text.strip())]:
            msg = f"{unfit}: allowed are count(…), sum(…) and avg(…)"
            raise ValueError(msg)
        return take

    def names(self, feed: str) -> list[str]:
        """The features of a feed, in order."""
        return [self.name(feed, by, take, window) for by in self.by for window in sorted(self.windows) for take in self.take]

    @staticmethod
    def name(feed: str, by: Sequence[str], take: str, window: int) -> str:
        """`outcomes_origin_dep_hour_late_7d`; without groups `outcomes_all_late_7d`."""
        return "_".join([feed, *(by or ["all"]), take, f"{window}d"])


class Features(Section):
    """One row per entity to score."""

    rows: Name
    """The feed whose delivery for night D is scored in night D."""
    columns: dict[Name, Sql] = Field(default_factory=dict)
    """Name: expression over the row."""
    take: list[Name] = Field(default_factory=list)
    """Columns of the rows that are features as they are."""
    calendar: Calendar | None = None
    lookup: dict[Name, Lookup] = Field(default_factory=dict)
    latest: dict[Name, Latest] = Field(default_factory=dict)
    history: dict[Name, History] = Field(default_factory=dict)
    plug_in: PlugIn | None = None
    """A function frame → frame that adds columns, each from its own row alone."""

    @property
    def feeds(self) -> tuple[str, ...]:
        """Every feed that the features rest on, the rows' own first."""
        return tuple(dict.fromkeys([self.rows, *self.lookup, *self.latest, *self.history]))

    @property
    def names(self) -> tuple[str, ...]:
        """The features that SQL computes, in the table's order; a plug-in adds others."""
        looked_up = [f"{feed}_{name}" for feed, one in self.lookup.items() for name in one.take]
        latest = [f"{feed}_{name}" for feed, one in self.latest.items() for name in one.take]
        history = [name for feed, one in self.history.items() for name in one.names(feed)]
        return (*self.take, *self.columns, *(CALENDAR if self.calendar else ()), *looked_up, *latest, *history)

    def days_back(self, feed: str) -> int:
        """How many event days of `feed` a night looks at; 0 for a feed that is only looked up."""
        windows = self.history[feed].windows if feed in self.history else []
        ages = [self.latest[feed].max_age_days] if feed in self.latest else []
        return max([*windows, *ages], default=0)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if twice := sorted(set(self.columns) & set(self.take)):
            msg = f"{twice} are both taken and computed"
            raise ValueError(msg)
        return self
