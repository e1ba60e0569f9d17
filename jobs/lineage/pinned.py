"""The lake as it was at recorded versions of its tables; nothing can be written through it."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Final, NoReturn

from jobs.errors import DataError
from jobs.lake import delta
from jobs.lake.audit import slices_of
from jobs.lake.lake import Lake, Pinned
from jobs.ledger.ledger import Slice

NOWHERE: Final = "a lake at pinned versions is only read"


class PinnedLake(Lake):
    """Reads what `lake` held when its tables had the given versions."""

    def __init__(self, lake: Lake, versions: Mapping[str, int]) -> None:
        super().__init__(lake.spark, lake.ledger, root=lake.root, pipeline=lake.pipeline, run_id="")
        self._versions = versions
        self._slices = cache(self._slices_then)

    def read(self, table: str, nights: Sequence[date] | None = None) -> Pinned:
        """A table at its pinned version.

        Raises:
            DataError: the version, or a file of it, is no longer there.
        """
        version = self._version(table)
        newest = delta.version_of(self.spark, self.path(table))
        if version > newest:
            msg = f"`{self.pipeline}/{table}` was read at version {version}; its newest is {newest}: the table was made anew since."
            raise DataError(msg)
        return Pinned(self.read_version(table, version, nights), version)

    def slices(self, table: str) -> list[Slice]:
        """What the table's own history says it held, and the deliveries without rows, which never made a commit."""
        return self._slices(table)

    def commit(self, *_: object, **__: object) -> NoReturn:
        """Never.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(NOWHERE)

    def _version(self, table: str) -> int:
        if table not in self._versions:
            msg = f"It is not on record at which version `{self.pipeline}/{table}` was read."
            raise DataError(msg)
        return self._versions[table]

    def _slices_then(self, table: str) -> list[Slice]:
        version = self._version(table)
        commits = [one for one in delta.history(self.spark, self.path(table)) if int(one["version"]) <= version]
        found = slices_of(commits)
        empty = [one for one in self.ledger.slices(self.pipeline, table) if not one.rows and one.version <= version]
        there = {(one.night, one.generation, one.restated) for one in found}
        added = [one for one in empty if (one.night, one.generation, one.restated) not in there]
        return sorted([*found, *added], key=lambda one: (one.night, one.restated, one.generation))
