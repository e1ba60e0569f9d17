"""Pages as files: what a page that is there says of itself, and its replacement in one move."""

import re
from pathlib import Path
from typing import Final

DIGEST: Final = re.compile(rb'<meta name="matins-digest" content="(\w+)">')
HEAD: Final = 1024
"""Bytes that hold the digest."""


def digest_in(path: Path) -> str | None:
    """The digest of the page that is there; None where there is none, or not one of ours."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        found = DIGEST.search(file.read(HEAD))
    return found[1].decode() if found else None


def put(path: Path, content: bytes) -> Path:
    """Write the page; whoever looks meanwhile sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    return part.replace(path)
