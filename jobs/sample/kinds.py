"""The kinds of trouble that real deliveries bring: each turns a good CSV file into a bad one."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final, Literal, NamedTuple

from jobs.sample.manifest import Outcome

NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
MISSING: Final = frozenset({"", "NA"})
# Bytes that no UTF-8 text holds, in the form that `surrogateescape` turns back into them.
NOT_UTF8: Final = "\udcff\udcfe"


@dataclass(frozen=True)
class Sheet:
    """A CSV file as text; `key` names the columns that tell its rows apart."""

    header: list[str]
    rows: list[list[str]]
    key: Sequence[str]

    @classmethod
    def parse(cls, content: bytes, key: Sequence[str]) -> "Sheet":
        """The sheet that these bytes hold."""
        reader = csv.reader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
        return cls(next(reader, []), list(reader), key)

    def encode(self) -> bytes:
        """The sheet as a CSV file."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue().encode("utf-8", "surrogateescape")

    def names(self, rows: Iterable[int]) -> tuple[tuple[str, ...], ...]:
        """The keys of these rows."""
        places = [self.header.index(column) for column in self.key]
        return tuple(tuple(self.rows[row][place] for place in places) for row in rows)

    def values(self, column: str) -> list[str]:
        """A column's values, missing ones left out."""
        place = self.header.index(column)
        return [row[place] for row in self.rows if row[place] not in MISSING]

    def put(self, column: str, values: Mapping[int, str]) -> "Sheet":
        """This sheet with other values in some rows of a column."""
        place = self.header.index(column)
        rows = [[*row[:place], values[n], *row[place + 1 :]] if n in values else row for n, row in enumerate(self.rows)]
        return Sheet(self.header, rows, self.key)

    def take(self, columns: Sequence[str]) -> "Sheet":
        """This sheet with only these columns, in this order."""
        places = [self.header.index(column) for column in columns]
        return Sheet(list(columns), [[row[place] for place in places] for row in self.rows], self.key)


class Spoiled(NamedTuple):
    """The new content of a file (None: no file), and which of its old rows and columns it differs in."""

    content: bytes | None
    rows: Sequence[int] = ()
    columns: Sequence[str] = ()


Spoil = Callable[[Sheet, Random], Spoiled | None]
"""Trouble for one sheet, or None where the sheet offers nothing to spoil in this way."""


class Kind(NamedTuple):
    """One kind of trouble, and what a correct product does about it."""

    name: str
    outcome: Outcome
    must: str
    spoil: Spoil
    lands: Literal["delivery", "later delivery", "correction"] = "delivery"


def plain(sheet: Sheet) -> list[str]:
    """The columns outside the key."""
    return [column for column in sheet.header if column not in sheet.key]


def numeric(sheet: Sheet) -> list[str]:
    """The columns outside the key that hold numbers only."""
    return [column for column in plain(sheet) if (values := sheet.values(column)) and all(map(NUMBER.fullmatch, values))]


def typed(sheet: Sheet) -> list[str]:
    """The columns outside the key that hold numbers or dates only."""
    return [*numeric(sheet), *(column for column in plain(sheet) if (values := sheet.values(column)) and all(map(_is_date, values)))]


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return not NUMBER.fullmatch(value)


def _some(sheet: Sheet, rng: Random, *, one_in: int = 300) -> list[int]:
    # Few, so that a limit on the share of bad rows does not turn row trouble into a refused delivery.
    return sorted(rng.sample(range(len(sheet.rows)), max(1, len(sheet.rows) // one_in)))


def cells(value: str, columns: Callable[[Sheet], list[str]]) -> Spoil:
    """Trouble that writes `value` into a few rows of one of these columns."""

    def spoil(sheet: Sheet, rng: Random) -> Spoiled | None:
        if not (allowed := columns(sheet)):
            return None
        column, rows = rng.choice(allowed), _some(sheet, rng)
        return Spoiled(sheet.put(column, dict.fromkeys(rows, value)).encode(), rows, [column])

    return spoil


def _duplicated(sheet: Sheet, rng: Random) -> Spoiled:
    rows = _some(sheet, rng)
    return Spoiled(Sheet(sheet.header, [*sheet.rows, *(sheet.rows[n] for n in rows)], sheet.key).encode(), rows)


def _without_rows(sheet: Sheet, rng: Random) -> Spoiled | None:
    rows = _some(sheet, rng, one_in=20)
    kept = [row for n, row in enumerate(sheet.rows) if n not in set(rows)]
    return Spoiled(Sheet(sheet.header, kept, sheet.key).encode(), rows) if kept else None


def _revised(sheet: Sheet, rng: Random) -> Spoiled | None:
    for column in rng.sample(columns := numeric(sheet), len(columns)):
        values, place = sorted(set(sheet.values(column))), sheet.header.index(column)
        if len(values) > 1:
            rows = _some(sheet, rng)
            new = {n: rng.choice([value for value in values if value != sheet.rows[n][place]]) for n in rows}
            return Spoiled(sheet.put(column, new).encode(), rows, [column])
    return None


def _without_column(sheet: Sheet, rng: Random) -> Spoiled | None:
    if not (columns := plain(sheet)):
        return None
    column = rng.choice(columns)
    return Spoiled(sheet.take([name for name in sheet.header if name != column]).encode(), columns=[column])


def _renamed_column(sheet: Sheet, rng: Random) -> Spoiled | None:
    if not (columns := plain(sheet)):
        return None
    column = rng.choice(columns)
    header = [f"{name}_new" if name == column else name for name in sheet.header]
    return Spoiled(Sheet(header, sheet.rows, sheet.key).encode(), columns=[column])


def _added_column(sheet: Sheet, rng: Random) -> Spoiled:
    rows = [[*row, str(rng.randrange(100))] for row in sheet.rows]
    return Spoiled(Sheet([*sheet.header, "added_by_source"], rows, sheet.key).encode(), columns=["added_by_source"])


def _reordered(sheet: Sheet, rng: Random) -> Spoiled | None:
    if len(sheet.header) < 2:
        return None
    start = rng.randrange(1, len(sheet.header))
    return Spoiled(sheet.take([*sheet.header[start:], *sheet.header[:start]]).encode(), columns=sheet.header)


def _truncated(sheet: Sheet, rng: Random) -> Spoiled | None:
    if len(sheet.header) < 3:
        return None
    lines = sheet.encode().splitlines(keepends=True)
    last = rng.randrange(len(lines) // 2, len(lines))
    return Spoiled(b"".join(lines[:last]) + lines[last].partition(b",")[0], range(last - 1, len(sheet.rows)))


KINDS: Final = (
    # Late rows come first: they need two deliveries.
    Kind("late_rows", "accepted", "know the rows from the later night on; no night before it changes", _without_rows, "later delivery"),
    Kind("corrected", "accepted", "once corrected, know the new values from the night that sees them; no night before it changes", _revised, "correction"),
    Kind("duplicate_rows", "deduplicated", "keep each row once and count the others as duplicates", _duplicated),
    Kind("impossible_value", "quarantined", "quarantine the rows if the feed bounds the column, keep the others", cells("-99999999", numeric)),
    Kind("bad_type", "quarantined", "quarantine the rows with their original text, keep the others", cells("unknown", typed)),
    Kind("not_a_number", "quarantined", "quarantine the rows, keep the others; no mean becomes NaN", cells("NaN", numeric)),
    Kind("infinite", "quarantined", "quarantine the rows, keep the others; no mean becomes infinite", cells("-Infinity", numeric)),
    Kind("huge", "quarantined", "quarantine the rows if the column is whole or bounded, keep the others; no sum overflows", cells("1e308", numeric)),
    Kind("invalid_utf8", "quarantined", "quarantine the rows and keep the others; the bytes reach no table as if they were text", cells(NOT_UTF8, plain)),
    Kind("missing_column", "refused", "refuse the delivery if the feed declares the column, and name it", _without_column),
    Kind("renamed_column", "refused", "refuse the delivery if the feed declares the column, and name both", _renamed_column),
    Kind("added_column", "accepted", "take every row as without the column, and say that it came", _added_column),
    Kind("reordered_columns", "accepted", "take every row by the names of its columns, not by their places", _reordered),
    Kind("truncated", "refused", "refuse the delivery, which ends within a line; no row of it is used", _truncated),
    Kind("header_only", "refused", "refuse the delivery: it has no rows", lambda sheet, _: Spoiled(Sheet(sheet.header, [], sheet.key).encode())),
    Kind("zero_bytes", "refused", "refuse the delivery: it has not even a header", lambda *_: Spoiled(b"")),
    Kind("absent", "absent", "report the delivery as missing; stop unless the feed tolerates that", lambda *_: Spoiled(None)),
)
