"""What `dags/` adds to an Airflow that reads it, beyond importing Airflow itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.benchmarks.measured import ROUNDS, Measured

AT_MOST: Final = 2.0
DAGS: Final = Path(__file__).parents[2] / "dags"
READ: Final = """
import sys, time
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
begun = time.perf_counter()
bag = DagBag(sys.argv[1])
seconds = time.perf_counter() - begun
assert bag.dags and not bag.import_errors, bag.import_errors
print(seconds)
"""


def measure(folder: Path) -> list[Measured]:
    """Seconds to read the folder of DAGs in a fresh process, against two seconds."""
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "MATINS_HOME": str(folder)}
    command = [sys.executable, "-W", "ignore", "-c", READ, str(DAGS)]
    read = [subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True) for _ in range(ROUNDS + 1)]
    # The first also writes the caches of the interpreter.
    pairs = [(float(one.stdout.split()[-1]), AT_MOST) for one in read[1:]]
    return [Measured("dagbag", pairs, unit="s", at_most=1, note="the reference is two seconds")]
