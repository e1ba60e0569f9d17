"""A reader who looks at a warehouse's views without a pause, and notes whatever it should never have seen."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Any, Final

import psycopg

Generation = tuple[str, int]
"""A night and how often it was scored."""
Content = tuple[int, float]
"""Rows and the sum of their scores, which is exact where scores are whole parts of a power of two."""
Ask = Callable[[str], list[tuple[Any, ...]]]
GONE: Final = (psycopg.OperationalError, sqlite3.OperationalError)


@contextmanager
def connected(url: str) -> Iterator[Ask]:
    """A connection of one's own, to PostgreSQL or a SQLite file."""
    is_server = url.startswith("postgresql")
    made = psycopg.connect(url.replace("+psycopg", ""), autocommit=True) if is_server else sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    with closing(made) as connection:
        yield lambda query: found.fetchall() if (found := connection.execute(query)).description else []  # type: ignore[union-attr]


class Reader(threading.Thread):
    """Looks until it is told to stop; a connection that breaks is made anew. `wrong` has what it noted, `looks` how often it looked."""

    def __init__(self, url: str, stem: str, since: date, committed: dict[Generation, Content]) -> None:
        super().__init__(name=f"reader of {stem}")
        self.stem, self.wrong, self.looks, self.breaks = stem, list[str](), 0, 0
        self._url, self._since, self._committed, self._done = url, since, committed, threading.Event()
        self._shown, self._fresh = dict[str, int](), ("", "")

    def run(self) -> None:
        while not self._done.is_set():
            try:
                with connected(self._url) as ask:
                    while not self._done.is_set():
                        self.look(ask)
            except GONE:
                self.breaks += 1
                time.sleep(0.05)

    def stop(self) -> None:
        self._done.set()
        self.join()

    def look(self, ask: Ask) -> None:
        """All three views in one snapshot."""
        ask("BEGIN ISOLATION LEVEL REPEATABLE READ" if self._url.startswith("postgresql") else "BEGIN")
        kept = f"WHERE night >= '{self._since}' GROUP BY night, generation ORDER BY night, generation"
        shown = ask(f"SELECT night, generation, count(*), sum(score) FROM {self.stem}_v1 {kept}")
        marks = "min(CAST(current AS int)), max(CAST(current AS int)), count(DISTINCT published_at)"
        history = ask(f"SELECT night, generation, count(*), sum(score), {marks} FROM {self.stem}_history {kept}")
        fresh = ask(f"SELECT night, published_at, rows FROM {self.stem}_freshness")
        ask("COMMIT")
        self.looks += 1
        self._judge_shown({(str(night), generation): (rows, total) for night, generation, rows, total in shown})
        self._judge_history({(str(night), generation): told for night, generation, *told in history})
        if fresh[0][0] is not None:
            self._judge_freshness(*map(str, fresh[0]))

    def _judge_shown(self, shown: dict[Generation, Content]) -> None:
        now = dict(shown.keys())
        self._note("a night shows two generations", len(now) == len(shown), shown)
        for one, content in shown.items():
            self._note("a night is not as it was scored", content == self._committed.get(one), (one, content))
        self._note("a night is gone", self._shown.keys() <= now.keys(), self._shown.keys() - now.keys())
        self._note("a night went back", all(now.get(night, 0) >= before for night, before in self._shown.items()), (self._shown, now))
        self._shown = now

    def _judge_history(self, history: dict[Generation, list[Any]]) -> None:
        for one, (rows, total, least, most, times) in history.items():
            self._note("a generation is not as it was scored", (rows, total) == self._committed.get(one), (one, rows, total))
            self._note("a generation was published in parts", (least, times) == (most, 1), (one, least, most, times))
        current = {night: generation for (night, generation), (*_, most, _times) in history.items() if most}
        self._note("the history marks others than the view shows", current == self._shown, (current, self._shown))

    def _judge_freshness(self, night: str, published_at: str, rows: str) -> None:
        newest = max(self._shown, default=night)
        content = self._committed.get((newest, self._shown.get(newest, 0)))
        self._note("freshness tells another night", night == newest and (content is None or str(content[0]) == rows), (night, rows, newest, content))
        self._note("freshness went back", (night, published_at) >= self._fresh, (self._fresh, night, published_at))
        self._fresh = (night, published_at)

    def _note(self, what: str, is_right: bool, told: object) -> None:
        if not is_right:
            self.wrong.append(f"{what}: {told}")
