import json
from dataclasses import replace

from model_rows import Made

from jobs.model.evaluation.plots import plots
from jobs.model.evaluation.slices import by_slice
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page


def test_the_page_tells_every_rule_number_slice_and_plot(made: Made, case: Case) -> None:
    verdict = judge(case)
    slices = by_slice(case.holdout, case.scores, case.baselines["constant"].score(case.holdout), ["carrier"], loss="log_loss", min_rows=100, seed=7)
    drawn = plots(case.holdout, case.scores, kind="binary", title="flights.delayed", seed=7)
    lists = {"slices.json": json.dumps([one.to_dict() for one in slices]).encode(), "population.json": b'[{"name": "late_7", "psi": 0.25}]'}
    told = page(verdict, spans=made.spans, files={**drawn, **lists}).decode()
    for rule in verdict.rules:
        assert f"<td>{rule.name}</td>" in told
    assert str(case.evaluation.metrics["roc_auc"]) in told
    assert "carrier=B6" in told
    assert "<td>late_7</td><td>0.250</td>" in told
    assert told.count("data:image/png;base64,") == 4
    assert verdict.digests["challenger"] in told
    assert "http" not in told.replace("<!doctype html>", "")


def test_a_refusal_that_could_not_be_measured_has_a_page_too(made: Made, case: Case) -> None:
    verdict = judge(replace(case, holdout=case.holdout[:0]))
    told = page(verdict, spans=made.spans, files={}).decode()
    assert '<span class="REFUSE">REFUSE</span>' in told
    assert "cannot be judged" in told


def test_what_a_pipeline_says_is_no_markup(made: Made, case: Case) -> None:
    told = page(judge(replace(case, model="<script>x</script>")), spans=made.spans, files={}).decode()
    assert "<script>" not in told
