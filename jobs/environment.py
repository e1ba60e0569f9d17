"""What results rest on beside data and configuration: this product's code, a team's own function, Python and the libraries."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import jobs
from jobs.config.pipeline import Pipeline

LIBRARIES: Final = ("delta-spark", "holidays", "numpy", "pandas", "pyarrow", "pyspark", "scikit-learn", "scipy", "xgboost", "xgboost-cpu")
"""Those whose release may change a feature, a tree or a score."""
CODE: Final = "matins"


def code_version() -> str:
    """The product's version and a digest of its source as it runs here."""
    package = Path(jobs.__file__).parent
    source = sha256()
    for path in sorted(package.rglob("*.py")):
        source.update(path.read_bytes())
    return f"{installed_version('matins')}+{source.hexdigest()[:12]}"


def environment(pipeline: Pipeline) -> dict[str, str]:
    """What a run's results rest on here and now, by name."""
    return {CODE: code_version(), "python": platform.python_version(), "machine": platform.machine(), **dict(_libraries()), **dict(_own_code(pipeline))}


def changes(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """`pyspark: 4.1.1 → 4.2.0`, one for each part that is another now."""
    return [f"{name}: {then.get(name, 'none')} → {now.get(name, 'none')}" for name in sorted({*then, *now}) if then.get(name) != now.get(name)]


def _libraries() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, installed_version(name)
        except PackageNotFoundError:  # one of XGBoost's two
            continue


def _own_code(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    if named := pipeline.features.plug_in:
        with suppress(ImportError):  # the features step says so, and what to do
            spec = find_spec(named.partition(":")[0])
            if spec and spec.origin:
                yield f"{named}, sha256", sha256(Path(spec.origin).read_bytes()).hexdigest()[:16]
