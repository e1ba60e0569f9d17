"""Mixed trouble: seeded, each on its own delivery, all of it listed."""

import hashlib
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.pipelines.flights import deliveries
from jobs.sample.dirty import apply_corrections, mix
from jobs.sample.kinds import KINDS, Sheet
from jobs.sample.manifest import NAME, Trouble, read_manifest

FEEDS = {feed: f"{feed}/{{night}}.csv" for feed in ("schedule", "outcomes", "weather")}
FLIGHT = ("day", "carrier", "flight", "origin")
KEYS = {"schedule": FLIGHT, "outcomes": FLIGHT, "weather": ("origin", "observed_at")}


def _mix(landing: Path, nights: Sequence[date], seed: int = 7) -> list[Trouble]:
    return mix(landing, FEEDS, nights, seed=seed, keys=KEYS)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _sheet(folder: Path, trouble: Trouble, night: date | None = None) -> Sheet:
    path = folder / FEEDS[trouble.feed].format(night=night or trouble.night)
    return Sheet.parse(path.read_bytes(), KEYS[trouble.feed])


def _keys(sheet: Sheet) -> list[tuple[str, ...]]:
    return list(sheet.names(range(len(sheet.rows))))


@pytest.mark.parametrize("seed", range(6))
def test_every_kind_is_mixed_once_and_each_on_a_delivery_of_its_own(landing: Path, nights: list[date], seed: int) -> None:
    # 21 deliveries for 18: crowded, so that a delivery taken twice would show.
    troubles = _mix(landing, nights[:7], seed)
    assert sorted(t.kind for t in troubles) == sorted(kind.name for kind in KINDS)
    hit = [(t.feed, t.night) for t in troubles] + [(t.feed, t.later) for t in troubles if t.later]
    assert len(hit) == len(set(hit)) == len(KINDS) + 1


@pytest.mark.parametrize("seed", range(6))
def test_the_manifest_names_every_file_that_differs_and_no_other(clean: Path, landing: Path, nights: list[date], seed: int) -> None:
    troubles = _mix(landing, nights, seed)
    before, after = _bytes(clean), _bytes(landing)
    corrections = {t.correction for t in troubles if t.correction}
    assert after.keys() - before.keys() == {NAME, *corrections}
    changes = {change.file: change for t in troubles for change in t.changes}
    assert {name for name, content in before.items() if after.get(name) != content} == changes.keys()
    for name, change in changes.items():
        assert change.before == hashlib.sha256(before[name]).hexdigest()
        assert change.after == (hashlib.sha256(after[name]).hexdigest() if name in after else None)
    manifest = read_manifest(landing)
    assert manifest is not None
    assert list(manifest.troubles) == troubles


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(clean: Path, landing: Path, nights: list[date], tmp_path: Path) -> None:
    twin, other = tmp_path / "twin", tmp_path / "other"
    for folder in (twin, other):
        shutil.copytree(clean, folder)
    _mix(landing, nights)
    _mix(twin, list(reversed(nights)))
    _mix(other, nights, seed=8)
    assert _bytes(landing) == _bytes(twin)
    assert _bytes(landing) != _bytes(other)


@pytest.mark.parametrize("seed", range(6))
def test_row_trouble_touches_only_the_rows_and_columns_it_lists(clean: Path, landing: Path, nights: list[date], seed: int) -> None:
    for trouble in _mix(landing, nights, seed):
        if trouble.outcome != "quarantined":
            continue
        good, bad = _sheet(clean, trouble), _sheet(landing, trouble)
        assert _keys(good) == _keys(bad), "keys stay readable"
        differing = [n for n, row in enumerate(good.rows) if row != bad.rows[n]]
        assert good.names(differing) == trouble.rows
        (column,) = trouble.columns
        assert {good.header[place] for n in differing for place, value in enumerate(good.rows[n]) if value != bad.rows[n][place]} == {column}
        assert len(differing) / trouble.delivered < 0.02


def test_duplicates_add_copies_of_listed_rows(clean: Path, landing: Path, nights: list[date]) -> None:
    (trouble,) = [t for t in _mix(landing, nights) if t.outcome == "deduplicated"]
    good, bad = _sheet(clean, trouble), _sheet(landing, trouble)
    assert bad.rows[: len(good.rows)] == good.rows
    assert bad.names(range(len(good.rows), len(bad.rows))) == trouble.rows
    assert all(row in good.rows for row in bad.rows)


@pytest.mark.parametrize("seed", range(6))
def test_late_rows_move_to_the_later_delivery(clean: Path, landing: Path, nights: list[date], seed: int) -> None:
    (trouble,) = [t for t in _mix(landing, nights, seed) if t.kind == "late_rows"]
    assert trouble.later is not None
    assert trouble.later > trouble.night
    early, late = _sheet(landing, trouble), _sheet(landing, trouble, trouble.later)
    assert set(_keys(early)) == set(_keys(_sheet(clean, trouble))) - set(trouble.rows)
    assert _keys(late) == [*_keys(_sheet(clean, trouble, trouble.later)), *trouble.rows]
    assert len(early.rows) + len(trouble.rows) == trouble.delivered


def test_a_correction_waits_until_it_is_applied_and_is_applied_once(clean: Path, landing: Path, nights: list[date]) -> None:
    (trouble,) = [t for t in _mix(landing, nights) if t.correction]
    assert (landing / trouble.file).read_bytes() == (clean / trouble.file).read_bytes()
    assert apply_corrections(landing) == [trouble]
    good, corrected = _sheet(clean, trouble), _sheet(landing, trouble)
    assert good.names(n for n, row in enumerate(good.rows) if row != corrected.rows[n]) == trouble.rows
    assert _keys(good) == _keys(corrected)
    assert apply_corrections(landing) == []


def test_a_mixed_folder_is_not_mixed_twice_even_when_corrected(landing: Path, nights: list[date]) -> None:
    troubles = _mix(landing, nights)
    apply_corrections(landing)
    before = _times(landing)
    assert _mix(landing, nights) == troubles
    assert _times(landing) == before


def test_other_trouble_on_top_is_refused(landing: Path, nights: list[date]) -> None:
    _mix(landing, nights)
    before = _bytes(landing)
    with pytest.raises(UsageError, match="seed 7, state mixed"):
        _mix(landing, nights, seed=8)
    assert _bytes(landing) == before


def test_after_an_interruption_a_new_cut_heals_and_other_trouble_may_be_mixed(landing: Path, nights: list[date]) -> None:
    troubles = _mix(landing, nights)
    (landing / troubles[0].file).write_bytes(b"half")
    with pytest.raises(UsageError, match="unclear"):
        _mix(landing, nights)
    list(deliveries(landing, nights[0], nights[-1]))
    again = _mix(landing, nights, seed=8)
    assert again != troubles
    corrections = {str(path.relative_to(landing)) for path in landing.glob("corrections/**/*.csv")}
    assert corrections == {t.correction for t in again if t.correction}


def test_too_few_deliveries_change_nothing(clean: Path, landing: Path, nights: list[date]) -> None:
    with pytest.raises(UsageError, match="more nights"):
        _mix(landing, nights[:3])
    assert _bytes(landing) == _bytes(clean)


@pytest.mark.parametrize("path", ["schedule.csv", "../{night}.csv", "schedule/{night}.parquet"])
def test_a_path_that_is_no_csv_file_below_the_folder_is_refused(landing: Path, nights: list[date], path: str) -> None:
    with pytest.raises(UsageError, match="schedule"):
        mix(landing, {"schedule": path}, nights, seed=1, keys=KEYS)


@pytest.mark.parametrize("key", [(), ("nope",)])
def test_a_key_that_the_file_lacks_is_refused(landing: Path, nights: list[date], key: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="the key of schedule"):
        mix(landing, {"schedule": FEEDS["schedule"]}, nights, seed=1, keys={"schedule": key})


def test_corrections_need_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no manifest"):
        apply_corrections(tmp_path)


def test_a_damaged_manifest_is_named(landing: Path, nights: list[date]) -> None:
    (landing / NAME).write_text('{"troubles": 1}')
    with pytest.raises(UsageError, match=NAME):
        _mix(landing, nights)
