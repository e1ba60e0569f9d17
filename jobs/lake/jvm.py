"""The JVM that Spark runs in: started by this process, ended with it, and given up when it was killed."""

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pyspark
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from jobs.lake.scratch import Scratch

# Each of them would lead a local session to another Spark, folder or running gateway than its profile's.
FOREIGN: Final = ("SPARK_CONF_DIR", "SPARK_LOCAL_DIRS", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT")
LOCAL: Final = {"SPARK_HOME": str(Path(pyspark.__file__).parent), "SPARK_LOCAL_IP": "127.0.0.1"}


class Jvm:
    """A running JVM and the folder that goes with it."""

    def __init__(self, conf: Mapping[str, str], scratch: Scratch, *, log: Path | None) -> None:
        """Starts a JVM under Spark's `conf`; what it prints goes to the file `log`, or to stderr.

        Raises:
            PySparkException: it ended before Spark could talk to it.
        """
        self.scratch = scratch
        # Never stdout: that is the command's own, and may be JSON.
        with log.open("wb") if log else os.fdopen(os.dup(2), "wb") as output:
            settings = SparkConf(loadDefaults=False).setAll(list(conf.items()))
            gateway = launch_gateway(settings, {"stdout": output, "stderr": output})  # type: ignore[no-untyped-call]
        self.process: subprocess.Popen[bytes] = gateway.proc
        SparkContext._ensure_initialized(gateway=gateway)

    def answers(self) -> bool:
        """Whether the JVM lives; one that was killed falls silent a little before its process is seen to have ended."""
        try:
            return self.process.poll() is None and SparkContext._jvm is not None and bool(SparkContext._jvm.java.lang.System.nanoTime())
        except (Py4JError, OSError):
            self.process.kill()
            return False

    def close(self, *, patience: float) -> None:
        """Ends session and JVM, waits `patience` seconds for it before it is killed, and removes its folder; then a new one can start."""
        with warnings.catch_warnings(), suppress(Py4JError, OSError):
            # PySpark warns that a dead JVM cannot be shut down.
            warnings.simplefilter("ignore")
            if SparkSession._instantiatedSession is not None:
                SparkSession._instantiatedSession.stop()
        _forget()
        self._end_process(patience)
        self.scratch.remove()

    def _end_process(self, patience: float) -> None:
        if self.process.stdin:
            with suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def hush() -> None:
    """Keeps PySpark from printing each exception a second time, as JSON with values from the data in it."""
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def spark_environment(changes: Mapping[str, str], *, without: tuple[str, ...] = ()) -> Iterator[None]:
    """The one place that changes this process's environment, since PySpark takes some settings from nowhere else; put back at the end."""
    before = {name: os.environ.get(name) for name in (*changes, *without)}
    for name in without:
        os.environ.pop(name, None)
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def pythons() -> dict[str, str]:
    """The variables that make Spark's workers run this very Python."""
    return {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}


def _forget() -> None:
    if SparkContext._gateway is not None:
        with suppress(Py4JError, OSError):
            SparkContext._gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = None
