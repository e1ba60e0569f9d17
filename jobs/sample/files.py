"""How a file of a landing folder is put in place."""

import os
from pathlib import Path


def place(path: Path, content: bytes) -> bool:
    """Make `path` hold `content`, whole or not at all; a file that already holds it keeps its time of change.

    Returns:
        Whether anything was written.
    """
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True
