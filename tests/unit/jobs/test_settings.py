"""Settings: from the environment, from files of secrets, and what is refused without being said."""

from pathlib import Path

import pytest

from jobs.addresses import database_url
from jobs.alerts.sending import address_in
from jobs.errors import UsageError
from jobs.settings import Settings, read_settings, value_of

CANARY = "canary-of-this-test"
URL = f"postgresql+psycopg://matins:{CANARY}@db.example/warehouse"


@pytest.fixture
def secrets(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets that the environment names."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("MATINS_SECRETS", str(folder))
    monkeypatch.delenv("MATINS_HASH_KEY", raising=False)
    return folder


def test_a_secret_may_lie_in_a_file(secrets: Path) -> None:
    (secrets / "matins_warehouse_url").write_text(f"{URL}\n", encoding="utf-8")
    (secrets / "MATINS_HASH_KEY").write_text("key", encoding="utf-8")
    settings = read_settings()
    assert settings.warehouse_url == URL
    assert settings.hash_key
    assert settings.hash_key.get_secret_value() == "key"
    assert CANARY not in repr(settings)


def test_the_environment_outweighs_a_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "matins_ledger_url").write_text("sqlite:///of_the_file.db", encoding="utf-8")
    monkeypatch.setenv("MATINS_LEDGER_URL", "sqlite:///of_the_environment.db")
    assert read_settings().ledger_url == "sqlite:///of_the_environment.db"
    monkeypatch.setenv("MATINS_LEDGER_URL", "")
    assert read_settings().ledger_url == "sqlite:///of_the_file.db"


def test_what_a_pipeline_names_may_lie_there_too(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "shop_webhook").write_text("https://alerts.example/hook\n", encoding="utf-8")
    assert address_in("SHOP_WEBHOOK").get_secret_value() == "https://alerts.example/hook"
    monkeypatch.setenv("SHOP_WEBHOOK", "https://other.example/hook")
    assert value_of("SHOP_WEBHOOK") == "https://other.example/hook"
    assert value_of("SHOP_SOURCE") is None


@pytest.mark.parametrize("file", ["matins_warehouse_url", "mlflow_tracking_uri", "matins_hash_key"])
def test_an_empty_file_is_no_reason_to_do_without(file: str, secrets: Path) -> None:
    (secrets / file).write_text("\n", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"^The environment is not valid: {file.upper()}: "):
        read_settings()


def test_a_folder_that_is_not_there_is_told(secrets: Path) -> None:
    secrets.rmdir()
    with pytest.raises(UsageError, match=r'^MATINS_SECRETS names a folder that cannot be read: directory ".*secrets" does not exist\. Mend it'):
        read_settings()


def test_a_file_that_cannot_be_read_is_told(secrets: Path) -> None:
    (secrets / "matins_hash_key").mkdir()
    with pytest.raises(UsageError, match="matins_hash_key"):
        read_settings()


UNUSABLE = [CANARY, f"postgresql://u:{CANARY}@host:port/db", f"nosuch://u:{CANARY}@host/db", f"postgresql://u:p@{CANARY}@host/db"]


@pytest.mark.parametrize("url", UNUSABLE, ids=["no URL", "no port", "no such database", "an @ in the password"])
def test_a_url_that_cannot_be_used_is_refused_without_saying_it(url: str, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINS_LEDGER_URL", url)
    with pytest.raises(UsageError, match=r"^The environment is not valid: MATINS_LEDGER_URL: is no SQLAlchemy URL, such as ") as refused:
        read_settings()
    assert CANARY not in str(refused.value)
    with pytest.raises(ValueError, match="is no SQLAlchemy URL"):
        database_url(url)


@pytest.mark.parametrize(
    "address", [f"http://ada:{CANARY}/x@mlflow:5000", f"http://ada:{CANARY}@x@mlflow", f"postgresql://ada:x@{CANARY}@mlflow/db", "https://"]
)
def test_a_tracking_address_that_cannot_be_used_is_refused_without_saying_it(address: str, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(UsageError, match=r"^The environment is not valid: MLFLOW_TRACKING_URI: is no (SQLAlchemy URL|address), such as ") as refused:
        read_settings()
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("address", ["http://mlflow:5000", f"https://ada:{CANARY}@mlflow/base", "http://[::1]:5000/", "databricks", "sqlite:////tmp/mlflow.db"])
def test_a_tracking_address_is_taken_as_it_is(address: str, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert read_settings().mlflow_uri == address
