"""Real-life trouble for CSV deliveries: seeded, listed, and each on a delivery of its own so that its effect can be counted."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

from jobs.errors import UsageError
from jobs.sample.files import place
from jobs.sample.kinds import KINDS, Kind, Sheet, Spoiled
from jobs.sample.manifest import CORRECTIONS, Change, Manifest, Request, Trouble, digest, read_manifest


class Slot(NamedTuple):
    """One delivery that trouble may hit."""

    feed: str
    night: date


class Planned(NamedTuple):
    """A trouble, the slots it takes, and the files it leaves (None: no file)."""

    trouble: Trouble
    slots: Sequence[Slot]
    files: Mapping[str, bytes | None]


@dataclass(frozen=True)
class Deliveries:
    """The clean deliveries of a landing folder."""

    landing: Path
    request: Request

    def slots(self) -> list[Slot]:
        """The deliveries that are there.

        Raises:
            UsageError: a feed's path is not one CSV file a night below the landing folder.
        """
        for feed, pattern in self.request.feeds.items():
            inside = (self.landing / pattern).resolve().is_relative_to(self.landing.resolve())
            if "{night}" not in pattern or not pattern.endswith(".csv") or not inside:
                msg = f"The path of {feed} is {pattern!r}; allowed are CSV files below the landing folder with {{night}} in their path."
                raise UsageError(msg)
        slots = [Slot(feed, night) for feed in sorted(self.request.feeds) for night in self.request.nights]
        return [slot for slot in slots if (self.landing / self.file(slot)).is_file()]

    def file(self, slot: Slot) -> str:
        """A delivery's path, relative to the landing folder."""
        return self.request.feeds[slot.feed].replace("{night}", str(slot.night))

    def sheet(self, slot: Slot) -> Sheet:
        """A delivery's content.

        Raises:
            UsageError: the feed's key is not among the columns.
        """
        key = self.request.keys.get(slot.feed, ())
        sheet = Sheet.parse((self.landing / self.file(slot)).read_bytes(), key)
        if not key or not set(key) <= set(sheet.header):
            msg = f"{self.file(slot)}: the key of {slot.feed} is {list(key)}; allowed are columns of the file, at least one: {sheet.header}."
            raise UsageError(msg)
        return sheet

    def change(self, file: str, content: bytes | None) -> Change:
        """What becomes of a file."""
        after = None if content is None else hashlib.sha256(content).hexdigest()
        return Change(file=file, before=digest(self.landing / file), after=after)


def mix(landing: Path, feeds: Mapping[str, str], nights: Sequence[date], *, seed: int, keys: Mapping[str, Sequence[str]]) -> list[Trouble]:
    """Spoil some deliveries under `landing`, once for each kind of trouble, and list them in its `manifest.json`.

    Args:
        landing: the folder of the deliveries.
        feeds: each feed's path below it, such as `orders/{night}.csv`.
        nights: the deliveries that may be hit.
        seed: the same seed and deliveries give the same trouble.
        keys: each feed's key columns; they are never made unreadable, so that rows can be told apart afterwards.

    Returns:
        The troubles by night. A folder that is mixed in this way already is left alone; one that was cut anew is mixed again.

    Raises:
        UsageError: a path or key does not fit, there are too few deliveries, or the folder holds other trouble.
    """
    columns = {feed: tuple(key) for feed, key in keys.items() if feed in feeds}
    request = Request(seed=seed, feeds=dict(feeds), keys=columns, nights=tuple(sorted(set(nights))))
    earlier = read_manifest(landing)
    if earlier and _is_mixed(landing, earlier, request):
        return list(earlier.troubles)
    planned = _plan(Deliveries(landing, request))
    manifest = Manifest(request=request, troubles=tuple(sorted((p.trouble for p in planned), key=lambda t: (t.night, t.feed))))
    for stale in (t.correction for t in (earlier.troubles if earlier else ()) if t.correction):
        (landing / stale).unlink(missing_ok=True)
    # The list comes first: after an interruption, files that are neither clean nor mixed tell on themselves.
    manifest.write(landing)
    for file, content in (item for p in planned for item in p.files.items()):
        _put(landing / file, content)
    return list(manifest.troubles)


def apply_corrections(landing: Path) -> list[Trouble]:
    """Deliver the corrected files over the first ones.

    Returns:
        The troubles whose correction was delivered by this call; none the second time.

    Raises:
        UsageError: no trouble was mixed into this folder.
    """
    manifest = read_manifest(landing)
    if manifest is None:
        msg = f"{landing} has no manifest: mix trouble into it first."
        raise UsageError(msg)
    return [t for t in manifest.troubles if t.correction and place(landing / t.file, (landing / t.correction).read_bytes())]


def _is_mixed(landing: Path, earlier: Manifest, request: Request) -> bool:
    state = earlier.state(landing)
    if state == "clean" or (state == "mixed" and earlier.request == request):
        return state == "mixed"
    msg = f"{landing} holds other trouble (seed {earlier.request.seed}, state {state}): cut the sample into this folder again, then mix."
    raise UsageError(msg)


def _plan(deliveries: Deliveries) -> list[Planned]:
    free, rng = deliveries.slots(), Random(deliveries.request.seed)
    rng.shuffle(free)
    planned: list[Planned] = []
    for kind in KINDS:
        hit = next((p for slot in free if (p := _hit(deliveries, kind, slot, free, rng))), None)
        if hit is None:
            msg = f"No delivery is left for the trouble {kind.name!r}: {len(KINDS)} kinds take one each, late rows two. Name more nights or feeds."
            raise UsageError(msg)
        free = [slot for slot in free if slot not in hit.slots]
        planned.append(hit)
    return planned


def _hit(deliveries: Deliveries, kind: Kind, slot: Slot, free: Sequence[Slot], rng: Random) -> Planned | None:
    """This kind of trouble on this delivery, or None where it cannot be had there."""
    sheet, file = deliveries.sheet(slot), deliveries.file(slot)
    spoiled = kind.spoil(sheet, rng) if sheet.rows else None
    later = _later(slot, free, rng) if kind.lands == "later delivery" else None
    if spoiled is None or (kind.lands == "later delivery" and later is None):
        return None
    correction = f"{CORRECTIONS}/{file}" if kind.lands == "correction" else None
    files = {correction or file: spoiled.content}
    if later:
        files[deliveries.file(later)] = _joined(deliveries.sheet(later), sheet, spoiled)
    trouble = Trouble(
        kind=kind.name,
        feed=slot.feed,
        night=slot.night,
        file=file,
        delivered=len(sheet.rows),
        rows=sheet.names(spoiled.rows),
        columns=tuple(spoiled.columns),
        outcome=kind.outcome,
        must=kind.must,
        later=later.night if later else None,
        correction=correction,
        changes=tuple(deliveries.change(name, content) for name, content in files.items() if name != correction),
    )
    return Planned(trouble, [slot, later] if later else [slot], files)


def _later(slot: Slot, free: Sequence[Slot], rng: Random) -> Slot | None:
    following = sorted(other for other in free if other.feed == slot.feed and other.night > slot.night)
    return rng.choice(following[:3]) if following else None


def _joined(later: Sheet, sheet: Sheet, spoiled: Spoiled) -> bytes:
    moved = Sheet(sheet.header, [sheet.rows[n] for n in spoiled.rows], sheet.key).take(later.header)
    return Sheet(later.header, [*later.rows, *moved.rows], later.key).encode()


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        place(path, content)
