"""What a step's doorway is given: the pipeline, the lake, the ledger and the run it works for."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobs.config.feeds import Feed
from jobs.config.models import Model
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.nights import utc_now
from jobs.plan import Task
from jobs.settings import Settings

if TYPE_CHECKING:
    from jobs.lake.lake import Lake


CURRENT: Final = "current"
AS_OF: Final = "as-of"
"""Each night by the version that was champion then, or would have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run was asked for beyond its nights."""

    champion: str = CURRENT
    """`current`, `as-of` (whoever was champion in each night), or the number of a version."""
    replace: bool = False
    """Also nights that were scored under another policy."""
    restate: bool = False
    """Compute the nights with today's knowledge, as marked generations."""
    pages: bool = True
    """False leaves out Great Expectations and the HTML pages; for measuring."""
    segments: tuple[tuple[str, int], ...] = ()
    """Lengths that replace the pipeline's, for one training."""

    @property
    def policy(self) -> str:
        """How versions are chosen: `current`, `as-of` or `version`."""
        return self.champion if self.champion in {CURRENT, AS_OF} else "version"


@dataclass(frozen=True)
class Work:
    """One task of one run."""

    settings: Settings
    pipeline: Pipeline
    task: Task
    lake: "Lake"
    ledger: Ledger
    run_id: str
    options: Options = field(default_factory=Options)

    @property
    def item(self) -> str:
        """The feed or model."""
        return self.task.item

    @property
    def table(self) -> str:
        """The task's own table."""
        return self.task.table

    @property
    def feed(self) -> Feed:
        """The task's feed."""
        return self.pipeline.feeds[self.item]

    @property
    def model(self) -> Model:
        """The task's model."""
        return self.pipeline.models[self.item]

    @property
    def model_name(self) -> str:
        """The model's name in the registry: `flights.delayed`."""
        return f"{self.pipeline.pipeline}.{self.item}"

    @cached_property
    def reports(self) -> Path:
        """Folder of the task's pages."""
        return self.settings.reports / self.pipeline.pipeline / self.task.table


def new_run_id() -> str:
    """A name for a run that sorts by time."""
    return f"{utc_now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def fingerprint(*parts: object) -> str:
    """A short digest of everything that a night's content rests on."""
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def content_of(slices: list[Slice], known_by: date) -> list[tuple[str, int, str]]:
    """What a night knew of a table: each delivery's newest generation and checksum; an ingredient of fingerprints."""
    newest: dict[date, Slice] = {}
    for one in slices:
        if one.known_night <= known_by:
            newest[one.night] = one
    return [(str(night), one.generation, one.checksum) for night, one in sorted(newest.items())]
