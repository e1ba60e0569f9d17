"""What a night's rows add up to, in the lake and in the warehouse: sums that both databases and Spark make alike, to the last bit."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from sqlalchemy import Connection, Date, Table, bindparam, text

from jobs.config.feeds import ColumnType
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.published.tables import TEXT_LENGTH

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCALE: Final = 2**30
"""Scores are summed as whole numbers of this fraction: sums of doubles depend on their order."""
LARGEST: Final = 2**32
"""What a score may be at most, so that it fits a bigint by then."""
IN_SPARK: Final[Mapping[ColumnType, str]] = {
    "timestamp": "CAST(unix_micros({0}) AS STRING)",
    "float": f"CAST(CAST({{0}} * {SCALE} AS BIGINT) AS STRING)",
}
IN_POSTGRESQL: Final[Mapping[ColumnType, str]] = {
    "timestamp": "(extract(epoch FROM {0}) * 1000000)::bigint::text",
    "float": f"trunc({{0}} * {SCALE})::bigint::text",
}


class Sums(NamedTuple):
    """Of one night."""

    rows: int
    scores: int
    keys: int | None
    """Of hashes of the keys; None where the database has no such hash."""


def sums_of(frame: "DataFrame", pipeline: Pipeline) -> dict[date, Sums]:
    """By night, in the lake; what no warehouse can take is refused here, before anything is written there.

    Args:
        frame: predictions of some nights.
        pipeline: names their key.

    Raises:
        DataError: a score that is no finite number or too large, or a text that is too long or has a character that databases refuse.
    """
    from pyspark.sql import functions as F

    unfit = _unfit(pipeline)
    rows = {name: F.when(F.expr(condition), F.struct(*pipeline.rows.key, "score")) for name, condition in unfit.items()}
    wrong = [F.first(row, ignorenulls=True).alias(f"wrong_{name}") for name, row in rows.items()]
    scaled = f"CASE WHEN {unfit['score']} THEN 0 ELSE CAST(score * {SCALE} AS BIGINT) END"
    hashed = f"conv(substr(md5({_joined(pipeline, IN_SPARK, 'CAST({0} AS STRING)', '`{}`'.format)}), 1, 8), 16, 10)"
    sums = [F.count("*").alias("rows"), *(F.expr(f"sum(CAST({what} AS DECIMAL(20)))").alias(name) for name, what in (("scores", scaled), ("keys", hashed)))]
    found = frame.groupBy("night").agg(*sums, *wrong).collect()
    for row, name in ((row, name) for row in found for name in unfit if row[f"wrong_{name}"]):
        _refuse(row["night"], name, row[f"wrong_{name}"].asDict())
    return {row["night"]: Sums(row["rows"], int(row["scores"]), int(row["keys"])) for row in found}


def sums_in(connection: Connection, table: Table, pipeline: Pipeline, night: date, generation: int) -> Sums:
    """Of one generation, in the warehouse."""
    whole = f"trunc(score * {SCALE})::bigint" if connection.dialect.name == "postgresql" else f"CAST(score * {SCALE} AS BIGINT)"
    joined = _joined(pipeline, IN_POSTGRESQL, "{0}::text", connection.dialect.identifier_preparer.quote)
    keys = f"sum(('x' || substr(md5({joined}), 1, 8))::bit(32)::bigint)" if connection.dialect.name == "postgresql" else "NULL"
    query = f"SELECT count(*), sum({whole}), {keys} FROM {table.name} WHERE night = :night AND generation = :generation"
    rows, scores, hashes = connection.execute(text(query).bindparams(bindparam("night", type_=Date())), {"night": night, "generation": generation}).one()
    return Sums(rows, int(scores or 0), None if hashes is None else int(hashes))


def require_same(table: Table, night: date, stored: Sums, wanted: Sums) -> None:
    """The warehouse has what the lake has.

    Raises:
        DataError: it has not.
    """
    if stored.rows != wanted.rows:
        msg = f"{table.name}: {stored.rows} rows of night {night} arrived, {wanted.rows} were committed to the lake; nothing was published."
        raise DataError(msg)
    if stored.scores != wanted.scores or stored.keys not in {None, wanted.keys}:
        msg = f"{table.name}: the rows of night {night} are not those of the lake: {stored} arrived, {wanted} were sent; nothing was published. Run again."
        raise DataError(msg)


def _unfit(pipeline: Pipeline) -> dict[str, str]:
    texts = [key for key in pipeline.rows.key if pipeline.rows.columns[key].type == "string"]
    conditions = {key: f"length(`{key}`) > {TEXT_LENGTH} OR contains(`{key}`, char(0))" for key in texts}
    return {"score": f"score IS NULL OR isnan(score) OR abs(score) >= {LARGEST}", **conditions}


def _refuse(night: date, column: str, row: Mapping[str, object]) -> NoReturn:
    value = row[column]
    what = f"a text of at most {TEXT_LENGTH} characters, without NUL" if isinstance(value, str) else f"a finite number below {LARGEST}"
    key = ", ".join(f"{name}={str(told)[:40]!r}" for name, told in row.items() if name != "score")
    msg = f"night {night}, the row {key}: `{column}` is {str(value)[:40]!r}; allowed is {what}. Nothing was published."
    raise DataError(msg)


def _joined(pipeline: Pipeline, kinds: Mapping[ColumnType, str], plain: str, quote: Callable[[str], str]) -> str:
    told = [kinds.get(pipeline.rows.columns[key].type, plain).format(quote(key)) for key in pipeline.rows.key]
    return f"concat_ws('|', {', '.join(told)})"
