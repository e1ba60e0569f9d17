from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stress_rows import by_name, stressing

from jobs.config.stress import Stress
from jobs.errors import DataError, RetryableError
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.stress.rule import stressed
from jobs.model.stress.stressing import Stressing


def limited(given: Stressing, **limits: float) -> Stressing:
    return replace(given, config=Stress.model_validate({"limits": limits}))


def test_a_limit_is_kept_by_the_worse_end_of_the_worst() -> None:
    end = by_name(stressing())["missing", "leaned_on"].rise.high
    assert end is not None
    passed, refused = (stressed(stressing(), "missing", limit) for limit in (end, np.nextafter(end, 0)))
    assert (passed.outcome, refused.outcome) == ("PASS", "REFUSE")
    assert passed.name == "stress_missing"
    assert passed.interval is not None
    assert passed.interval[1] == end
    assert passed.sentence.startswith("The worst of 4: Without leaned_on, log_loss rises by ")
    # Nothing stands between the limit and what it is a limit of: a share of decisions stands beside it.
    assert passed.sentence.endswith(f" Limit: log_loss may rise by {end:g} at the upper end; here {end:.4f}.")


def test_a_limit_on_what_could_not_be_computed_refuses() -> None:
    holes = replace(stressing(), holdout=stressing().holdout.assign(slight=np.nan))
    with pytest.raises(DataError, match="With slight at its extremes: cannot be computed"):
        stressed(holes, "extremes", 9)


def test_a_limit_on_what_the_version_does_not_have_refuses() -> None:
    with pytest.raises(DataError, match=r"nothing that `source_late` could alter; take the limit out of `stress.limits`"):
        stressed(stressing(), "source_late", 9)


def test_one_night_proves_nothing() -> None:
    rows = stressing().holdout
    alone = replace(stressing(), holdout=rows[rows["night"] == rows["night"].max()])
    with pytest.raises(DataError, match="one night gives no interval"):
        stressed(alone, "missing", 9)


def test_the_gate_has_a_rule_for_each_limit_and_none_without(case: Case) -> None:
    plain = judge(case)
    strict = judge(replace(case, stress=limited(stressing(), noise=1, missing=0)))
    assert [rule.name for rule in strict.rules if rule.name.startswith("stress")] == ["stress_noise", "stress_missing"]
    assert [rule.name for rule in strict.refused_by] == ["stress_missing"]
    assert plain.passed
    assert judge(replace(case, stress=limited(stressing()))).rules == plain.rules


def test_a_fault_that_a_retry_may_cure_is_no_verdict(case: Case) -> None:
    def gone(_: pd.DataFrame) -> pd.DataFrame:
        raise RetryableError

    with pytest.raises(RetryableError):
        judge(replace(case, stress=replace(limited(stressing(), source_late=1), again={("source_late", "main"): gone})))


def test_a_limit_that_cannot_be_judged_is_a_refusal_of_the_gate(case: Case) -> None:
    (rule,) = judge(replace(case, stress=limited(stressing(), source_late=1))).refused_by
    assert rule.sentence.startswith("`stress_source_late` cannot be judged: the version has nothing that `source_late` could alter")
