"""A receiver for the webhook, and no waiting."""

from collections.abc import Iterator

import pytest

from jobs.alerts import sending
from tests.unit.jobs.alerts.receiver import Receiver, listening
from tests.unit.jobs.alerts.scene import VARIABLE


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One that the pipeline's variable leads to."""
    with listening() as found:
        monkeypatch.setenv(VARIABLE, found.address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(sending, "FIRST_WAIT", 0.01)
        monkeypatch.setattr(sending, "TIMEOUT", 0.3)
        yield found
