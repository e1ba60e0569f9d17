"""The profiles of `spark_conf/`: plain spark-defaults files, base first."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from jobs.settings import Profile

REPOSITORY: Final = Path(__file__).parents[2]


def profile_conf(profile: Profile) -> dict[str, str]:
    """Spark's configuration under `profile`."""
    return {**_read(conf_folder() / "base.conf"), **_read(conf_folder() / f"{profile}.conf")}


def conf_folder() -> Traversable:
    """The folder of the profiles: inside the package where it was installed, beside it in a working copy."""
    packaged = files("jobs.lake") / "spark_conf"
    return packaged if packaged.is_dir() else REPOSITORY / "spark_conf"


def _read(file: Traversable) -> dict[str, str]:
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)
