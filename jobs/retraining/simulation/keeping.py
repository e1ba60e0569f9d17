"""Files that were costly to make, kept in a folder: a simulation that was cut off goes on where it was."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import jobs
from jobs.sample.files import place

LIST: Final = "files.json"


def code_of(*rooms: str) -> str:
    """A digest of the source of some rooms, as it runs here: what other code has made is made again."""
    package, source = Path(jobs.__file__).parent, sha256()
    for path in sorted(path for room in rooms for path in (package / room).rglob("*.py")):
        source.update(path.read_bytes())
    return source.hexdigest()[:12]


def kept(folder: Path, make: Callable[[], Mapping[str, bytes]]) -> dict[str, bytes]:
    """The files of a folder by name; made where they are not all there as they were written.

    Args:
        folder: named after everything that the files depend on.
        make: gives their content.
    """
    if (found := _whole(folder)) is not None:
        return found
    files = dict(make())
    for name, content in files.items():
        place(folder / name, content)
    # Last, so that a folder with a list is complete.
    place(folder / LIST, json.dumps({name: _sum(content) for name, content in files.items()}).encode())
    return files


def _whole(folder: Path) -> dict[str, bytes] | None:
    try:
        listed = json.loads((folder / LIST).read_bytes())
        found = {name: (folder / name).read_bytes() for name in listed}
    except (OSError, ValueError):
        return None
    return found if all(_sum(found[name]) == listed[name] for name in listed) else None


def _sum(content: bytes) -> str:
    return sha256(content).hexdigest()
