"""Wrong use and bad deliveries: each is one clear message and the right exit status, and the tables are as they were."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.raw import deliveries
from tests.faults.prepared import Scene
from tests.faults.shop import Shop, opened, orders, text, write

Capture = pytest.CaptureFixture[str]
SOUND = text(orders()).encode()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("shop"), spark) as shop:
        yield shop


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run small --night 2023-12-31", "Night 2023-12-31 is outside the nights of `small`: 2024-01-01 to 2024-12-31."),
        ("run small --night 2025-01-01", "Night 2025-01-01 is outside the nights of `small`: 2024-01-01 to 2024-12-31."),
        ("run endless --night 2999-01-01", "Night 2999-01-01 is in the future: the newest night that is due is "),
        ("run small --night 2024-02-30", "'2024-02-30' is not a night; write a day as 2013-05-18."),
        ("run small --night yesterday", "'yesterday' is not a night; write a day as 2013-05-18."),
        ("backfill small --from 2024-01-03 --to 2024-01-01", "--from 2024-01-03 is after --to 2024-01-01."),
        (
            "run small --night 2024-01-03 --steps raw,cooked",
            "--steps cooked: allowed are raw, validated, features, predictions, reasons, drift_report, published, shadow, performance, retraining, "
            "alerts, report.",
        ),
        ("run small --night 2024-01-03 --model kept", "`small` has no model `kept`; it has ['returned']."),
        ("run small --restate", "--restate needs --night: a past night is restated on purpose, one at a time."),
        ("run medium --night 2024-01-03", "There is no pipeline `medium`; known are ['endless', 'flights', 'small']."),
        ("train small --as-of 2024-01-03", "'small' is not a model; write PIPELINE.MODEL, as flights.delayed."),
        ("train small.kept --as-of 2024-01-03", "`small` has no model `kept`; it has ['returned']."),
        ("train small.returned --as-of 2024-01-03 --segments holdout=many", "--segments holdout=many: write lengths in nights as train=74,tune=14,holdout=28"),
    ],
)
def test_wrong_use_is_exit_status_2_and_says_what_is_right(shop: Shop, capsys: Capture, command: str, said: str) -> None:
    before = shop.contents()
    assert Scene.matins(*command.split()) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err + told.out
    assert shop.contents() == before


REFUSED: dict[str, tuple[bytes | None, str]] = {
    "absent": (
        None,
        "orders: no delivery for night 2024-01-04; expected {path}. Deliver it and run again, or allow absent nights with `missing: {{tolerate: N}}`.",
    ),
    "empty": (b"", "{path} is empty (0 bytes): deliver it again, with a header and rows."),
    "header only": (text([]).encode(), "{path} has a header and no rows: deliver it again, or remove it if there is nothing to deliver."),
    "cut in a line": (
        SOUND[:-9],
        "{path} does not end with a newline: it is truncated or still being written; deliver it again, or add an .ok file.",
    ),
    "cut before a line's end": (SOUND[:-25] + b"\n", "{path} ends with a line of fewer than 5 fields ("),
    "a header that is not UTF-8": ("tägl".encode("latin-1") + SOUND, "{path} has a header that is not UTF-8 (byte 1): deliver it in UTF-8."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_stored(shop: Shop, capsys: Capture, case: str) -> None:
    content, said = REFUSED[case]
    before = shop.contents()
    write(shop.orders, content)
    assert shop.run("raw") == 1
    assert f"small 2024-01-04 FAILED raw/orders: {said.format(path=shop.orders)}" in capsys.readouterr().out
    assert shop.contents() == before


OK_FILES: dict[str, tuple[str, str]] = {
    "fewer rows than declared": ('{{"rows": 61, "sha256": "{sha}"}}', "has 60 rows and sha256 "),
    "other bytes than declared": (
        '{{"rows": 60, "sha256": "00"}}',
        "but 2024-01-04.csv.ok declares 60 rows and 00…: it is truncated or still being written; deliver it again.",
    ),
    "no JSON": ("60 rows", "2024-01-04.csv.ok is not a JSON object with `rows` and `sha256`: write it anew or remove it."),
}


@pytest.mark.parametrize("case", OK_FILES)
def test_a_file_that_is_not_what_its_ok_file_says_is_refused(shop: Shop, capsys: Capture, case: str) -> None:
    declared, said = OK_FILES[case]
    before, ok_file = shop.contents(), shop.orders.with_name(f"{shop.orders.name}.ok")
    write(shop.orders, SOUND)
    ok_file.write_text(declared.format(sha=sha256(SOUND).hexdigest()), encoding="utf-8")
    try:
        assert shop.run("raw") == 1
    finally:
        ok_file.unlink()
    assert said in capsys.readouterr().out
    assert shop.contents() == before


def test_a_file_that_is_still_being_written_is_refused(shop: Shop, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = deliveries._scan

    def while_another_writes(path: Path) -> tuple[str, int, bool]:
        found = scan(path)
        write(path, path.read_bytes() + b"2024-01-04,61,ada,1,2024-01-04 01:00:00\n")
        return found

    before = shop.contents()
    write(shop.orders, SOUND)
    monkeypatch.setattr(deliveries, "_scan", while_another_writes)
    assert shop.run("raw") == 1
    assert f"{shop.orders} changed while it was read: it is still being written; run again when it is complete." in capsys.readouterr().out
    assert shop.contents() == before
