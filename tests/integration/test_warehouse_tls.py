"""TLS to PostgreSQL, as the URL asks for it: what cannot be had is refused with status 2, since no retry would bring it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.errors import UsageError
from jobs.ledger.engines import open_engine
from jobs.published.warehouse import opened
from jobs.settings import Settings, read_settings
from tests.integration.postgresql import binaries, running
from tests.tiny import write_pipeline

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed: apt-get install postgresql")
PASSWORD = "only-over-tls"


def certificate(folder: Path) -> Path:
    """The folder with a certificate for 127.0.0.1 that vouches for itself, and its key."""
    folder.mkdir()
    files = ["-keyout", folder / "server.key", "-out", folder / "server.crt"]
    about = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *about], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls") / "own") / "server.crt"


@pytest.fixture(scope="module")
def secured(own: Path) -> Iterator[str]:
    with running(password=PASSWORD, certificate=own.parent) as url:
        yield url


@pytest.fixture(scope="module")
def unsecured() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def tiny(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    write_pipeline(tmp_path / "pipelines", home.landing, nights=1)
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    return read_settings()


def test_the_warehouse_is_written_over_tls_with_a_verified_certificate(secured: str, own: Path, tiny: Settings) -> None:
    url = f"{secured}?sslmode=verify-full&sslrootcert={own}"
    with open_engine(url).connect() as connection:
        assert connection.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar_one() is True
    with opened(url, load_pipeline("tiny", tiny), "returned") as warehouse:
        assert warehouse.published() == {}
        assert warehouse.row_counts() == {}


def test_status_2_where_the_server_speaks_no_tls(unsecured: str, tiny: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for variable in ("MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL"):
        with monkeypatch.context() as environment:
            environment.setenv(variable, f"{unsecured}?sslmode=require")
            assert guarded(lambda: app(["plan", "tiny", "--night", "2024-01-01"])) == 2
            said = capsys.readouterr().err
            assert said.startswith("matins: The database postgres at 127.0.0.1 refuses the connection: ")
            assert "server does not support SSL, but SSL was required. Correct user, password or sslmode" in said


def test_a_certificate_of_somebody_else_is_refused(secured: str, tiny: Settings, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other") / "server.crt"
    refuses(f"{secured}?sslmode=verify-full&sslrootcert={other}", "certificate verify failed")


def test_a_certificate_for_another_name_is_refused(secured: str, own: Path) -> None:
    refuses(f"{secured.replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert={own}", 'does not match host name "localhost"')


def test_a_certificate_that_is_not_there_is_told(secured: str, own: Path) -> None:
    refuses(f"{secured}?sslmode=verify-full&sslrootcert={own}.absent", "server.crt.absent")


def test_a_wrong_password_is_refused_without_saying_it(secured: str) -> None:
    refuses(secured.replace(PASSWORD, "canary"), "password authentication failed")


def refuses(url: str, because: str) -> None:
    with pytest.raises(UsageError, match="refuses the connection") as refused:
        open_engine(url).connect()
    assert because in str(refused.value)
    assert "canary" not in str(refused.value)
