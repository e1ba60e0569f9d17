"""What the command shows: progress on a terminal, plain lines elsewhere, one JSON document with `--json`."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.control import Control
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from jobs.errors import UsageError
from jobs.plan import Task
from jobs.results import StepResult
from jobs.runner import Listener

# Where there is no terminal to fit into, a table is as wide as it needs to be to be read.
out = Console(highlight=False, soft_wrap=True, markup=False, width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def progress(total: int) -> Iterator[Listener]:
    """A listener that shows the tasks as they come and go, on standard error."""
    if not sys.stderr.isatty():
        yield _plain
        return
    bar = Progress(SpinnerColumn(), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn(), console=err, transient=True)
    with bar:
        running = bar.add_task("", total=total)

        def listener(task: Task, result: StepResult | None) -> None:
            bar.update(running, description=task.table, advance=1 if result else 0)
            if result:
                bar.console.print(_told(task, result))

        yield listener


def _plain(task: Task, result: StepResult | None) -> None:
    if result:
        err.print(_told(task, result))


def _told(task: Task, result: StepResult) -> str:
    nights = len(result.nights)
    return f"  {task.table}: {result.outcome}, {nights} night{'s' if nights != 1 else ''}, {result.rows} rows"


def say(line: str = "") -> None:
    """A line for people, on standard output."""
    out.print(line)


def warn(line: str) -> None:
    """A line for people, on standard error."""
    err.print(line)


def as_json(value: Any) -> None:
    """The one document of `--json`."""
    out.print(json.dumps(value, indent=1, default=str))


def results_as_json(results: list[StepResult]) -> list[dict[str, Any]]:
    """Step results as plain data."""
    return [asdict(result) | {"outcome": result.outcome} for result in results]


def table(columns: list[str], rows: list[list[Any]], title: str | None = None) -> None:
    """A table for people."""
    shown = Table(*columns, title=title, title_justify="left")
    for row in rows:
        shown.add_row(*["" if cell is None else str(cell) for cell in row])
    out.print(shown)


def redrawn(draw: Callable[[], None], *, seconds: float) -> None:
    """What `draw` says, again and again until Ctrl-C, on a screen of its own and as much of it as that holds.

    Raises:
        UsageError: there is no terminal.
    """
    if not out.is_terminal:
        msg = "--watch needs a terminal; without one, ask for the status again when you want it."
        raise UsageError(msg)
    with suppress(KeyboardInterrupt), out.screen():
        while True:
            with out.capture() as drawn:
                draw()
            # Cut here: a terminal would roll the beginning out of sight.
            shown = [one for line in drawn.get().splitlines() for one in Text.from_ansi(line).wrap(out, out.width)]
            out.control(Control.home(), Control.clear())
            out.print(*shown[: out.height - 1], sep="\n", end="")
            time.sleep(seconds)


@contextmanager
def counting(what: str, *, total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, moved on by calling with what has just been done; silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    bar = Progress(SpinnerColumn(), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn(), console=err, transient=True)
    with bar:
        running = bar.add_task(what, total=total)
        yield lambda done: bar.update(running, description=f"{what} {done}", advance=1)
