"""Strings as delivered become typed columns; what does not fit becomes NULL and is flagged, so that no cast kills a job."""

from functools import reduce
from operator import or_
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.feeds import ColumnType, Feed

META: Final = ("night", "generation", "known_night", "row")
"""The product's own columns, which every row keeps."""
TEXTS: Final = "_texts"
"""Struct of the delivered strings; quarantine shows them. User columns never begin with an underscore."""
MAX_TEXT: Final = 65_536
"""Bytes a value may have; more is a broken quote or an attachment, not a value."""

SQL_TYPES: Final[dict[ColumnType, str]] = {
    "string": "string",
    "int": "bigint",
    "float": "double",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
# Spark reads `2013` and `2013-05-18 and so on` as dates, and `10:30` as a time of today: only whole dates pass.
A_DATE: Final = r"^\d{4}-\d{2}-\d{2}([ T]00:00(:00(\.0+)?)?Z?)?$"
A_TIMESTAMP: Final = r"^\d{4}-\d{2}-\d{2}([ T]\d.*)?$"


def typed(raw: DataFrame, feed: Feed) -> DataFrame:
    """Raw rows with their declared types.

    Args:
        raw: the delivered columns as strings, `META`, and `corrupt` (the line of a malformed CSV record, else NULL).
        feed: the contract.

    Returns:
        `META`, the kept columns typed (NULL where the value is absent or does not fit its type, and everywhere in a record
        that is malformed or too long), `TEXTS`, and a boolean for each of the `implicit_rules`, named by `flag`.
    """
    whole = raw.select(*META, "corrupt", *feed.kept, F.concat_ws(" ", *feed.kept).alias("_whole"), _too_long(feed).alias("_too_long"))
    seen = whole.select("*", (F.col("corrupt").isNull() & ~F.col("_too_long")).alias("_believed"))
    trimmed = seen.select("*", *(_text(F.trim(name), feed).alias(f"_{name}") for name in feed.kept))
    cast = trimmed.select("*", *(_cast(F.col(f"_{name}"), column.type).alias(f"_typed_{name}") for name, column in feed.kept.items()))
    return cast.select(
        *META,
        *(F.col(f"_typed_{name}").alias(name) for name in feed.kept),
        F.struct(*feed.kept, *_malformed_line(feed)).alias(TEXTS),
        *(broken.alias(flag(rule)) for rule, broken in _flags(feed).items()),
    )


def flag(rule: str) -> str:
    """The column that says of each row whether it broke `rule`, as it is called."""
    return f"_broke {rule}"


def broke(rule: str) -> Column:
    """Whether a row broke `rule`."""
    return F.col(f"`{flag(rule)}`")


def implicit_rules(feed: Feed) -> tuple[str, ...]:
    """The names of the rules that hold for a feed without being written down."""
    return tuple(_flags(feed))


def typeable(feed: Feed) -> dict[str, ColumnType]:
    """The kept columns whose values can fail to be of their type."""
    return {name: column.type for name, column in feed.kept.items() if column.type != "string"}


def _flags(feed: Feed) -> dict[str, Column]:
    flags = {
        "malformed": F.col("corrupt").isNotNull(),
        "too_long": F.col("_too_long"),
        "not_utf8": F.contains("_whole", F.lit("\ufffd")),
        "null_key": F.col("_believed") & reduce(or_, (F.col(f"_{name}").isNull() for name in feed.key)),
        **{f"type({name})": F.col(f"_{name}").isNotNull() & F.col(f"_typed_{name}").isNull() for name in typeable(feed)},
    }
    return flags if feed.undated else flags | _day_flags(feed)


def _day_flags(feed: Feed) -> dict[str, Column]:
    day, expected = F.col(f"_typed_{feed.event_day}"), F.date_sub("night", feed.lag)
    return {
        "no_day": F.col("_believed") & F.col(f"_{feed.event_day}").isNull(),
        "future_day": day > expected,
        "too_late": day < F.date_sub(expected, feed.max_late_days),
    }


def _too_long(feed: Feed) -> Column:
    return F.greatest(F.lit(0), *(F.octet_length(name) for name in feed.kept)) > MAX_TEXT


def _text(trimmed: Column, feed: Feed) -> Column:
    # The fields of a malformed record may stand in the wrong columns: none of them is believed.
    return F.when(F.col("_believed") & ~trimmed.isin([text.strip(" ") for text in feed.null_values]), trimmed)


def _cast(text: Column, to: ColumnType) -> Column:
    if to == "string":
        return text
    if to == "int":
        # A column of whole numbers with gaps comes out of pandas as `12.0`.
        return F.coalesce(text.try_cast("bigint"), F.regexp_replace(text, r"\.0*$", "").try_cast("bigint"))
    if to == "float":
        return _finite(text)
    if to == "date":
        return F.when(text.rlike(A_DATE), F.substring(text, 1, 10).try_cast("date"))
    if to == "timestamp":
        return F.when(text.rlike(A_TIMESTAMP), text.try_cast("timestamp"))
    return text.try_cast("boolean")


def _finite(text: Column) -> Column:
    # Java reads `30F` and `1d` as numbers, Spark reads `NaN` and `inf`; `1e999` overflows to infinity.
    ends_as_number = F.right(text, F.lit(1)).between(".", "9") & ~F.contains(F.lower(text), F.lit("x"))
    number = F.when(ends_as_number, text.try_cast("double"))
    return F.when(F.abs(number) < F.lit(float("inf")), number)


def _malformed_line(feed: Feed) -> list[str]:
    # The whole line would show what `personal` keeps out of the lake.
    return [] if any(column.personal for column in feed.columns.values()) else ["corrupt"]
