"""Deliveries whose columns or values are not as declared: rows are quarantined and counted, or the night is red; the job survives all of it."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date
from io import StringIO

import pytest
from pyspark.sql import SparkSession

from jobs.nights import span
from tests.faults.prepared import Scene
from tests.faults.shop import HEADER, NIGHT, Shop, opened, orders, text, write

Capture = pytest.CaptureFixture[str]
Rows = list[list[object]]
DAY, ORDER, SHOP, AMOUNT, PLACED = range(5)
POISON: dict[str, tuple[int, object, str]] = {
    "not a number": (AMOUNT, "NaN", "type(amount)"),
    "infinite": (AMOUNT, "inf", "type(amount)"),
    "minus infinite": (AMOUNT, "-Infinity", "type(amount)"),
    "beyond a double": (AMOUNT, "1e999", "type(amount)"),
    "absurd": (AMOUNT, "1e308", "values_to_be_between(amount)"),
    "negative": (AMOUNT, "-1", "values_to_be_between(amount)"),
    "beyond a long": (ORDER, "9223372036854775808", "type(order_id)"),
    "a fraction of an order": (ORDER, "7.5", "type(order_id)"),
    "no key": (ORDER, "", "null_key"),
    "no day": (DAY, "", "no_day"),
    "a day to come": (DAY, "2024-06-01", "future_day"),
    "a day long gone": (DAY, "2023-01-01", "too_late"),
    "not UTF-8": (SHOP, "\udce4", "not_utf8"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("shop"), spark) as shop:
        yield shop


def deliver(shop: Shop, rows: Rows, header: tuple[str, ...] = HEADER, night: date = NIGHT) -> None:
    write(shop.file(night), text(rows, header).encode("utf-8", errors="surrogateescape"))


def test_other_order_and_new_columns_are_no_trouble(shop: Shop) -> None:
    night = date(2024, 1, 5)
    backwards = [[*reversed(row), "gift"] for row in orders(night)]
    deliver(shop, backwards, (*reversed(HEADER), "wrapping"), night)
    write(shop.file(night, "outcomes"), None)
    assert shop.run(night=night) == 0
    assert shop.counts(night) == {"rows": 60, "good": 60, "bad": 0, "duplicates": 0}
    stored = shop.lake.read("validated/orders", [night]).frame.orderBy("order_id").first()
    assert stored is not None
    assert (stored["order_id"], stored["shop"], stored["amount"]) == tuple(orders(night)[0][place] for place in (ORDER, SHOP, AMOUNT))
    assert "wrapping" not in stored.asDict()
    extra = shop.lake.read("raw/orders", [night]).frame.select("extra").first()
    assert extra is not None
    assert extra["extra"] == '{"wrapping":"gift"}'


def test_poisoned_rows_are_quarantined_by_name_and_the_counts_balance(shop: Shop) -> None:
    night = date(2024, 1, 6)
    rows = [[str(value) for value in row] for row in orders(night) + orders(night)]
    for number, row in enumerate(rows, 1):
        row[ORDER] = str(number)
    for row, (column, value, _) in zip(rows, POISON.values(), strict=False):
        row[column] = str(value)
    rows[-1] = list(rows[-2])
    rows.append(["2024-01-06", "121", "ada", "1", "2024-01-06 01:00:00", "one field more"])
    rows.append(["2024-01-06", "122", "x" * 10_000_000, "1", "2024-01-06 01:00:00"])
    deliver(shop, rows, night=night)
    assert shop.run(night=night) == 0
    assert shop.counts(night) == {"rows": 122, "good": 106, "bad": len(POISON) + 2, "duplicates": 1}
    quarantined = {row["row"]: row["rules"] for row in shop.lake.read("quarantine/orders", [night]).frame.collect()}
    assert quarantined.keys() == {*range(1, len(POISON) + 1), 119, 121, 122}
    for number, (_, _, rule) in enumerate(POISON.values(), 1):
        assert rule in quarantined[number]
    assert (quarantined[119], quarantined[121], quarantined[122]) == (["duplicate_key"], ["malformed"], ["too_long"])


def spoilt(column: int, value: object) -> Rows:
    return [[*row[:column], value, *row[column + 1 :]] for row in orders()]


def without(column: int) -> Rows:
    return [[*row[:column], *row[column + 1 :]] for row in orders()]


RED: dict[str, tuple[Rows, tuple[str, ...], str]] = {
    "a column is missing": (without(SHOP), tuple(name for name in HEADER if name != "shop"), "`shop` is missing.\nDeclared are ['amount', 'day', "),
    "a column is renamed": (orders(), (*HEADER[:PLACED], "placed_at"), "`placed` is missing, renamed to `placed_at`?"),
    "a column stands there twice": ([[*row, "again"] for row in orders()], (*HEADER, "SHOP"), "`shop` stands there more than once"),
    "a column has no name": ([[*row, "what"] for row in orders()], (*HEADER, ""), "1 column(s) have no name"),
    "a column is retyped": (spoilt(AMOUNT, "ten"), HEADER, "`amount`: retyped? 100% of 60 values are not float, e.g. 'ten'"),
    "all rows are bad": (
        spoilt(AMOUNT, -1),
        HEADER,
        "60 of 60 rows are quarantined, 100.0% (`max_bad_share` is 20.0%); most often by `values_to_be_between(amount)` 60",
    ),
    "a quarter of the rows is bad": ([*orders()[15:], *spoilt(AMOUNT, -1)[:15]], HEADER, "15 of 60 rows are quarantined, 25.0% (`max_bad_share` is 20.0%)"),
    "a column is empty": (spoilt(ORDER, ""), HEADER, "60 of 60 rows are quarantined, 100.0%"),
    "one row": (orders()[:1], HEADER, "`table_row_count_to_be_between` is 1, wanted at least 10 and at most 10000"),
    "every day is to come": (spoilt(DAY, "2024-06-01"), HEADER, "most often by `future_day` 60"),
}


NIGHTS = dict(zip(RED, span(date(2024, 1, 10), date(2024, 1, 31)), strict=False))


@pytest.fixture(scope="module")
def told(shop: Shop) -> str:
    """What one run of a night per case says: each stops itself, and no other."""
    for case, (rows, header, _) in RED.items():
        deliver(shop, [[str(value).replace(str(NIGHT), str(NIGHTS[case])) for value in row] for row in rows], header, NIGHTS[case])
    first, *_, last = NIGHTS.values()
    with redirect_stdout(StringIO()) as out:
        assert Scene.matins("backfill", "small", "--from", str(first), "--to", str(last), "--steps", "raw,validated", "--no-pages") == 1
    return out.getvalue()


@pytest.mark.parametrize("case", RED)
def test_a_delivery_that_breaks_its_contract_turns_its_night_red_and_enters_nowhere(shop: Shop, told: str, case: str) -> None:
    night = NIGHTS[case]
    _, said = told.split(f"small {night} FAILED validated/orders: orders {night}: ")
    assert RED[case][2] in said.split("small 2024-")[0]
    assert night in shop.lake.current("raw/orders"), "as it came it is kept"
    assert night not in shop.lake.current("validated/orders")
    assert night not in shop.lake.current("quarantine/orders")


def test_a_sound_delivery_mends_its_night(shop: Shop, told: str, capsys: Capture) -> None:
    night = NIGHTS["a column is missing"]
    deliver(shop, orders(night), night=night)
    assert shop.run(night=night) == 0
    assert shop.counts(night) == {"rows": 60, "good": 60, "bad": 0, "duplicates": 0}
    assert "FAILED" not in capsys.readouterr().out, "nor is another night red for what it said before"
