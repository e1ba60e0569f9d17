"""The JVM's archive of loaded classes (AppCDS): halves Spark's start where it is there and fits, and is passed over where not."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from jobs.lake.jars import share_folder
from jobs.lake.java import Java

# An archive that does not fit is not worth a word, let alone a failed start.
LENIENT: Final = ("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")


def archive_path(java: Java, class_path: Sequence[Path]) -> Path:
    """Where the archive of this Java and class path is kept: each pair has its own."""
    return _folder() / f"spark-{_key(java, class_path)}.jsa"


def java_options(java: Java, class_path: Sequence[Path]) -> list[str]:
    """Options for a JVM that uses the archive if there is one."""
    archives = [path for path in (*_base(java), archive_path(java, class_path)) if path.is_file()]
    found = archive_path(java, class_path) in archives
    return [*LENIENT, f"-XX:SharedArchiveFile={os.pathsep.join(map(str, archives))}"] if found else list(LENIENT)


def make(java: Java, class_path: Sequence[Path], exercise: Callable[[list[str]], None]) -> Path:
    """Makes the archive: `exercise` runs Spark with the options it is given and waits until that JVM has ended.

    Raises:
        OSError: the archive cannot be written, or the JVM wrote none.
    """
    target = archive_path(java, class_path)
    target.parent.mkdir(parents=True, exist_ok=True)
    base = _base(java)
    for path in base:
        _make_base(java, path)
    with tempfile.TemporaryDirectory(dir=target.parent) as beside:
        fresh = Path(beside) / target.name
        exercise([*LENIENT, *(f"-XX:SharedArchiveFile={path}" for path in base), f"-XX:ArchiveClassesAtExit={fresh}"])
        # Moved in one step: several set-ups may run at once, and a running JVM keeps the file that it has mapped.
        fresh.replace(target)
    return target


def _base(java: Java) -> list[Path]:
    # A bundled runtime comes without the JDK's own archive, which Spark's is laid on top of.
    return [] if (java.home / "lib" / "server" / "classes.jsa").is_file() else [_folder() / f"java-{_key(java, [])}.jsa"]


def _make_base(java: Java, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as beside:
        fresh = Path(beside) / target.name
        command = [str(java.program), "-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedArchiveFile={fresh}"]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - the Java that Spark itself runs on
        fresh.replace(target)


def _folder() -> Path:
    return share_folder() / "cds"


def _key(java: Java, class_path: Sequence[Path]) -> str:
    # Size and time as the JVM itself compares them, so that replaced jars ask for a new archive.
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in class_path]
    return hashlib.sha256(repr((str(java.home), java.version, files)).encode()).hexdigest()[:16]
