"""What the command refuses before anything runs."""

import pytest

from jobs.cli import app, guarded
from jobs.settings import Settings


@pytest.mark.parametrize("command", [["run", "flights", "--night", "2013-05-31"], ["backfill", "flights", "--from", "2013-05-30", "--to", "2013-05-31"]])
def test_a_champion_that_is_no_version_is_refused(home: Settings, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert guarded(lambda: app([*command, "--champion", "latest"])) == 2
    assert "--champion 'latest' is not allowed; give `current`, `as-of` or the number of a version" in capsys.readouterr().err
    assert not (home.root / "ledger.db").exists()
