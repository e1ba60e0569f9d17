"""To copy: a DAG of your own that runs once a night is published; here it writes down the ten flights most likely to be late.

It is scheduled on the asset of the model's `published` task, not on a clock: where a night is red there is no event, and
nothing runs. For another model change the two names below.
"""

import csv
import os
from datetime import date
from pathlib import Path
from typing import Any, Final

from airflow.sdk import Asset, dag, task
from airflow.sdk.exceptions import AirflowFailException

from jobs.settings import read_settings

PUBLISHED: Final = Asset("flights_delayed", uri="matins://flights/delayed/published")
VIEW: Final = "flights_delayed_v1"
ROWS: Final = 10


@dag(f"example_{VIEW}", schedule=[PUBLISHED], catchup=False, default_args={"retries": 2}, tags=["matins", "example"], doc_md=__doc__)
def consumer() -> None:
    """One task: what was published becomes a file."""

    @task
    def write_highest(triggering_asset_events: Any = None) -> list[str]:
        """The files written: one per night, since Airflow may tell of several nights at once."""
        events = [event for asset in triggering_asset_events for event in triggering_asset_events[asset]]
        nights = {event.extra["night"] for event in events if "night" in event.extra}
        if not nights:
            msg = f"Nothing was published that this run could read: it is started by the asset `{PUBLISHED.name}`, not by hand."
            raise AirflowFailException(msg)
        return [str(written(date.fromisoformat(night))) for night in sorted(nights)]

    write_highest()


def written(night: date) -> Path:
    """The night's highest scores as CSV; written anew it is the same file, and nobody sees half of it.

    Raises:
        AirflowFailException: the warehouse does not show the night.
    """
    names, rows = highest(night)
    if not rows:
        msg = f"`{VIEW}` shows no row of night {night}: it is not published. `matins status` says why."
        raise AirflowFailException(msg)
    target = read_settings().reports / "consumers" / VIEW / f"{night}.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *rows])
    return draft.replace(target)


def highest(night: date) -> tuple[list[str], list[Any]]:
    """Names of the view's columns, and the rows of the night with the highest scores; of equal ones always the same."""
    # Here, not above: Airflow reads this file every few seconds.
    from sqlalchemy import MetaData, Table, create_engine, select

    engine = create_engine(read_settings().warehouse_url)
    view = Table(VIEW, MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        found = connection.execute(select(view).where(view.c.night == night).order_by(view.c.score.desc(), *view.c).limit(ROWS))
        return [*found.keys()], [*found]


consumer()
