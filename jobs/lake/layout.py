"""How the rows of a commit are dealt to files."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.ledger.ledger import Slice
from jobs.nights import span

ROWS_PER_FILE: Final = 60_000


def laid_out(rows: DataFrame, changed: Sequence[Slice]) -> DataFrame:
    """Few files, each with neighbouring nights, so that a night's reader skips the rest by statistics; a large night has several.

    Args:
        rows: of the nights to be written.
        changed: what they are, with the number of rows of each.
    """
    files = -(-sum(one.rows for one in changed) // ROWS_PER_FILE)
    spread = rows.repartitionById(files, _file_of(rows, changed)) if files > 1 else rows.coalesce(1)
    return spread.sortWithinPartitions("night")


def _file_of(rows: DataFrame, changed: Sequence[Slice]) -> Column:
    """A row's file: the nights' counts are known, so that Spark need not look for ranges of equal size."""
    counts = Counter[date]()
    for one in changed:
        counts[one.night] += one.rows
    nights = span(min(counts), max(counts))
    firsts = [before // ROWS_PER_FILE for before in accumulate((counts[night] for night in nights[:-1]), initial=0)]
    several = [max(1, counts[night] // ROWS_PER_FILE) for night in nights]
    row = ", ".join(f"`{name}`" for name in rows.columns)
    within = f"pmod(xxhash64({row}), {_by_night(several, nights[0])})" if max(several) > 1 else "0"
    return F.expr(f"CAST({_by_night(firsts, nights[0])} + {within} AS INT)")


def _by_night(numbers: Sequence[int], first: date) -> str:
    return f"array({', '.join(map(str, numbers))})[datediff(night, DATE'{first}')]"
