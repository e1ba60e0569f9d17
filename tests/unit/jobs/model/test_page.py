import json
from dataclasses import replace

from model_rows import Made

from jobs.model.evaluation.plots import plots
from jobs.model.evaluation.slices import by_slice
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import linked, page
from jobs.model.gate.worth import worth


def test_the_page_tells_every_rule_number_slice_and_plot(made: Made, case: Case) -> None:
    verdict = judge(case)
    slices = by_slice(case.holdout, case.scores, case.baselines["constant"].score(case.holdout), ["carrier"], loss="log_loss", min_rows=100, seed=7)
    drawn = plots(case.holdout, case.scores, kind="binary", title="flights.delayed", seed=7)
    lists = {"slices.json": json.dumps([one.to_dict() for one in slices]).encode(), "population.json": b'[{"name": "late_7", "psi": 0.25}]'}
    told = page(verdict, spans=made.spans, files={**drawn, **lists}).decode()
    for rule in verdict.rules:
        assert f'<td class="name">{rule.name}</td>' in told
    assert str(case.evaluation.metrics["roc_auc"]) in told
    assert "carrier=B6" in told
    assert "<td>late_7</td><td>0.250</td>" in told
    assert told.count("data:image/png;base64,") == told.count("<figcaption>") == 4
    assert "<figcaption></figcaption>" not in told
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


def test_the_heading_says_when_and_how_it_came_out_once(made: Made, case: Case) -> None:
    told = page(judge(replace(case, pinned={"as_of": "2013-05-18"})), spans=made.spans, files={}).decode()
    assert "<title>flights.delayed as of 2013-05-18: PASS</title>" in told
    rules = len(judge(case).rules)
    assert f"<p>Passed {rules} of {rules} rules.</p>" in told
    assert "flights.delayed: PASS" not in told
    assert f"flights.delayed on {made.spans['holdout']}: " in page(judge(case), spans=made.spans, files={}).decode()


def test_a_refusal_tells_what_refused_and_nothing_else_first(made: Made, case: Case) -> None:
    told = page(judge(replace(case, gate=case.gate.model_copy(update={"floors": {"roc_auc": 0.99}}))), spans=made.spans, files={}).decode()
    refused = told.partition("<ul>")[2].partition("</ul>")[0]
    assert refused.count("<li>") == 1
    assert "<li>floor_roc_auc: roc_auc is " in refused


def test_names_between_backticks_are_code_and_still_no_markup(made: Made, case: Case) -> None:
    verdict = judge(case)
    rule = replace(verdict.rules[0], sentence="Of `<b>`, `carrier` is unknown.")
    told = page(replace(verdict, rules=(rule,)), spans=made.spans, files={}).decode()
    assert "Of <code>&lt;b&gt;</code>, <code>carrier</code> is unknown." in told


def test_a_threshold_is_said_to_be_general_where_groups_have_their_own(made: Made, case: Case) -> None:
    fairness = {"rows": 1, "nights": 1, "min_rows": 1, "loss": "log_loss", "limits": {}, "attributes": []}
    own = {"attribute": "carrier", "thresholds": [["AA", 0.3]], "general": 1 / 6}
    for thresholds, end in ((own, " on, unless its group has a threshold of its own</h2>"), (None, " on</h2>")):
        files = {"fairness.json": json.dumps({**fairness, "thresholds": thresholds}).encode()}
        assert f"Predicted from a score of 0.1667{end}" in page(judge(case), spans=made.spans, files=files).decode()


def test_a_page_gets_its_links_once_its_version_has_a_number(made: Made, case: Case) -> None:
    told = page(judge(case), spans=made.spans, files={})
    assert b"<nav>" not in told
    assert b'<nav><a href="v4.card.html">Card of version 4</a></nav>' in linked(told, {"Card of version 4": "v4.card.html"})
    assert linked(b"of an earlier release", {"Card": "v4.card.html"}) == b"of an earlier release"


def test_what_decisions_are_worth_is_told_beside_doing_without_them() -> None:
    counts = {"true_positives": 60, "false_positives": 120, "false_negatives": 10, "true_negatives": 60}
    told = worth({"rows": 250, "decided": counts}, {"missed": 5, "false_alarm": 1})
    assert told == (
        "It predicts 72 % of the rows; 33 % of its predictions are right; it finds 86 % of the really so. "
        "Its errors cost 0.68 a row; predicting every row would cost 0.72, predicting none 1.40."
    )
    assert "cost" not in worth({"rows": 250, "decided": counts})
    assert worth({"rows": 250, "decided": {**counts, "true_positives": 0, "false_positives": 0}}) == "It predicts no row at all."
    number = {"decided": None, "metrics": {"mae": {"value": 20.0}}, "baselines": {"constant": {"mae": {"value": 25.0}}}}
    assert worth(number) == "Its scores are off by 20 on average; always saying the same would be off by 25."
    assert worth(None) == ""
