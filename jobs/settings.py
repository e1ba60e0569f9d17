"""The environment, read once at the edge and passed down."""

import os
import warnings
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SecretsSettingsSource, SettingsConfigDict, SettingsError

from jobs.addresses import DatabaseUrl, TrackingAddress
from jobs.errors import UsageError

Profile = Literal["local", "test", "cluster"]


class Settings(BaseSettings):
    """Where things are kept and how this machine runs them; every field is one environment variable."""

    model_config = SettingsConfigDict(
        env_prefix="MATINS_", env_ignore_empty=True, frozen=True, populate_by_name=True, extra="ignore", use_attribute_docstrings=True
    )

    home: Path = Path(".matins")
    """Folder that holds everything not placed elsewhere by the settings below."""
    lake_root: str | None = Field(default=None, validation_alias=AliasChoices("MATINS_LAKE"))
    """Root of the Delta tables: any path that Spark can write."""
    landing_root: Path | None = Field(default=None, validation_alias=AliasChoices("MATINS_LANDING"))
    """Root of relative delivery paths."""
    warehouse_secret: DatabaseUrl | None = Field(default=None, validation_alias=AliasChoices("MATINS_WAREHOUSE_URL"))
    """SQLAlchemy URL of the warehouse; it may hold a password."""
    ledger_secret: DatabaseUrl | None = Field(default=None, validation_alias=AliasChoices("MATINS_LEDGER_URL"))
    """SQLAlchemy URL of the ledger; it may hold a password."""
    mlflow_secret: TrackingAddress | None = Field(default=None, validation_alias=AliasChoices("MLFLOW_TRACKING_URI"))
    """MLflow's tracking address; it may hold a password."""
    pipelines: Path | None = None
    """A folder with a team's own pipeline files, beside the shipped ones."""
    spark_profile: Profile = "local"
    """Which file of `spark_conf/` configures Spark."""
    hash_key: SecretStr | None = Field(default=None, min_length=1)
    """Key of the HMAC that stands for columns marked `personal: hash`."""
    secrets: Path | None = None
    """A folder of files named like these variables, in capitals or not: each holds the value of one that the environment leaves out."""
    cron: str | None = None
    """Cron expression that replaces every pipeline's nightly time, for trying things out."""
    fail: str | None = None
    """Fault to inject, `<step>.<point>:<kill9|error|hang>`; for tests."""

    @property
    def root(self) -> Path:
        """`home` as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def elsewhere(self) -> list[str]:
        """The variables that keep something outside `home`."""
        given = {"MATINS_LAKE": self.lake_root, "MATINS_LANDING": self.landing_root, "MATINS_LEDGER_URL": self.ledger_secret}
        urls = {"MATINS_WAREHOUSE_URL": self.warehouse_secret, "MLFLOW_TRACKING_URI": self.mlflow_secret}
        return [name for name, value in {**given, **urls}.items() if value is not None]

    @property
    def lake(self) -> str:
        """Root of the Delta tables."""
        return self.lake_root or str(self.root / "lake")

    @property
    def landing(self) -> Path:
        """Root of relative delivery paths."""
        return (self.landing_root or self.root / "landing").expanduser().absolute()

    @property
    def warehouse_url(self) -> str:
        """SQLAlchemy URL of the warehouse (a secret: never print it)."""
        return _revealed(self.warehouse_secret) or f"sqlite:///{self.root / 'warehouse.db'}"

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger (a secret: never print it)."""
        return _revealed(self.ledger_secret) or f"sqlite:///{self.root / 'ledger.db'}"

    @property
    def mlflow_uri(self) -> str:
        """MLflow's tracking address (a secret: never print it)."""
        return _revealed(self.mlflow_secret) or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def reports(self) -> Path:
        """Folder of the HTML that people read."""
        return self.root / "reports"


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def read_settings() -> Settings:
    """The process's settings.

    Raises:
        UsageError: a variable or a file of `MATINS_SECRETS` has a value that is not allowed, or cannot be read.
    """
    try:
        with warnings.catch_warnings(action="error", category=UserWarning):  # a folder that is not there is no reason to go on without secrets
            settings = Settings(_secrets_dir=os.environ.get("MATINS_SECRETS") or None)
    except ValidationError as error:
        problems = "; ".join(f"{_variable(p['loc'])}: {p['msg'].removeprefix('Value error, ')}" for p in error.errors(include_input=False))
        msg = f"The environment is not valid: {problems}."
        raise UsageError(msg) from None
    except (SettingsError, UserWarning, OSError) as error:
        msg = f"MATINS_SECRETS names a folder that cannot be read: {error.__cause__ or error}. Mend it, or unset the variable."
        raise UsageError(msg) from None
    # Every library that would otherwise report home is told not to, before any of them is imported.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return settings


def _variable(place: tuple[int | str, ...]) -> str:
    name = "_".join(map(str, place))
    return name if name.isupper() else f"MATINS_{name.upper()}"


def value_of(variable: str) -> str | None:
    """What a variable that a pipeline names holds (a secret: never print it): the environment's value, else that of a file of `MATINS_SECRETS`.

    Raises:
        UsageError: the settings are not valid.
    """
    folder = read_settings().secrets
    file = SecretsSettingsSource.find_case_path(folder, variable, case_sensitive=False) if folder else None
    return os.environ.get(variable) or (file.read_text(encoding="utf-8").strip() if file else None) or None
