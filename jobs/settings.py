"""The environment, read once at the edge and passed down."""

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.errors import UsageError

Profile = Literal["local", "test", "cluster"]


class Settings(BaseSettings):
    """Where things are kept and how this machine runs them; every field is one environment variable."""

    model_config = SettingsConfigDict(env_prefix="MATINS_", frozen=True, populate_by_name=True, extra="ignore", use_attribute_docstrings=True)

    home: Path = Path(".matins")
    """Folder that holds everything not placed elsewhere by the settings below."""
    lake_root: str | None = Field(default=None, validation_alias=AliasChoices("MATINS_LAKE"))
    """Root of the Delta tables: any path that Spark can write."""
    landing_root: Path | None = Field(default=None, validation_alias=AliasChoices("MATINS_LANDING"))
    """Root of relative delivery paths."""
    warehouse_secret: SecretStr | None = Field(default=None, validation_alias=AliasChoices("MATINS_WAREHOUSE_URL"))
    """SQLAlchemy URL of the warehouse; it may hold a password."""
    ledger_secret: SecretStr | None = Field(default=None, validation_alias=AliasChoices("MATINS_LEDGER_URL"))
    """SQLAlchemy URL of the ledger; it may hold a password."""
    mlflow_secret: SecretStr | None = Field(default=None, validation_alias=AliasChoices("MLFLOW_TRACKING_URI"))
    """MLflow's tracking address; it may hold a password."""
    pipelines: Path | None = None
    """A folder with a team's own pipeline files, beside the shipped ones."""
    spark_profile: Profile = "local"
    """Which file of `spark_conf/` configures Spark."""
    hash_key: SecretStr | None = None
    """Key of the HMAC that stands for columns marked `personal: hash`."""
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
        UsageError: a variable has a value that is not allowed.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(f"MATINS_{'_'.join(map(str, p['loc'])).upper()}: {p['msg']}" for p in error.errors(include_input=False))
        msg = f"The environment is not valid: {problems}."
        raise UsageError(msg) from None
    # Every library that would otherwise report home is told not to, before any of them is imported.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return settings
