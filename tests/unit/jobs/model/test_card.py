"""The card says what is on record of a version, and nothing that a text could slip in as markup."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from model_rows import Made

from jobs.model.card.facts import Facts
from jobs.model.card.limits import limits
from jobs.model.card.page import html, markdown
from jobs.model.evaluation.plots import plots
from jobs.model.evaluation.slices import by_slice
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.registry.registry import Registry

NAME = "flights.delayed"
FILE = {
    "purpose": {"goal": "warn the desk", "cost": {"missed": 5, "false_alarm": 1}, "not_for": ["paying out compensation"]},
    "models": {"delayed": {"label": "outcomes.late", "type": "binary", "population": None}},
}


def decided(version: int, act: str, **about: Any) -> dict[str, Any]:
    at = datetime(2013, 5, 18, 6, 30, tzinfo=UTC)
    return {"at": at, "act": act, "version": version, "night": date(2013, 5, 18), "by": "gate", "system_user": "matins", "reason": "it is better", **about}


@pytest.fixture
def facts(registry: Registry, made: Made, case: Case) -> Facts:
    verdict = judge(case)
    parts = by_slice(case.holdout, case.scores, case.scores, ["carrier"], loss="log_loss", min_rows=100, seed=7)
    drawn = plots(case.holdout, case.scores, kind="binary", title=NAME, seed=7)
    files = {"verdict.json": verdict.to_json().encode(), "slices.json": json.dumps([one.to_dict() for one in parts]).encode(), **drawn}
    artifact = made.trained.artifact
    run_id = registry.record(NAME, artifact=artifact, spans=made.spans, params={"eta": 0.03}, metrics={}, tags={"as_of": "2013-05-18"}, files=files)
    registry.register(NAME, run_id, artifact.digest, {"as_of": "2013-05-18"})
    version = registry.version(NAME, 1)
    return Facts("flights", "delayed", version, registry.params(version), [decided(1, "promoted"), decided(2, "refused")], FILE, {"xgboost-cpu": "3.2.0"})


def test_a_card_tells_purpose_limits_numbers_rules_decisions_and_origin(facts: Facts) -> None:
    told = markdown(facts)
    assert "- Goal: warn the desk" in told
    assert "5 for a missed case, 1 for a false alarm" in told
    assert "- Not for: paying out compensation." in told
    for rule in facts.verdict["rules"]:
        assert f"| {rule['name']} | {rule['outcome']} |" in told
    auc = facts.verdict["evaluation"]["metrics"]["roc_auc"]
    assert f"{auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]" in told
    assert "| 2013-05-18 06:30 | promoted | 2013-05-18 | gate | matins | it is better |" in told
    assert "refused |" not in told  # what was decided of another version
    assert "It is the champion, from the night 2013-05-18 on." in told
    for origin in (facts.version.digest, facts.version.run_id, facts.evidence, "| xgboost-cpu | 3.2.0 |", "| parameter eta | 0.03 |"):
        assert origin in told


def test_every_table_of_the_page_is_a_table(facts: Facts) -> None:
    page = html(facts).decode()
    assert page.count("<table>") == markdown(facts).count("\n|---")
    assert "|---" not in page
    assert page.count("data:image/png;base64,") == 4
    assert "http" not in page


def test_what_the_record_lacks_or_shows_is_a_limit(facts: Facts) -> None:
    found = limits(facts)
    assert found[0] == "Not for: paying out compensation."
    assert any(one.startswith("It has learned from no night in ") and "December" in one for one in found)
    # Its scores were put in the place of the constant's: it is of no use in any part.
    assert sum(one.startswith("Not shown to be better than a constant for carrier=") for one in found) == len(facts.file("slices.json"))
    assert "Fairness was not examined: the pipeline file did not ask for it." in found


def test_a_version_of_an_earlier_release_says_what_is_not_on_record(facts: Facts) -> None:
    told = markdown(Facts("flights", "delayed", facts.version, {}, [], None, {}))
    assert "Not on record: the version was made by a release that did not keep the pipeline's file." in told
    assert "Nothing has been decided." in told


def test_a_reason_is_no_markup(facts: Facts) -> None:
    reason = "<script>x</script> | [here](javascript:x) **bold**\n# big"
    page = html(Facts("flights", "delayed", facts.version, {}, [decided(1, "promoted", reason=reason)], FILE, {})).decode()
    assert "<script>" not in page
    assert "<a " not in page
    assert "<strong>bold" not in page
    assert "&lt;script&gt;x&lt;/script&gt; | [here](javascript:x) **bold** # big" in page


def estimate(value: float, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def test_what_was_examined_beside_the_gate_is_on_the_card(registry: Registry, made: Made, case: Case) -> None:
    group = {"name": "AA", "rows": 900, "share": 0.6, "is_small": False, "rates": {"selection_rate": estimate(0.4, 0.3, 0.5), "precision": None}}
    few = {"name": "HA", "rows": 5, "share": 0.01, "is_small": True, "rates": {}}
    gap = {"estimate": estimate(0.25, 0.2, 0.3), "by_chance": 0.02, "lowest": "AA", "highest": "UA", "problem": None}
    attribute = {"attribute": "carrier", "is_learned": False, "problem": None, "groups": [group, few], "measures": {"demographic_parity": gap}}
    fairness = {"rows": 1500, "nights": 28, "min_rows": 100, "limits": {"demographic_parity": 0.1}, "mitigate": None, "attributes": [attribute]}
    stress = {"kind": "missing", "of": "dest", "sentence": "Without dest, log_loss rises by 0.0040.", "problem": None}
    other = {"kind": "missing", "of": "hour", "sentence": "Without hour, no score changes.", "problem": None}
    files = {
        "verdict.json": judge(case).to_json().encode(),
        "fairness.json": json.dumps(fairness).encode(),
        "stress.json": json.dumps({"stresses": [stress, other]}).encode(),
    }
    run_id = registry.record(NAME, artifact=made.trained.artifact, spans=made.spans, params={}, metrics={}, tags={}, files=files)
    registry.register(NAME, run_id, made.trained.artifact.digest)
    told = markdown(Facts("flights", "delayed", registry.version(NAME, 1), {}, [], FILE, {}))
    assert "| AA | 900 | 0.4000 [0.3000, 0.5000] | – | – | – |" in told
    assert "| HA | 5 | – | – | – | – |" in told
    assert "| demographic parity | 0.2500 [0.2000, 0.3000] | 0.0200 | 0.1 |" in told
    assert "- Without dest, log_loss rises by 0.0040." in told
    assert "Without hour" not in told  # the worst of a kind only
    assert not any("was not examined" in one for one in limits(Facts("flights", "delayed", registry.version(NAME, 1), {}, [], FILE, {})))
