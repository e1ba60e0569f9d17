"""A pipeline: one file, validated as a whole."""

from collections.abc import Callable, Iterator
from datetime import date, time
from typing import Any, Self, get_args

from pydantic import Field, field_validator, model_validator

from jobs.config import references
from jobs.config.base import Name, PlugIn, Section, UpToTenYears
from jobs.config.features import Features
from jobs.config.feeds import Feed
from jobs.config.models import Model
from jobs.config.reasons import too_many
from jobs.config.watching import OF_PROBABILITIES, AlertRule, Alerts, DataSignal, ModelSignal


class Cost(Section):
    """What errors cost, in any one unit."""

    missed: float = Field(gt=0)
    false_alarm: float = Field(gt=0)

    @property
    def threshold(self) -> float:
        """The probability from which acting costs less than not acting (Elkan 2001, The Foundations of Cost-Sensitive Learning, eq. 2)."""
        return self.false_alarm / (self.false_alarm + self.missed)


class Purpose(Section):
    """What the predictions are for."""

    goal: str
    cost: Cost | None = None
    """Needed by binary models whose threshold comes from it."""
    not_for: list[str] = Field(default_factory=list)
    """Uses that the predictions are not good enough for; a version's card says so."""


class Nights(Section):
    """The nights that the pipeline can run, and when."""

    from_: date = Field(alias="from")
    to: date | None = None
    """Last night; left out: no end."""
    as_of: time = time(6)
    """Time of day in UTC at which night D runs, on D."""

    @field_validator("as_of", mode="wrap")
    @classmethod
    def _to_the_minute(cls, given: Any, read: Callable[[Any], time]) -> time:
        at = read(given)
        if at.tzinfo or at.second or at.microsecond:
            msg = f'must be hours and minutes in UTC, without a zone, as "06:00" (got {given!r})'
            raise ValueError(msg)
        return at


class Retention(Section):
    """What `matins maintain` may let go. Rows are never removed; earlier states of tables are."""

    nights: UpToTenYears | None = Field(default=None, ge=1)
    """So many nights, counted back from the newest that was scored, can be computed again; left out: all.

    Older ones stay where they are, and are no longer reproducible. Versions of models likewise, unless such a night or the champion rests on them.
    """


class Pipeline(Section):
    """Feeds, features and models."""

    pipeline: Name
    purpose: Purpose
    nights: Nights
    feeds: dict[Name, Feed] = Field(min_length=1)
    features: Features
    models: dict[Name, Model] = Field(min_length=1)
    alerts: Alerts = Alerts()
    retention: Retention = Retention()
    sample: PlugIn | None = None
    """A function (landing folder, first night, last night) that writes sample deliveries and yields each night."""

    @property
    def rows(self) -> Feed:
        """The feed whose rows are scored."""
        return self.feeds[self.features.rows]

    @property
    def features_and_label_feeds(self) -> tuple[str, ...]:
        """The feeds that something rests on, in the file's order; a feed that nothing uses is not ingested."""
        used = {*self.features.feeds, *(model.label_feed for model in self.models.values())}
        return tuple(name for name in self.feeds if name in used)

    def nights_back(self, feed: str) -> int:
        """How many nights before its own a night looks at the deliveries of `feed`.

        The scored rows are looked at as far back as any history whose outcomes they are joined to.
        """
        features = self.features
        back = features.days_back(feed) - 1
        if feed == features.rows:
            joined = [features.days_back(one) + self.feeds[one].lag - self.rows.lag for one in features.history if self.feeds[one].key == self.rows.key]
            back = max([back, *[days - 1 for days in joined]])
        return max(back, 0)

    def label_lag(self, model: str) -> int:
        """Nights from a row's own to that of its label."""
        return self.feeds[self.models[model].label_feed].lag - self.rows.lag

    def models_with(self, signal: ModelSignal | DataSignal) -> list[str]:
        """The models that have a signal: a regression has none of probabilities."""
        return [name for name, model in self.models.items() if model.type == "binary" or signal not in OF_PROBABILITIES]

    def first_delivery(self, feed: str) -> date:
        """The first night for which `feed` delivers."""
        return self.feeds[feed].from_ or self.nights.from_

    @field_validator("nights")
    @classmethod
    def _in_order(cls, nights: Nights) -> Nights:
        if nights.to is not None and nights.to < nights.from_:
            msg = f"to: must not be before `from` (got {nights.from_} to {nights.to})"
            raise ValueError(msg)
        return nights

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        # Only where every feed exists can the rest be looked at.
        if problems := [*self._absent_feeds()] or [*self._feature_problems(), *self._model_problems(), *self._alert_problems()]:
            raise ValueError("\n".join(problems))
        return self

    def _absent_feeds(self) -> Iterator[str]:
        for feed in self.features.feeds:
            if feed not in self.feeds:
                yield f"features: names the feed `{feed}`; declared are {sorted(self.feeds)}"

    def _feature_problems(self) -> Iterator[str]:
        features = self.features
        if self.rows.undated:
            yield f"features.rows: the feed `{features.rows}` is undated; the rows to score come night by night"
        for name in features.lookup:
            if not self.feeds[name].undated:
                yield f"features.lookup.{name}: only undated feeds are looked up; use `latest` or `history`"
            elif set(features.lookup[name].on.values()) != set(self.feeds[name].key):
                yield f"features.lookup.{name}.on: must be on the feed's key {self.feeds[name].key}"
        for section, named in (("latest", features.latest), ("history", features.history)):
            yield from (f"features.{section}.{name}: needs a dated feed, this one is undated; use `lookup`" for name in named if self.feeds[name].undated)
        yield from references.problems(self)

    def _model_problems(self) -> Iterator[str]:
        for name, model in self.models.items():
            feed = self.feeds.get(model.label_feed)
            if feed is None or model.label_column not in {*feed.kept, *feed.derive}:
                yield f"models.{name}.label: `{model.label}` is not a column of a declared feed"
            elif feed.key != self.rows.key:
                yield f"models.{name}.label: `{model.label_feed}` must have the key of `{self.features.rows}`, {self.rows.key} (got {feed.key})"
            if model.type == "binary" and model.threshold == "from purpose" and self.purpose.cost is None:
                yield f"models.{name}.threshold: comes from `purpose.cost`, which is not there; add it or give the threshold"
            # What a plug-in adds is known only where it runs.
            yield from () if self.features.plug_in else too_many(name, model, {*self.features.names} - ({*self.rows.key} - {*self.features.take}))
            if model.label_feed == self.features.rows:
                yield f"models.{name}.label: the rows to score would bring their own label; take it from a feed that is delivered later"

    def _alert_problems(self) -> Iterator[str]:
        for name, rule in self.alerts.rules.items():
            if rule.models is not None and rule.signal in get_args(DataSignal):
                yield f"alerts.rules.{name}.models: `{rule.signal}` is of the whole pipeline; leave `models` out"
            elif rule.models == []:
                yield f"alerts.rules.{name}.models: names no model; leave it out for all, or name some of {sorted(self.models)}"
            else:
                yield from self._unheld(f"alerts.rules.{name}", rule)
            unknown = [model for model in rule.models or () if model not in self.models]
            yield from (f"alerts.rules.{name}.models: names the model `{model}`; declared are {sorted(self.models)}" for model in unknown)

    def _unheld(self, path: str, rule: AlertRule) -> Iterator[str]:
        """Where a rule can never hold, since its models do not have its signal."""
        having = self.models_with(rule.signal)
        lacking = [model for model in rule.models or () if model in self.models and model not in having]
        if not having:
            yield f"{path}.signal: `{rule.signal}` is of probabilities; no model here is binary, so watch another signal, such as `loss_increase`"
        elif lacking:
            told = ", ".join(f"`{model}`" for model in lacking)
            yield f"{path}.models: `{rule.signal}` is of probabilities, and a regression has none: take out {told}; there are {having}, or leave `models` out"
