"""A registered version: its files, each held to the sha256 that was registered."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DataError
from jobs.model import segments
from jobs.model.artifact import Artifact
from jobs.model.segments import Span
from jobs.model.training.learned import Learned

MODEL: Final = "model.ubj"
LEARNED: Final = "learned.json"
SEGMENTS: Final = "segments.json"
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """What the registry's list says of a version; its files have not been looked at."""

    version: int
    digest: str
    run_id: str
    created: datetime
    tags: Mapping[str, str]
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """A version whose model, learned state and segments have been read and found to be the registered ones."""

    name: str
    version: int
    run_id: str
    artifact: Artifact
    spans: Mapping[str, Span]
    tags: Mapping[str, str]
    manifest: Mapping[str, str]
    fetch: Callable[[str], bytes]

    @property
    def digest(self) -> str:
        """The version's digest."""
        return self.artifact.digest

    @property
    def size(self) -> int:
        """Bytes of the trees."""
        return len(self.artifact.ubj)

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """One score per row of `frame`, which holds the stored features.

        Raises:
            DataError: the features do not fit, or a score is not finite.
        """
        return self.artifact.score(frame)

    def read(self, file: str) -> bytes:
        """Another file of the version: `reference.json`, `evaluation.json`, `verdict.json`, a plot.

        Raises:
            DataError: there is no such file, or it is not the registered one.
        """
        return checked(file, self.manifest, self.fetch)

    def read_json(self, file: str) -> Any:
        """Another file of the version, parsed.

        Raises:
            DataError: as in `read`.
        """
        return json.loads(self.read(file))


def pack(artifact: Artifact, spans: Mapping[str, Span], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """All files of a version, with the manifest of their sha256."""
    own = {MODEL: artifact.ubj, LEARNED: artifact.learned.to_json().encode(), SEGMENTS: json.dumps(segments.to_plain(spans)).encode()}
    packed = {**files, **own}
    manifest = {name: sha256(content) for name, content in sorted(packed.items())}
    return {**packed, MANIFEST: json.dumps(manifest, indent=1).encode()}


def unpack(name: str, version: int, run_id: str, *, tags: Mapping[str, str], fetch: Callable[[str], bytes], threads: int) -> Version:
    """Read and check a version's own files.

    Args:
        name: the registered model.
        version: its number.
        run_id: the run that holds the files.
        tags: with `manifest`, the sha256 of the manifest, and `digest`.
        fetch: gives the present bytes of a file.
        threads: for scoring.

    Raises:
        DataError: a file is missing or is not the registered one.
    """
    manifest: dict[str, str] = json.loads(checked(MANIFEST, {MANIFEST: tags.get("manifest", "")}, fetch))
    learned = Learned.from_json(checked(LEARNED, manifest, fetch).decode())
    artifact = Artifact(checked(MODEL, manifest, fetch), learned, threads=threads)
    if artifact.digest != tags.get("digest"):
        msg = f"`{name}` version {version} was registered as {tags.get('digest')}, its files are {artifact.digest}. Roll back to a version that is whole."
        raise DataError(msg)
    spans = segments.from_plain(json.loads(checked(SEGMENTS, manifest, fetch)))
    return Version(name, version, run_id, artifact, spans, tags, manifest, fetch)


def checked(file: str, manifest: Mapping[str, str], fetch: Callable[[str], bytes]) -> bytes:
    """The bytes of `file`, which are those of the manifest.

    Raises:
        DataError: the manifest has no such file, or other bytes.
    """
    if file not in manifest:
        msg = f"The version has no file {file}; it has {sorted(manifest)}."
        raise DataError(msg)
    content = fetch(file)
    if sha256(content) != manifest[file]:
        msg = f"{file} was changed after it was registered: its sha256 is {sha256(content)[:16]}…, registered is {manifest[file][:16] or 'none'}…. Restore it."
        raise DataError(msg)
    return content


def sha256(content: bytes) -> str:
    """As hexadecimal."""
    return hashlib.sha256(content).hexdigest()
