"""`make bench`: what the product's work costs, each time as a ratio to a plain reference measured in the same run."""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from jobs import console
from jobs.memory import peak_memory_mb
from tests.benchmarks import (
    backfill,
    controller,
    dagbag,
    device,
    drift,
    evaluation,
    monitoring,
    night,
    orchestration,
    publication,
    reasons,
    reproduction,
    scoring,
    shadow,
    start,
    training,
    validation,
    year,
)
from tests.benchmarks.measured import Measured

BENCHMARKS: Final[dict[str, Callable[[Path], list[Measured]]]] = {
    "start": start.measure,
    "night": night.measure,
    "orchestration": orchestration.measure,
    "dagbag": dagbag.measure,
    "year": year.measure,
    "validation": validation.measure,
    "training": training.measure,
    "device": device.measure,
    "evaluation": evaluation.measure,
    "scoring": scoring.measure,
    "shadow": shadow.measure,
    "reasons": reasons.measure,
    "backfill": backfill.measure,
    "publication": publication.measure,
    "drift": drift.measure,
    "controller": controller.measure,
    "monitoring": monitoring.measure,
    "reproduction": reproduction.measure,
}


def main() -> None:
    """Run the benchmarks asked for and print a table of medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which; all if left out")
    asked = parser.parse_args()
    rows = []
    for name in asked.names or BENCHMARKS:
        with TemporaryDirectory(prefix="matins-bench-") as folder:
            for measured in BENCHMARKS[name](Path(folder)):
                ratios = [ours / theirs for ours, theirs in measured.pairs]
                ours, theirs = (statistics.median(side) for side in zip(*measured.pairs, strict=True))
                spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                rows.append([measured.what, measured.unit, f"{ours:.2f}", f"{theirs:.2f}", spread, measured.at_most or "reported", measured.note])
    console.table(["what", "unit", "ours", "reference", "ratio", "at most", "note"], rows)
    console.say(f"peak memory of all this: {peak_memory_mb() / 1024:.1f} GiB (at most 6)")


# Processes that a benchmark spawns import this file.
if __name__ == "__main__":
    main()
