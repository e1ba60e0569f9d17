"""A sample as if its last night were still to come: everything happens so many whole weeks later, so that weekdays stay."""

import datetime as dt
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.nightly import newest_due
from jobs.sample.files import place

NAME: Final = "live.json"
BEFORE: Final = timedelta(hours=1)
"""So long before its night runs a delivery comes."""


class Shift(BaseModel):
    """What a home was begun with; it stays as long as the home."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int
    begun: date
    """The newest night that was due when it began."""
    prepared: bool = False

    @property
    def later(self) -> timedelta:
        """By how much everything happens later."""
        return timedelta(days=self.days)

    def keep(self, home: Path) -> None:
        """Write it into the home."""
        place(home / NAME, self.model_dump_json().encode() + b"\n")


def shift_of(home: Path, pipeline: Pipeline, last: date, now: dt.datetime) -> Shift:
    """The home's shift; a new home gets the one that puts the sample's last night on tonight, or on the first later night with its weekday.

    Args:
        home: the home folder.
        pipeline: when its nights run.
        last: the sample's last night.
        now: decides what tonight is.

    Raises:
        UsageError: the home was not begun in this way, or its record cannot be read.
    """
    if (home / NAME).exists():
        try:
            return Shift.model_validate_json((home / NAME).read_bytes())
        except ValidationError:
            msg = f"{home / NAME} is not what `matins live` wrote; remove the folder, or set MATINS_HOME to another."
            raise UsageError(msg) from None
    if (home / "ledger.db").exists():
        msg = f"{home} holds other nights, and those of `matins live` would be among them; set MATINS_HOME to another folder, or unset it for .live."
        raise UsageError(msg)
    utc, at = now.astimezone(dt.UTC), pipeline.nights.as_of
    weeks = -((last - utc.date()).days // 7)
    shift = Shift(days=7 * weeks, begun=(utc - timedelta(hours=at.hour, minutes=at.minute)).date())
    shift.keep(home)
    return shift


def shifted_text(text: str, later: timedelta) -> str:
    """A pipeline file whose nights are so much later, and that has no sample: its deliveries come as time goes."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    spec = yaml.load(text)
    spec.pop("sample", None)
    for section, keys in [(spec["nights"], ("from", "to")), *((feed, ("from",)) for feed in spec["feeds"].values())]:
        _move(section, keys, later)
    written = io.StringIO()
    yaml.dump(spec, written)
    return written.getvalue()


def _move(section: dict[str, Any], keys: tuple[str, ...], later: timedelta) -> None:
    for key in keys:
        if key in section:
            section[key] += later


def delivered_by(pipeline: Pipeline, now: dt.datetime) -> date:
    """The newest night whose delivery has come."""
    return newest_due(pipeline, now + BEFORE)


def comes_at(pipeline: Pipeline, night: date) -> dt.datetime:
    """When the delivery for a night comes."""
    return dt.datetime.combine(night, pipeline.nights.as_of, dt.UTC) - BEFORE
