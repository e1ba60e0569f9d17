"""The list of all trouble that was mixed into a landing folder, kept beside the deliveries."""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.errors import UsageError
from jobs.sample.files import place

NAME: Final = "manifest.json"
CORRECTIONS: Final = "corrections"

Outcome = Literal["deduplicated", "quarantined", "refused", "accepted", "absent"]
State = Literal["clean", "mixed", "unclear"]


class Record(BaseModel):
    """A value that is written once and never altered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(Record):
    """A delivery whose bytes were changed: its sha256 before and after (None: no file)."""

    file: str
    before: str | None
    after: str | None


class Trouble(Record):
    """One trouble; paths are relative to the landing folder."""

    kind: str
    feed: str
    night: date
    file: str
    delivered: int
    """Rows of the clean delivery."""
    rows: tuple[tuple[str, ...], ...]
    """Keys of the rows touched; empty where the trouble is the file's, not some rows'."""
    columns: tuple[str, ...]
    outcome: Outcome
    must: str
    later: date | None = None
    """The night whose delivery carries the rows instead."""
    correction: str | None = None
    """The bytes that are to replace the file later."""
    changes: tuple[Change, ...]


class Request(Record):
    """What was asked to be mixed."""

    seed: int
    feeds: Mapping[str, str]
    keys: Mapping[str, tuple[str, ...]]
    nights: tuple[date, ...]


class Manifest(Record):
    """Every trouble in a landing folder, by night and feed."""

    request: Request
    troubles: tuple[Trouble, ...]

    def state(self, landing: Path) -> State:
        """Whether the deliveries are as they were before this trouble, as after it, or neither."""
        changes = [change for trouble in self.troubles for change in trouble.changes]
        found = [digest(landing / change.file) for change in changes]
        if found == [change.after for change in changes]:
            return "mixed"
        return "clean" if found == [change.before for change in changes] else "unclear"

    def write(self, landing: Path) -> None:
        """Keep this manifest in the folder."""
        place(landing / NAME, self.model_dump_json(indent=2).encode() + b"\n")


def read_manifest(landing: Path) -> Manifest | None:
    """The folder's manifest, if it has one.

    Raises:
        UsageError: the file is not a manifest.
    """
    path = landing / NAME
    if not path.exists():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        msg = f"{path} is not a manifest of mixed trouble ({error.error_count()} problems): remove the folder and cut the sample again."
        raise UsageError(msg) from error


def digest(path: Path) -> str | None:
    """The sha256 of a file, or None where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
