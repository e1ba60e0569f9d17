"""The example of a DAG that waits for a published night: the night's ten highest scores in a file, or a word about why not."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Date, Float, MetaData, String, Table, create_engine, insert, text

from tests.integration.airflow_home import DAGS, NEEDS_AIRFLOW

pytestmark = NEEDS_AIRFLOW
NIGHT, OTHER = date(2013, 5, 18), date(2013, 5, 19)
RUN = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import consumer_example
from airflow.dag_processing.dagbag import DagBag

class Event:
    def __init__(self, **extra):
        self.extra = extra

write = DagBag(sys.argv[1]).dags["example_flights_delayed_v1"].task_dict["write_highest"].python_callable

def told(*events):
    try:
        paths = write({consumer_example.PUBLISHED: events} if events else {})
    except Exception as error:
        return [type(error).__name__, str(error)]
    return [[path, Path(path).read_text()] for path in paths]

night = Event(night="2013-05-18")
print("FOUND" + json.dumps({
    "published": told(night),
    "again": told(night, night),
    "not published": told(Event(night="2013-05-20")),
    "by hand": told(),
    "no night": told(Event()),
    "two": [path for path, _ in told(night, Event(night="2013-05-19"))],
}))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose view shows two nights."""
    folder = tmp_path_factory.mktemp("home")
    engine = create_engine(f"sqlite:///{folder / 'warehouse.db'}")
    rows = Table("rows", MetaData(), Column("night", Date), Column("carrier", String), Column("score", Float))
    with engine.begin() as connection:
        rows.create(connection)
        # Two that are equal at the place where the list ends: always the same one is on it.
        shown = [{"night": night, "carrier": f"{n:02}", "score": n / 100 if n > 5 else 0.05} for night in (NIGHT, OTHER) for n in range(15)]
        connection.execute(insert(rows), shown)
        connection.execute(text("CREATE VIEW flights_delayed_v1 AS SELECT * FROM rows"))
    engine.dispose()
    return folder


@pytest.fixture(scope="module")
def found(home: Path) -> Mapping[str, Any]:
    given = {"AIRFLOW_HOME": str(home / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "MATINS_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", RUN, str(DAGS)]
    done = subprocess.run(command, env={**os.environ, **given}, cwd=home, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("FOUND")[2])


def test_the_ten_highest_of_the_night_are_written(found: Mapping[str, Any], home: Path) -> None:
    ((path, content),) = found["published"]
    assert path == str(home / "reports" / "consumers" / "flights_delayed_v1" / "2013-05-18.csv")
    header, *lines = content.splitlines()
    assert header == "night,carrier,score"
    assert [line.split(",")[1] for line in lines] == ["14", "13", "12", "11", "10", "09", "08", "07", "06", "00"]


def test_a_night_that_is_told_twice_is_one_file_with_the_same_content(found: Mapping[str, Any], home: Path) -> None:
    assert found["again"] == found["published"]
    assert sorted(path.name for path in (home / "reports" / "consumers" / "flights_delayed_v1").iterdir()) == ["2013-05-18.csv", "2013-05-19.csv"]


def test_several_nights_are_told_at_once(found: Mapping[str, Any]) -> None:
    assert [Path(path).name for path in found["two"]] == ["2013-05-18.csv", "2013-05-19.csv"]


def test_a_night_that_the_view_does_not_show_is_not_tried_again(found: Mapping[str, Any]) -> None:
    assert found["not published"] == [
        "AirflowFailException",
        "`flights_delayed_v1` shows no row of night 2013-05-20: it is not published. `matins status` says why.",
    ]


@pytest.mark.parametrize("how", ["by hand", "no night"])
def test_a_run_that_no_night_has_started_says_so(found: Mapping[str, Any], how: str) -> None:
    kind, said = found[how]
    assert kind == "AirflowFailException"
    assert said == "Nothing was published that this run could read: it is started by the asset `flights_delayed`, not by hand."
