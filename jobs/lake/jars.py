"""Delta's jars: fetched once at set-up and verified, so that no run needs a network.

`python -m jobs.lake.jars` puts them under the environment's `share/matins/jars`, then makes the archive that shortens Spark's start.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from jobs.errors import MatinsError, UsageError
from jobs.lake.java import find_java, spark_java_home

HINT: Final = f"run `{Path(sys.executable).name} -m jobs.lake.jars` in this environment, with a network"
log = logging.getLogger(__name__)


class Jar(NamedTuple):
    """A jar by its coordinates, `group:artifact:version`, and the digest of its bytes."""

    coordinates: str
    sha256: str

    @property
    def file(self) -> str:
        """Its file name."""
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


# Two are enough; the resolver would bring 33 more, some older than what Spark ships.
JARS: Final = (
    Jar("io.delta:delta-spark_4.2_2.13:4.4.0", "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"),
    Jar("io.delta:delta-storage:4.4.0", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
)

# Spark's own resolver follows the mirrors and proxies that the machine is set up with.
FETCH: Final = """
import sys
from pyspark.sql import SparkSession
folder, *coordinates = sys.argv[1:]
options = {"spark.master": "local[1]", "spark.ui.enabled": "false", "spark.sql.catalogImplementation": "in-memory", "spark.jars.ivy": folder}
spark = SparkSession.builder.config(map=options).getOrCreate()
for jar in coordinates:
    spark.sql(f"ADD JAR 'ivy://{jar}?transitive=false'")
spark.stop()
"""


def share_folder() -> Path:
    """Where this Python environment keeps what set-up made for it."""
    return Path(sys.prefix) / "share" / "matins"


def jar_paths() -> list[Path]:
    """Delta's jars on this machine, in class path order.

    Raises:
        UsageError: one is missing or is not the file it should be.
    """
    for jar in JARS:
        problem = _problem(share_folder() / "jars" / jar.file, jar.sha256)
        if problem:
            msg = f"{jar.file} {problem} in {share_folder() / 'jars'}: {HINT}."
            raise UsageError(msg)
    return [share_folder() / "jars" / jar.file for jar in JARS]


def fetch() -> list[Path]:
    """Fetches and verifies the jars that are not there yet; does nothing when all are.

    Raises:
        UsageError: they cannot be fetched, are not what they should be, or cannot be kept.
    """
    folder = share_folder() / "jars"
    missing = [jar for jar in JARS if _problem(folder / jar.file, jar.sha256)]
    if missing:
        log.info("Fetching %s", ", ".join(jar.file for jar in missing))
        with tempfile.TemporaryDirectory() as temporary:
            resolved = _resolve(missing, Path(temporary))
            for jar, path in zip(missing, resolved, strict=True):
                _keep(path, folder / jar.file)
    return jar_paths()


def main() -> int:
    """Fetches the jars and makes the start archive; the exit status."""
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    try:
        fetch()
    except MatinsError as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence for whoever sets up, no stack
        return error.exit_status
    # In a process of its own: one process holds one Spark. Without the archive Spark only starts slower.
    return subprocess.run([sys.executable, "-m", "jobs.lake.warmup"], check=False).returncode


def _resolve(jars: list[Jar], folder: Path) -> list[Path]:
    home = spark_java_home(find_java(os.environ), folder)
    command = [sys.executable, "-c", FETCH, str(folder), *(jar.coordinates for jar in jars)]
    environment = {**os.environ, "JAVA_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)  # noqa: S603 - this very Python
    found = [next(folder.glob(f"jars/*_{jar.file}"), folder / jar.file) for jar in jars]
    problems = [f"{jar.file} {problem}" for jar, path in zip(jars, found, strict=True) if (problem := _problem(path, jar.sha256))]
    if problems:
        said = (done.stderr.strip().splitlines() or [f"the resolver ended with {done.returncode}"])[-1]
        msg = f"Delta's jars could not be fetched ({'; '.join(problems)}): {said}"
        raise UsageError(msg)
    return found


def _problem(path: Path, sha256: str) -> str | None:
    if not path.is_file():
        return "is missing"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return None if digest == sha256 else f"has the sha256 {digest[:12]}… and not {sha256[:12]}…"


def _keep(path: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as beside:
            # Moved in one step from the same disk: another process sees the whole file or none.
            shutil.copyfile(path, Path(beside) / target.name).replace(target)
    except OSError as error:
        msg = f"{target} cannot be written: {error.strerror}."
        raise UsageError(msg) from error


if __name__ == "__main__":
    sys.exit(main())
