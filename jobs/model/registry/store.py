"""MLflow, kept at arm's length: one client, quiet, initialised once, its errors in our words."""

import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from jobs.errors import DataError, RetryableError

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What a server answers when something is not there; SQL stores and HTTP servers differ in the code for an alias.
ABSENT: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
PASSWORD: Final = re.compile(r"//[^/@\s]+@")


class Store:
    """A tracking server or database, and the folder of its artifacts."""

    def __init__(self, uri: str, artifacts: str | Path | None) -> None:
        """Nothing is opened yet.

        Args:
            uri: MLflow's tracking address (it may hold a password and is never shown).
            artifacts: root of the artifacts; None leaves it to the server.
        """
        self._uri, self._artifacts = uri, artifacts

    @cached_property
    def client(self) -> "MlflowClient":
        """The client; the first one ever makes the database's tables.

        Raises:
            RetryableError: the server or the database does not answer.
        """
        # Under the lock: two processes that create the tables at the same time leave a half-made database.
        with in_words("opened"), self.lock(), warnings.catch_warnings():
            # MLflow 3.17 uses a SQLAlchemy option that 2.1 deprecates, once, when its tables are mapped.
            warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
            from mlflow import MlflowClient

            client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
            client.search_experiments(max_results=1)
            return client

    def lock(self) -> AbstractContextManager[Any]:
        """Held by one process at a time, where the store is a file; a server serialises by itself."""
        if not self._uri.startswith("sqlite:///"):
            return nullcontext()
        path = Path(self._uri.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{path}.lock", timeout=120, is_singleton=True)

    def experiment(self, name: str) -> str:
        """The id of the experiment `name`, made if need be."""
        with in_words("read"), self.lock():
            if (found := self.client.get_experiment_by_name(name)) is not None:
                return str(found.experiment_id)
            root = None if self._artifacts is None else _location(self._artifacts, name)
            return str(self.client.create_experiment(name, artifact_location=root))

    def upload(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Put `files` under the run's artifacts."""
        with tempfile.TemporaryDirectory() as folder, in_words("written"):
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            self.client.log_artifacts(run_id, folder)

    def download(self, run_id: str, name: str) -> bytes:
        """The artifact `name` of the run, as it is now.

        Raises:
            DataError: it is not there.
        """
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as folder:
            try:
                return Path(self.client.download_artifacts(run_id, name, folder)).read_bytes()
            except (MlflowException, OSError) as error:
                msg = f"The artifact {name} of run {run_id} cannot be read ({type(error).__name__}). Restore it, or roll back to a version that is whole."
                raise DataError(msg) from None


@contextmanager
def in_words(act: str) -> Iterator[None]:
    """Turns what MLflow and its database raise into a sentence without passwords.

    Raises:
        RetryableError: the registry could not be `act`.
    """
    _hush()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        told = PASSWORD.sub("//…@", " ".join(str(error).split()))[:300]
        msg = f"The model registry could not be {act}: {told}. See that MLFLOW_TRACKING_URI is reachable and its disk has room, and try again."
        raise RetryableError(msg) from None


def _hush() -> None:
    # Read by MLflow when it is imported: without these it reports home and talks of migrations and progress on stderr.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # It would print the address of each run, with the password that the server's may hold.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"


def absent(error: Exception) -> bool:
    """Whether an MlflowException says that something is not there."""
    return getattr(error, "error_code", None) in ABSENT


def _location(artifacts: str | Path, name: str) -> str:
    is_url = "://" in str(artifacts)
    return f"{str(artifacts).rstrip('/')}/{name}" if is_url else (Path(artifacts).absolute() / name).as_uri()
