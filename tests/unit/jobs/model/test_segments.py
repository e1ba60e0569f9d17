from datetime import date
from itertools import pairwise

import pytest

from jobs.config.models import Segments
from jobs.errors import DataError, UsageError
from jobs.model.segments import Span, cut, from_plain, to_plain

SEGMENTS = Segments(train=90, tune=14, holdout=28)
AS_OF = date(2013, 5, 18)


def test_segments_end_where_labels_are_known_and_lie_apart_by_the_lag() -> None:
    assert cut(SEGMENTS, as_of=AS_OF, lag=2) == {
        "train": Span(date(2013, 1, 1), date(2013, 3, 31)),
        "tune": Span(date(2013, 4, 3), date(2013, 4, 16)),
        "holdout": Span(date(2013, 4, 19), date(2013, 5, 16)),
    }


def test_a_calibration_segment_takes_its_nights_and_its_gap() -> None:
    spans = cut(SEGMENTS.model_copy(update={"calibrate": 7}), as_of=AS_OF, lag=2)
    assert list(spans) == ["train", "tune", "calibrate", "holdout"]
    assert spans["calibrate"] == Span(date(2013, 4, 10), date(2013, 4, 16))
    assert spans["tune"].last == date(2013, 4, 7)


@pytest.mark.parametrize("lag", [0, 1, 2, 9])
def test_no_label_of_a_segment_becomes_known_in_the_next(lag: int) -> None:
    spans = list(cut(SEGMENTS, as_of=AS_OF, lag=lag).values())
    assert all((later.first - earlier.last).days == lag + 1 for earlier, later in pairwise(spans))
    assert [span.nights for span in spans] == [90, 14, 28]
    assert (AS_OF - spans[-1].last).days == lag


def test_too_early_a_night_is_told_the_earliest_that_works() -> None:
    first = date(2013, 1, 1)
    with pytest.raises(UsageError, match="--as-of 2013-05-18"):
        cut(SEGMENTS, as_of=date(2013, 5, 10), lag=2, first=first)
    assert cut(SEGMENTS, as_of=AS_OF, lag=2, first=first)["train"].first == first


def test_segments_survive_json() -> None:
    spans = cut(SEGMENTS, as_of=AS_OF, lag=2)
    assert from_plain(to_plain(spans)) == spans
    with pytest.raises(DataError, match="cannot be read"):
        from_plain({"train": ["2013-01-01", "soon"]})


def test_shared_nights_include_both_ends() -> None:
    may = Span(date(2013, 5, 1), date(2013, 5, 31))
    assert may.shared(Span(date(2013, 5, 31), date(2013, 6, 2))) == Span(date(2013, 5, 31), date(2013, 5, 31))
    assert may.shared(Span(date(2013, 6, 1), date(2013, 6, 2))) is None
