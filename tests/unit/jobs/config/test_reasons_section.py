"""The section `reasons` of a model: what is refused, with key and value."""

from pathlib import Path
from typing import Any

import pytest

from jobs.config.loading import read_pipeline
from jobs.errors import UsageError
from tests.tiny import write_pipeline


def read(folder: Path, **changes: Any) -> Any:
    return read_pipeline(write_pipeline(folder, folder / "landing", nights=0, changes={"models": {"returned": changes}}).path).models["returned"].reasons


def test_left_out_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    assert read(tmp_path, reasons={"rows": "all"}).top == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reasons": {"top": 3}}, "exactly one of `rows` (predicted or all) and `above` (a score) must be given"),
        ({"reasons": {"rows": "all", "above": 0.5}}, "exactly one of `rows`"),
        ({"reasons": {"above": 1.5}}, "reasons.above: a score is a probability here, from 0 to 1 (got 1.5)"),
        ({"reasons": {"rows": "all", "top": 0}}, "reasons.top"),
        ({"reasons": {"rows": "all", "top": 4}, "keep_features": 3}, "reasons.top: must not be more than the 3 features that `keep_features` leaves (got 4)"),
        ({"reasons": {"rows": "all", "top": 40}}, "models.returned.reasons.top: must not be more than the 22 features of the model (got 40)"),
        ({"reasons": {"rows": "all", "top": 22}, "leave_out": ["amount"]}, "must not be more than the 21 features of the model (got 22)"),
        (
            {"type": "regression", "label": "outcomes.refund", "reasons": {"rows": "predicted"}, "gate": {"floors": None}},
            "a regression predicts no class; write `rows: all`",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, **changes)
    assert told in str(caught.value)
