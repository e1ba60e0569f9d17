"""The lake: a pipeline's Delta tables, by night and at a version; every commit is fenced, idempotent and leaves its audit trail."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import DataError
from jobs.failpoints import reached
from jobs.lake import delta
from jobs.lake.audit import slices_of
from jobs.lake.layout import laid_out
from jobs.lake.stopping import uninterrupted
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Ledger, Slice
from jobs.nights import among

PROVENANCE: Final = frozenset({"run_id", "features_version"})
"""Columns that say where a row comes from; the same scores from another run are the same content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One night that is about to be committed."""

    night: date
    fingerprint: str
    generation: int | None = None
    """Given where the source counts (a delivery); else counted here."""
    known_night: date | None = None
    restated: bool = False
    counts: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A table as it was at one version."""

    frame: DataFrame
    version: int


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did: the current slice of every night, and which of them are new."""

    slices: tuple[Slice, ...]
    written: frozenset[date]
    version: int


class Lake:
    """The tables of one pipeline, as one run sees and writes them."""

    def __init__(self, spark: SparkSession, ledger: Ledger, *, root: str, pipeline: str, run_id: str) -> None:
        self.spark, self.ledger, self.pipeline, self.run_id = spark, ledger, pipeline, run_id
        self.root = root.rstrip("/")

    def path(self, table: str) -> str:
        """Where a table is kept."""
        return f"{self.root}/{self.pipeline}/{table}"

    def exists(self, table: str) -> bool:
        """True if the table has been created."""
        return delta.version_of(self.spark, self.path(table)) >= 0

    def read(self, table: str, nights: Sequence[date] | None = None) -> Pinned:
        """A table at the version that is current now, whole or for some nights.

        Raises:
            DataError: the table does not exist.
        """
        version = delta.version_of(self.spark, self.path(table))
        if version < 0:
            msg = f"The table `{self.pipeline}/{table}` does not exist yet; run the step that writes it."
            raise DataError(msg)
        return Pinned(self.read_version(table, version, nights), version)

    def read_version(self, table: str, version: int, nights: Sequence[date] | None = None) -> DataFrame:
        """A table at a version, whole or for some nights."""
        frame = self.spark.read.format("delta").option("versionAsOf", version).load(self.path(table))
        return frame if nights is None else frame.where(among(nights))

    def slices(self, table: str) -> list[Slice]:
        """Every slice of a table; the ledger is first brought up to what the table itself records."""
        self._take_in(table)
        return self.ledger.slices(self.pipeline, table)

    def current(self, table: str, *, restated: bool = False) -> dict[date, Slice]:
        """The newest generation of each night."""
        return {one.night: one for one in self.slices(table) if one.restated == restated}

    def commit(self, frame: DataFrame, table: str, drafts: Sequence[Draft], *, step: str) -> Committed:
        """Replace the drafts' nights by the rows of `frame`, where the content differs; one Delta commit for all.

        Args:
            frame: has `night`, and `generation` where the drafts give one. The columns `generation` and `restated` are added otherwise.
            table: its folder below the pipeline's.
            drafts: every night to write; nights without rows become empty.
            step: names the failpoints.

        Raises:
            RetryableError: another run has taken over the table.
            DataError: rows of a night that has no draft.
        """
        with lease(self.ledger, self.path(table)) as turn:
            return self._commit(frame.persist(), table, drafts, step=step, turn=turn)

    def _commit(self, frame: DataFrame, table: str, drafts: Sequence[Draft], *, step: str, turn: Any) -> Committed:
        counted = "generation" in frame.columns
        try:
            sums = checksums(frame, by=["night", "generation"] if counted else ["night"])
            former = self.slices(table)
            wanted = [self._slice(draft, sums, former) for draft in drafts]
            self._require_drafts(sums, drafts, table)
            changed = [one for one in wanted if not _is_current(one, former)]
            if changed and not self._all_empty(changed, former):
                with turn.commit_lock():
                    reached(f"{step}.before_commit")
                    with uninterrupted():
                        version = self._write(frame, table, changed, token=turn.token, counted=counted)
                reached(f"{step}.after_commit")
                wanted = [replace(one, version=version) if one in changed else one for one in wanted]
            version = max(delta.version_of(self.spark, self.path(table)), 0)
            self.ledger.record_slices(self.pipeline, table, wanted, version=version)
            return Committed(tuple(wanted), frozenset(one.night for one in changed), version)
        finally:
            frame.unpersist()

    def _slice(self, draft: Draft, sums: Mapping[tuple[Any, ...], tuple[int, str]], former: Sequence[Slice]) -> Slice:
        key = (draft.night,) if draft.generation is None else (draft.night, draft.generation)
        rows, checksum = sums.get(key, (0, "0"))
        of_night = [one for one in former if one.night == draft.night]
        earlier = [one for one in of_night if one.restated == draft.restated]
        same = next((one for one in earlier[-1:] if one.checksum == checksum and one.rows == rows), None)
        generation = draft.generation or (same.generation if same else max((one.generation for one in of_night), default=0) + 1)
        before = next((one for one in earlier if one.generation == generation), None)
        return Slice(
            night=draft.night,
            generation=generation,
            known_night=draft.known_night or draft.night,
            restated=draft.restated,
            rows=rows,
            checksum=checksum,
            fingerprint=draft.fingerprint,
            version=before.version if before else 0,
            run_id=before.run_id if before and before.checksum == checksum else self.run_id,
            counts=draft.counts,
            detail=draft.detail,
        )

    def _write(self, frame: DataFrame, table: str, changed: Sequence[Slice], *, token: int, counted: bool) -> int:
        rows = _with_generation(frame, changed) if not counted else frame
        condition = " OR ".join(f"({condition})" for condition in _conditions(changed, by_generation=counted))
        rows = laid_out(rows.where(condition), changed)
        delta.create_if_absent(self.spark, self.path(table), rows.schema)
        audit = {"run": self.run_id, "token": token, "slices": [asdict(one) for one in changed]}
        return delta.replace_where(rows, self.path(table), condition, user_metadata=json.dumps(audit, default=str))

    @staticmethod
    def _require_drafts(sums: Mapping[tuple[Any, ...], object], drafts: Sequence[Draft], table: str) -> None:
        if stray := sorted({key[0] for key in sums} - {draft.night for draft in drafts}):
            msg = f"Rows of {stray[0]} were about to be written to `{table}` by a run of other nights; nothing was written."
            raise DataError(msg)

    @staticmethod
    def _all_empty(changed: Sequence[Slice], former: Sequence[Slice]) -> bool:
        filled = {(one.night, one.restated) for one in former if one.rows}
        return all(one.rows == 0 and (one.night, one.restated) not in filled for one in changed)

    def _take_in(self, table: str) -> None:
        """After a crash between a commit and its record, with a new ledger, or without the table: its own history is the truth."""
        version, known = delta.version_of(self.spark, self.path(table)), self.ledger.known_version(self.pipeline, table)
        is_gone = version < known and any(one.rows for one in self.ledger.slices(self.pipeline, table))
        if version > known or is_gone:
            slices = slices_of(delta.history(self.spark, self.path(table))) if version >= 0 else []
            self.ledger.record_slices(self.pipeline, table, slices, version=version, replace_all=True)


def checksums(frame: DataFrame, *, by: Sequence[str]) -> dict[tuple[Any, ...], tuple[int, str]]:
    """Per group: the number of rows, and a sum of row hashes that depends on every value and on no order."""
    content = [column for column in frame.columns if column not in {*by, *PROVENANCE}]
    # xxhash64 passes over NULLs, so that ('a', NULL) and (NULL, 'a') would agree without their places.
    hashed = frame.select(*by, F.xxhash64(*content, *[F.col(column).isNull() for column in content]).alias("hash_"))
    # In halves, whose sums fit a bigint: Spark adds those much faster than decimals.
    halves = F.sum(F.shiftright("hash_", 32)).alias("high_"), F.sum(F.col("hash_").bitwiseAND(2**32 - 1)).alias("low_")
    grouped = hashed.groupBy(*by).agg(F.count("*").alias("rows_"), *halves)
    return {tuple(row[column] for column in by): (row["rows_"], str(row["high_"] * 2**32 + row["low_"])) for row in grouped.collect()}


def _is_current(one: Slice, former: Sequence[Slice]) -> bool:
    same = [old for old in former if (old.night, old.generation, old.restated) == (one.night, one.generation, one.restated)]
    return bool(same) and (same[0].checksum, same[0].rows) == (one.checksum, one.rows)


def _conditions(changed: Sequence[Slice], *, by_generation: bool) -> Iterator[str]:
    if by_generation:
        for generation in sorted({one.generation for one in changed}):
            yield f"{among(one.night for one in changed if one.generation == generation)} AND generation = {generation}"
    else:
        for restated in sorted({one.restated for one in changed}):
            yield f"{among(one.night for one in changed if one.restated == restated)} AND restated = {str(restated).lower()}"


def _with_generation(frame: DataFrame, changed: Sequence[Slice]) -> DataFrame:
    by_generation: dict[int, list[date]] = {}
    for one in changed:
        by_generation.setdefault(one.generation, []).append(one.night)
    generation = F.lit(None).cast("int")
    for number, nights in by_generation.items():
        generation = F.when(F.expr(among(nights)), F.lit(number)).otherwise(generation)
    return frame.withColumn("generation", generation).withColumn("restated", F.lit(changed[0].restated))


@contextmanager
def cached(*frames: DataFrame) -> Iterator[None]:
    """Keep frames that are read more than once, for the time of the block."""
    for frame in frames:
        frame.persist()
    try:
        yield
    finally:
        for frame in frames:
            frame.unpersist()
