"""Files of a landing folder are there whole or not at all."""

from pathlib import Path

import pytest

from jobs.sample.files import place


def test_the_same_bytes_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "feed" / "night.csv"
    assert place(path, b"a\n")
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert not place(path, b"a\n")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert place(path, b"b\n")
    assert path.read_bytes() == b"b\n"


def test_a_failed_write_leaves_the_old_file_and_no_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "night.csv"
    place(path, b"old\n")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        place(path, b"new\n")
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]
