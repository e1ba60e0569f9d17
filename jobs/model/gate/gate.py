"""The gate: a challenger goes live only if every rule holds, on rows that neither it nor the champion has learned from."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from jobs.config.models import HIGHER_IS_BETTER, METRICS, Metric
from jobs.errors import DataError, RetryableError
from jobs.model.evaluation.evaluation import Estimate, paired
from jobs.model.fairness.limits import within_limits
from jobs.model.gate.against import kept
from jobs.model.gate.case import Case, Contender, fitted
from jobs.model.gate.parts import slices
from jobs.model.gate.verdict import Outcome, Rule, Verdict
from jobs.model.stress.rule import stressed

Judgement = tuple[str, Callable[[], Rule]]


def judge(case: Case) -> Verdict:
    """PASS or REFUSE: what cannot be judged is refused, with the reason.

    Raises:
        RetryableError: what trying again may cure is no verdict, which would stand.
    """
    rules = {name: _guarded(name, rule) for name, rule in _rules_alone(case)}
    rules["champion"] = _guarded("champion", partial(_champion, case))
    digests = {**case.pinned, "challenger": case.challenger.digest}
    if rules["champion"].outcome == "PASS" and case.incumbent is not None:
        rules |= {name: _guarded(name, rule) for name, rule in _rules_against(case, case.incumbent)}
        digests["champion"] = case.incumbent.digest
    # Shown only where the rule that needs them could be judged: they are then already computed and cannot fail here.
    measured = rules["measurable"].outcome == "PASS"
    compared = measured and "comparison" in rules and rules["comparison"].observed is not None
    return Verdict(
        model=case.model,
        rules=tuple(rules.values()),
        evaluation=case.evaluation.to_dict() if measured else None,
        champion={name: estimate.to_dict() for name, estimate in case.incumbent_metrics.items()} if compared else None,
        judged_before=case.judged_before,
        digests=digests,
    )


def _guarded(name: str, rule: Callable[[], Rule]) -> Rule:
    try:
        return rule()
    except RetryableError:
        raise
    # Whatever it is, a rule that broke has not been met. Letting the error pass would leave the decision to whoever catches it.
    except Exception as error:
        told = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
        return Rule(name=name, outcome="REFUSE", sentence=f"`{name}` cannot be judged: {told}".rstrip(".") + ".")


def _rules_alone(case: Case) -> Iterator[Judgement]:
    yield "nights", partial(_nights, case)
    yield "unseen", partial(_unseen, case)
    yield "label_coverage", partial(_label_coverage, case)
    yield "history_coverage", partial(_history_coverage, case)
    yield "measurable", partial(_measurable, case)
    yield "leaks", partial(_leaks, case)
    if case.gate.max_calibration_error is not None:
        yield "calibration", partial(_calibration, case, case.gate.max_calibration_error)
    if case.gate.max_megabytes is not None:
        yield "size", partial(_size, case, case.gate.max_megabytes)
    if case.gate.max_seconds_per_million is not None:
        yield "speed", partial(_speed, case, case.gate.max_seconds_per_million)
    for metric, limit in case.gate.floors.items():
        yield f"floor_{metric}", partial(_floor, case, metric, limit)
    yield from within_limits(case)
    # The constant is always asked for: a case that lacks it is refused, not judged without it. Without a feature to group by there is no rate to beat.
    for name in ("constant", *(name for name in case.gate.beats if name in case.baselines)):
        yield f"beats_{name}", partial(_beats, case, name)
    if case.stress:
        yield from ((f"stress_{kind}", partial(stressed, case.stress, kind, limit)) for kind, limit in case.stress.config.limits.items())


def _rules_against(case: Case, champion: Contender) -> Iterator[Judgement]:
    yield "another", partial(_another, case, champion)
    yield "champion_unseen", partial(_champion_unseen, case)
    yield "comparison", partial(_comparison, case)
    if case.gate.slices:
        yield "slices", partial(slices, case, case.gate.slices)


def _nights(case: Case) -> Rule:
    nights, limit = len(case.nights), case.gate.min_nights
    sentence = f"The holdout has {nights} nights with known labels (at least {limit})."
    return Rule(name="nights", outcome=_hold(nights >= limit), observed=nights, limit=limit, sentence=sentence)


def _unseen(case: Case) -> Rule:
    seen = [night for night in case.nights if any(span.first <= night <= span.last for span in fitted(case.challenger))]
    sentence = f"Of the holdout's nights, the challenger was trained or tuned on {len(seen)} (none allowed{_listed(seen)})."
    return Rule(name="unseen", outcome=_hold(not seen), observed=len(seen), limit=0, sentence=sentence)


def _champion_unseen(case: Case) -> Rule:
    seen, limit = case.seen_by_incumbent, case.gate.min_nights
    clean = len(case.nights) - len(seen)
    sentence = f"Of the holdout's nights, the champion was trained or tuned on {len(seen)}{_listed(seen)}; compared on the other {clean} (at least {limit})."
    return Rule(name="champion_unseen", outcome=_hold(clean >= limit), observed=clean, limit=limit, sentence=sentence)


def _label_coverage(case: Case) -> Rule:
    share, limit = case.label_coverage, case.gate.min_label_coverage
    sentence = f"The label is known of {share:.1%} of the holdout's rows (at least {limit:.1%})."
    return Rule(name="label_coverage", outcome=_hold(share >= limit), observed=share, limit=limit, sentence=sentence)


def _history_coverage(case: Case) -> Rule:
    share, limit = case.history_coverage, case.gate.min_history_coverage
    sentence = f"{share:.1%} of the history that the training rows look at was delivered (at least {limit:.1%})."
    return Rule(name="history_coverage", outcome=_hold(limit <= share <= 1), observed=share, limit=limit, sentence=sentence)


def _measurable(case: Case) -> Rule:
    told = ", ".join(f"{metric} {case.evaluation.metrics[metric]}" for metric in METRICS[case.kind])
    ours, better = case.evaluation.metrics[case.loss].value, []
    for name, metrics in case.evaluation.baselines.items():
        if metrics[case.loss].value < ours:
            better.append(f" The baseline {name} does better here: its {case.loss} is {metrics[case.loss]}.")
    sentence = f"Measured on {case.evaluation.rows} rows of {case.evaluation.nights} nights: {told}.{''.join(better)}"
    return Rule(name="measurable", outcome="PASS", sentence=sentence)


def _leaks(case: Case) -> Rule:
    found, refuses = case.suspicions, case.gate.leaks == "refuse"
    told = f"Looks like a leak: {'; '.join(found)}." if found else "Nothing looks like a leak."
    return Rule(name="leaks", outcome=_hold(not (found and refuses)), observed=len(found), limit=0 if refuses else None, sentence=told)


def _calibration(case: Case, limit: float) -> Rule:
    error = case.evaluation.calibration_error
    if error is None:
        msg = "a regression has no calibration error"
        raise DataError(msg)
    sentence = f"Over tenths of the rows, scores and labels are {error:.4f} apart (at most {limit:g})."
    return Rule(name="calibration", outcome=_hold(error <= limit), observed=error, limit=limit, sentence=sentence)


def _size(case: Case, limit: float) -> Rule:
    size = case.challenger.size / 1e6
    return Rule(name="size", outcome=_hold(size <= limit), observed=size, limit=limit, sentence=f"The model has {size:.2f} megabytes (at most {limit:g}).")


def _speed(case: Case, limit: float) -> Rule:
    rows, started = case.holdout, time.perf_counter()
    case.challenger.score(rows)
    seconds = (time.perf_counter() - started) * 1e6 / len(rows)
    sentence = f"A million rows would be scored in {seconds:.1f} seconds, by {len(rows)} of the holdout (at most {limit:g})."
    return Rule(name="speed", outcome=_hold(seconds <= limit), observed=seconds, limit=limit, sentence=sentence)


def _floor(case: Case, metric: Metric, limit: float) -> Rule:
    """Judged by the value, not by the interval's end.

    A floor says what is good enough for the purpose; how sure one must be is said by the rules that compare. On 28 nights the interval of
    an AUC is some 0.06 wide: by its end, a floor would refuse good models for a short holdout, and its number would mean another thing
    with every length. The interval stands beside it.
    """
    estimate = case.evaluation.metrics[metric]
    holds = estimate.value >= limit if metric in HIGHER_IS_BETTER else estimate.value <= limit
    sentence = f"{metric} is {estimate} ({'at least' if metric in HIGHER_IS_BETTER else 'at most'} {limit:g})."
    return Rule(name=f"floor_{metric}", outcome=_hold(holds), observed=estimate.value, interval=_interval(estimate), limit=limit, sentence=sentence)


def _beats(case: Case, name: str) -> Rule:
    """By the loss that training minimises, the constant must be beaten beyond chance, any other baseline by the value.

    The constant knows nothing: what is not provably better has learned nothing. A table of rates is the best of many on `tune`, often within
    .01 of the model, which 28 nights cannot tell apart (flights: -.006 [-.018, .007]): asking for proof would leave the desk with neither.
    """
    other = case.baselines[name].score(case.holdout)
    difference = paired(case.holdout, challenger=case.scores, champion=other, metric=case.loss, seed=case.seed)
    low, high = _interval(difference)
    is_proof = name == "constant"
    holds = (high if is_proof else difference.value) < 0
    sentence = f"Its {case.loss} less that of the baseline {name} is {difference} ({'the upper end' if is_proof else 'the value'} below 0)."
    return Rule(name=f"beats_{name}", outcome=_hold(holds), observed=difference.value, interval=(low, high), limit=0, sentence=sentence)


def _champion(case: Case) -> Rule:
    incumbent = case.incumbent
    told = "There is no champion yet." if incumbent is None else f"The champion {incumbent.digest[:12]} is readable."
    return Rule(name="champion", outcome="PASS", sentence=told)


def _another(case: Case, champion: Contender) -> Rule:
    ours, theirs = case.challenger.digest, champion.digest
    told = "differs from the champion" if ours != theirs else "is the champion itself, byte for byte"
    return Rule(name="another", outcome=_hold(ours != theirs), sentence=f"The challenger {ours[:12]} {told}.")


def _comparison(case: Case) -> Rule:
    rule, metric = case.gate.champion, case.gate.champion.metric or case.loss
    theirs = case.incumbent_metrics[metric]
    difference = paired(case.compared, challenger=case.compared_scores, champion=case.incumbent_scores, metric=metric, seed=case.seed)
    low, high = _interval(difference)
    holds, limit, asked = kept(rule, metric, (low, high))
    seen = difference.detectable
    sentence = f"{metric} less the champion's {theirs}, on the same rows, is {difference} ({asked}; a true difference of {seen:.4f} would have shown)."
    return Rule(name="comparison", outcome=_hold(holds), observed=difference.value, interval=(low, high), limit=limit, detectable=seen, sentence=sentence)


def _interval(estimate: Estimate) -> tuple[float, float]:
    if estimate.low is None or estimate.high is None:
        msg = "One night gives no interval, so nothing is proven"
        raise DataError(msg)
    return estimate.low, estimate.high


def _listed(nights: list[date]) -> str:
    return f": {nights[0]} to {nights[-1]}" if nights else ""


def _hold(holds: bool) -> Outcome:
    return "PASS" if holds else "REFUSE"
