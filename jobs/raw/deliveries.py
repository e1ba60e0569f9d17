"""Deliveries as they lie outside: found, measured and looked at before Spark reads a byte."""

import csv
import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

from jobs.config.feeds import Feed
from jobs.errors import DeliveryError

BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file that may be read."""

    night: date
    path: Path
    size: int
    mtime_ns: int
    sha256: str
    header: tuple[str, ...]
    generation: int = 1
    known_night: date

    @property
    def detail(self) -> dict[str, Any]:
        """For the ledger."""
        plain = asdict(self) | {"path": str(self.path), "header": list(self.header)}
        return {name: plain[name] for name in ("path", "size", "mtime_ns", "sha256", "header")}


def path_of(feed: Feed, night: date, landing: Path) -> Path:
    """Where the delivery for a night is expected."""
    return landing / str(feed.path).replace("{night}", night.isoformat())


def event_day(feed: Feed, night: date) -> date:
    """The event day that the delivery for a night carries."""
    return night - timedelta(days=feed.lag)


def inspect(path: Path, *, night: date, known_night: date, generation: int) -> Delivery:
    """Digest and header of a file that is whole.

    Raises:
        DeliveryError: it is empty, truncated, still being written, not what its `.ok` file says, or has no usable header.
    """
    before = path.stat()
    if before.st_size == 0:
        raise _refused(path, "is empty (0 bytes)", "deliver it again, with a header and rows")
    digest, lines, ends_with_newline = _scan(path)
    header = _parquet_header(path) if path.suffix == ".parquet" else _csv_header(path)
    rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else lines - 1 + (not ends_with_newline)
    if rows == 0:
        raise _refused(path, "has a header and no rows", "deliver it again, or remove it if there is nothing to deliver")
    ok_file = path.with_name(f"{path.name}.ok")
    if ok_file.exists():
        _require_as_declared(path, ok_file, digest, rows)
    elif path.suffix == ".csv":
        _require_whole(path, header, ends_with_newline=ends_with_newline)
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _refused(path, "changed while it was read", "it is still being written; run again when it is complete")
    return Delivery(
        night=night, path=path, size=after.st_size, mtime_ns=after.st_mtime_ns, sha256=digest, header=header, generation=generation, known_night=known_night
    )


def _scan(path: Path) -> tuple[str, int, bool]:
    digest, lines, last = sha256(), 0, b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
    return digest.hexdigest(), lines, last == b"\n"


def _csv_header(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        line = file.readline(BLOCK)
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(path, f"has a header that is not UTF-8 (byte {error.start})", "deliver it in UTF-8") from None
    fields = _fields(text.rstrip("\r\n"))
    if fields is None:
        raise _refused(path, "has a header with a name of more than 128 KiB", "deliver it with a header of column names")
    return tuple(name.strip() for name in fields)


def _parquet_header(path: Path) -> tuple[str, ...]:
    try:
        return tuple(pq.read_schema(path).names)
    except ArrowInvalid as error:
        raise _refused(path, f"is not a readable Parquet file ({str(error).splitlines()[0][:120]})", "deliver it again") from None


def _require_as_declared(path: Path, ok_file: Path, digest: str, rows: int) -> None:
    try:
        declared = json.loads(ok_file.read_text(encoding="utf-8"))
        expected = (int(declared["rows"]), str(declared["sha256"]))
    except (ValueError, KeyError, TypeError):
        raise _refused(ok_file, "is not a JSON object with `rows` and `sha256`", "write it anew or remove it") from None
    if expected != (rows, digest):
        what = f"has {rows} rows and sha256 {digest[:12]}…, but {ok_file.name} declares {expected[0]} rows and {expected[1][:12]}…"
        raise _refused(path, what, "it is truncated or still being written; deliver it again")


def _require_whole(path: Path, header: tuple[str, ...], *, ends_with_newline: bool) -> None:
    if not ends_with_newline:
        raise _refused(path, "does not end with a newline", "it is truncated or still being written; deliver it again, or add an .ok file")
    last = _last_line(path)
    fields = _fields(last)
    if fields is not None and len(fields) < len(header):
        raise _refused(path, f"ends with a line of fewer than {len(header)} fields ({last[:80]!r})", "it is truncated; deliver it again")


def _fields(line: str) -> list[str] | None:
    """The line's fields; None where one is too long to be a value: no reason to stop here, for its row will be quarantined."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return None


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - BLOCK))
        tail = file.read().rstrip(b"\r\n")
    return tail.rsplit(b"\n", 1)[-1].decode("utf-8", errors="replace")


def _refused(path: Path, what: str, then: str) -> DeliveryError:
    return DeliveryError(f"{path} {what}: {then}.")
