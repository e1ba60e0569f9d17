"""Each kind of trouble on a small sheet whose columns no pipeline has."""

from random import Random

import pytest

from jobs.sample.kinds import KINDS, Kind, Sheet, Spoiled, numeric, plain, typed

ORDERS = Sheet(
    ["id", "when", "amount", "note"],
    [[f"o{n}", f"2024-02-{n + 1:02}", str(n) if n else "NA", "a, \u00e9"] for n in range(20)],
    ["id"],
)
BY_NAME = {kind.name: kind for kind in KINDS}
CELLS = {
    "impossible_value": b"-99999999",
    "bad_type": b"unknown",
    "not_a_number": b"NaN",
    "infinite": b"-Infinity",
    "huge": b"1e308",
    "invalid_utf8": b"\xff\xfe",
}


def _spoil(name: str, sheet: Sheet = ORDERS, seed: int = 3) -> Spoiled:
    spoiled = BY_NAME[name].spoil(sheet, Random(seed))
    assert spoiled is not None
    return spoiled


def _content(name: str) -> bytes:
    content = _spoil(name).content
    assert content is not None
    return content


def test_a_sheet_survives_the_way_there_and_back() -> None:
    assert Sheet.parse(ORDERS.encode(), ORDERS.key) == ORDERS
    assert Sheet.parse(b"", ["id"]) == Sheet([], [], ["id"])
    assert b'"a, \xc3\xa9"\n' in ORDERS.encode()


def test_columns_are_told_by_what_they_hold() -> None:
    assert plain(ORDERS) == ["when", "amount", "note"]
    assert numeric(ORDERS) == ["amount"]
    assert typed(ORDERS) == ["amount", "when"]


@pytest.mark.parametrize(("name", "value"), CELLS.items())
def test_cells_hold_the_value(name: str, value: bytes) -> None:
    spoiled = _spoil(name)
    assert _content(name).count(value) == len(spoiled.rows) == 1


def test_invalid_bytes_are_not_utf8() -> None:
    with pytest.raises(UnicodeDecodeError):
        _content("invalid_utf8").decode("utf-8")


def test_a_truncated_file_ends_within_a_line_with_too_few_fields() -> None:
    content, clean = _content("truncated"), ORDERS.encode()
    assert clean.startswith(content)
    assert not content.endswith(b"\n")
    assert b"," not in content.splitlines()[-1]
    rows = _spoil("truncated").rows
    assert len(content.splitlines()) - 2 + len(rows) == len(ORDERS.rows)


def test_a_file_may_be_empty_or_nothing_but_a_header() -> None:
    assert _content("zero_bytes") == b""
    assert _content("header_only") == b"id,when,amount,note\n"
    assert _spoil("absent").content is None


def test_columns_go_come_and_change_places() -> None:
    for name in ("missing_column", "renamed_column", "added_column", "reordered_columns"):
        header = Sheet.parse(_content(name), ["id"]).header
        (column, *_) = _spoil(name).columns
        expected = {
            "missing_column": [c for c in ORDERS.header if c != column],
            "renamed_column": [f"{c}_new" if c == column else c for c in ORDERS.header],
            "added_column": [*ORDERS.header, "added_by_source"],
            "reordered_columns": header,
        }
        assert header == expected[name] != ORDERS.header
        assert "id" in header


def test_reordered_values_follow_their_columns() -> None:
    reordered = Sheet.parse(_content("reordered_columns"), ["id"])
    assert reordered.take(ORDERS.header) == ORDERS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_sheet_of_key_columns_only_is_spoiled_or_left_to_others(kind: Kind) -> None:
    sheet = Sheet(["id"], [["a"], ["b"]], ["id"])
    spoiled = kind.spoil(sheet, Random(0))
    assert spoiled is None or spoiled.content != sheet.encode()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("seed", range(10))
def test_trouble_is_never_without_effect(kind: Kind, seed: int) -> None:
    spoiled = kind.spoil(ORDERS, Random(seed))
    assert spoiled is not None
    assert spoiled.content != ORDERS.encode()
    assert kind.must
