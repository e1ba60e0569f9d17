"""Segments where the pipeline is young."""

from datetime import date, timedelta

import pytest

from jobs.config.models import Segments
from jobs.errors import UsageError
from jobs.model.segments import cut
from jobs.retraining.simulation.fitting import fitting

FIRST = date(2013, 1, 1)
FILE = Segments(train=90, tune=14, holdout=28)


def test_segments_that_fit_stay_as_they_are() -> None:
    assert fitting(FILE, as_of=date(2013, 5, 18), lag=2, first=FIRST) is FILE


def test_others_are_shorter_in_proportion_and_use_every_night_there_is() -> None:
    found = fitting(FILE, as_of=date(2013, 3, 1), lag=2, first=FIRST)
    assert found == Segments(train=38, tune=5, holdout=11)
    assert cut(found, as_of=date(2013, 3, 1), lag=2)["train"].first == FIRST


@pytest.mark.parametrize("segments", [FILE, Segments(train=40, tune=10, calibrate=10, holdout=20)])
@pytest.mark.parametrize("lag", [0, 2, 7])
def test_whatever_the_night_they_fit_or_are_refused(segments: Segments, lag: int) -> None:
    refused = []
    for number in range(1, 200):
        as_of = FIRST + timedelta(days=number)
        try:
            found = fitting(segments, as_of=as_of, lag=lag, first=FIRST)
        except UsageError as error:
            refused.append((as_of, str(error)))
            continue
        assert cut(found, as_of=as_of, lag=lag)["train"].first >= FIRST
        assert Segments.model_validate(found.model_dump()) == found
    night, told = refused[-1]
    assert f"As of {night} the nights since 2013-01-01 are too few" in told
    assert f"--from {night + timedelta(days=1)}." in told
