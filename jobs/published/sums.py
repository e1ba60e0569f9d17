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
HALF: Final = 31
"""Bits of a score's whole number that are summed apart from the rest, so that either sum fits a bigint, which Spark adds fastest."""
IN_SPARK: Final[Mapping[ColumnType, str]] = {
    "date": "CAST(unix_date({0}) AS STRING)",
    "timestamp": "CAST(unix_micros({0}) AS STRING)",
    "float": f"CAST(CAST({{0}} * {SCALE} AS BIGINT) AS STRING)",
}
IN_POSTGRESQL: Final[Mapping[ColumnType, str]] = {
    "date": "({0} - DATE '1970-01-01')::text",
    "timestamp": "(extract(epoch FROM {0}) * 1000000)::bigint::text",
    "float": f"trunc({{0}} * {SCALE})::bigint::text",
}

HASH: Final = "CAST(translate(substr(md5({0}), 1, 9), 'abcdef', '012345') AS BIGINT)"
"""A number of a text, which Spark and PostgreSQL make alike and fast: of hexadecimal digits, that some digits fall together does no harm."""


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

    unfit, key = _unfit(pipeline), _joined(pipeline, IN_SPARK, "CAST({0} AS STRING)", "`{}`".format)
    whole = f"CASE WHEN {unfit['score']} THEN 0 ELSE CAST(score * {SCALE} AS BIGINT) END"
    made = {"rows": "count(*)", "high": f"sum(shiftright({whole}, {HALF}))", "low": f"sum({whole} & {2**HALF - 1})", "hashes": f"sum({HASH.format(key)})"}
    wrong = {f"wrong_{name}": f"bool_or({condition})" for name, condition in unfit.items()}
    found = frame.groupBy("night").agg(*[F.expr(what).alias(name) for name, what in {**made, **wrong}.items()]).collect()
    for name in (name for name in unfit if any(row[f"wrong_{name}"] for row in found)):
        first = frame.where(unfit[name]).orderBy("night").select("night", *pipeline.rows.key, "score").first()
        _refuse(name, first.asDict())  # type: ignore[union-attr]
    return {row["night"]: Sums(row["rows"], row["high"] * 2**HALF + row["low"], row["hashes"]) for row in found}


def sums_in(connection: Connection, table: Table, pipeline: Pipeline, night: date, generation: int) -> Sums:
    """Of one generation, in the warehouse."""
    whole = f"trunc(score * {SCALE})::bigint" if connection.dialect.name == "postgresql" else f"CAST(score * {SCALE} AS BIGINT)"
    joined = _joined(pipeline, IN_POSTGRESQL, "{0}::text", connection.dialect.identifier_preparer.quote)
    keys = f"sum({HASH.format(joined)})" if connection.dialect.name == "postgresql" else "NULL"
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
    # To Spark, NaN is above all numbers.
    conditions = {key: f"length(`{key}`) > {TEXT_LENGTH} OR contains(`{key}`, char(0))" for key in texts}
    return {"score": f"coalesce(abs(score) >= {LARGEST}, true)", **conditions}


def _refuse(column: str, row: Mapping[str, object]) -> NoReturn:
    value, night = row[column], row["night"]
    what = f"a text of at most {TEXT_LENGTH} characters, without NUL" if isinstance(value, str) else f"a finite number below {LARGEST}"
    key = ", ".join(f"{name}={str(told)[:40]!r}" for name, told in row.items() if name not in {"night", "score"})
    msg = f"night {night}, the row {key}: `{column}` is {str(value)[:40]!r}; allowed is {what}. Nothing was published."
    raise DataError(msg)


def _joined(pipeline: Pipeline, kinds: Mapping[ColumnType, str], plain: str, quote: Callable[[str], str]) -> str:
    told = [kinds.get(pipeline.rows.columns[key].type, plain).format(quote(key)) for key in pipeline.rows.key]
    return f"concat_ws('|', {', '.join(told)})"
