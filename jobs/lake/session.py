"""The one Spark session of a process, configured by the plain files of `spark_conf/`."""

import atexit
import os
import shlex
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs.errors import UsageError
from jobs.lake import archive
from jobs.lake.jars import jar_paths
from jobs.lake.java import Java, find_java, spark_java_home
from jobs.lake.jvm import FOREIGN, LOCAL, Jvm, hush, pythons, spark_environment
from jobs.lake.profiles import profile_conf
from jobs.lake.scratch import Scratch
from jobs.settings import Profile, Settings

JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions"
STOP_SECONDS: Final = 60
ArchiveUse = Callable[[Java, Sequence[Path]], list[str]]
_lock: Final = threading.RLock()
_started: Final[list[Jvm]] = []


def spark_session(settings: Settings, *, archive_use: ArchiveUse = archive.java_options) -> SparkSession:
    """The process's Spark session: the running one, or a new one under the settings' profile.

    A JVM that was killed is noticed here and replaced. `archive_use` names the JVM's options about its class archive.

    Raises:
        UsageError: Spark cannot start here; the text says why and what to do.
    """
    with _lock:
        if _started and not _started[-1].answers():
            close_spark()
        running = SparkSession._instantiatedSession
        if running is not None and running._sc._jsc is not None:
            return running
        close_spark()
        return _start(settings.spark_profile, archive_use)


def close_spark(*, patience: float = STOP_SECONDS) -> None:
    """Stops the session that this process started, if any, and ends its JVM: after `patience` seconds by force."""
    with _lock:
        while _started:
            _started.pop().close(patience=patience)


def _start(profile: Profile, archive_use: ArchiveUse) -> SparkSession:
    jars, java = jar_paths(), find_java(os.environ)
    try:
        scratch = Scratch()
    except OSError as error:
        msg = f"Spark did not start, for want of a temporary folder: {error}. Free some space, or set TMPDIR to a folder that can be written."
        raise UsageError(msg) from error
    log = None if profile == "cluster" else scratch.path / "spark.log"
    try:
        return _session(profile, _conf(profile, jars, scratch.path, archive_use(java, jars)), java, scratch, log)
    except (PySparkException, Py4JError, OSError) as error:
        msg = f"Spark did not start: {_reason(error, log)}"
        close_spark()
        scratch.remove()
        raise UsageError(msg) from error


def _session(profile: Profile, conf: dict[str, str], java: Java, scratch: Scratch, log: Path | None) -> SparkSession:
    variables = {**pythons(), "JAVA_HOME": str(spark_java_home(java, scratch.path)), "SPARK_LAUNCHER_OPTS": _launcher_options(profile)}
    hush()
    # A cluster's operators say in the environment where it is and how it is set up; nothing there may sway the other profiles.
    changes, without = (variables, ()) if profile == "cluster" else (variables | LOCAL, FOREIGN)
    with spark_environment(changes, without=without):
        _started.append(Jvm(conf, scratch, log=log))
        spark = SparkSession.builder.config(map={**conf}).getOrCreate()
    if profile == "cluster" and (spark.sparkContext.master or "local").partition("[")[0] == "local":
        close_spark()
        msg = "The profile `cluster` found no cluster: name `spark.master` in spark-defaults.conf and that file's folder in SPARK_CONF_DIR."
        raise UsageError(msg)
    return spark


def _conf(profile: Profile, jars: Sequence[Path], folder: Path, java_options: Sequence[str]) -> dict[str, str]:
    conf = profile_conf(profile)
    own = [f"-Djava.io.tmpdir={folder}", f"-XX:ErrorFile={folder / 'crash.log'}", *java_options]
    conf[JAVA_OPTIONS] = f"{conf.get(JAVA_OPTIONS, '')} {shlex.join(own)}".strip()
    conf["spark.driver.extraClassPath"] = os.pathsep.join(map(str, jars))
    conf["spark.sql.warehouse.dir"] = str(folder / "warehouse")
    # Executors elsewhere need the jars sent; on one machine the class path above is all.
    return conf | ({"spark.jars": ",".join(map(str, jars))} if profile == "cluster" else {"spark.local.dir": str(folder)})


def _launcher_options(profile: Profile) -> str:
    return " ".join([profile_conf(profile).get(JAVA_OPTIONS, ""), *archive.LENIENT])


def _reason(error: Exception, log: Path | None) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log and log.is_file() else []
    telling = [line for line in lines if line.startswith(("Error", "Caused by", "Exception"))]
    return (telling or lines or str(error).splitlines() or [type(error).__name__])[-1]


atexit.register(close_spark)
