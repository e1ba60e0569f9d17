"""The card says what is on record of a version, and nothing that a text could slip in as markup."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from model_rows import Made

from jobs.ledger.ledger import Ledger
from jobs.model.card.facts import Before, Facts
from jobs.model.card.limits import limits
from jobs.model.card.page import html, markdown
from jobs.model.card.plain import code, plain
from jobs.model.card.rules import changed, outcome
from jobs.model.evaluation.plots import plots
from jobs.model.evaluation.slices import by_slice
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.registry.registry import Registry
from jobs.model.registry.version import sha256

NAME = "flights.delayed"
FILE = {
    "purpose": {"goal": "warn the desk", "cost": {"missed": 5, "false_alarm": 1}, "not_for": ["paying out compensation"]},
    "models": {"delayed": {"label": "outcomes.late", "type": "binary", "population": None}},
}


def decided(version: int, act: str, **about: Any) -> dict[str, Any]:
    at = datetime(2013, 5, 18, 6, 30, tzinfo=UTC)
    known = {"at": at, "night": date(2013, 5, 18), "by": "gate", "system_user": "matins", "reason": "it is better", "evidence": None}
    return {"act": act, "version": version, **known, **about}


def estimate(value: float, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def card(facts: Facts, *decisions: dict[str, Any]) -> str:
    return markdown(replace(facts, every_decision=decisions))


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


def test_a_card_tells_of_nights_in_shadow(facts: Facts) -> None:
    assert "## Nights in shadow" not in markdown(facts)
    sentence = "2 of 14 labelled nights in shadow; log_loss less the champion's is -0.0061 [-0.0102, -0.0018] (at the worse end worse by at most 0.002)."
    nights = [{"night": "2013-05-19", "rows": 900, "agreement": 0.912, "rank_correlation": 0.95}]
    told = markdown(replace(facts, shadow={"champion": 3, "sentence": sentence, "nights": nights}))
    assert f"Nights scored beside v3: 1, for nobody but those who decide about the version. {sentence}" in told.replace("\\", "")
    assert "In the newest, 2013-05-19, 900 rows, of which both predict 91.2 % alike; the order of their scores agrees by 0.95" in told
    none = markdown(replace(facts, shadow={"champion": None, "sentence": "0 of 14 labelled nights in shadow.", "nights": []}))
    assert "Nights scored beside a champion: 0, " in none


def test_nights_in_shadow_are_no_person(facts: Facts) -> None:
    told = card(facts, decided(1, "approved", by="shadow", reason="14 of 14 nights"), decided(1, "promoted", by="shadow"))
    assert "Its nights in shadow let it live: 14 of 14 nights" in told
    assert "name as given" not in told


def test_a_card_tells_purpose_limits_numbers_rules_decisions_and_origin(facts: Facts) -> None:
    told = markdown(facts)
    assert "- Goal: warn the desk" in told
    assert "5 for a missed case, 1 for a false alarm" in told
    assert "- Not for: paying out compensation." in told
    for rule in facts.verdict["rules"]:
        assert f"- **{rule['outcome']}** `{rule['name']}`: " in told
    auc = facts.verdict["evaluation"]["metrics"]["roc_auc"]
    assert f"{auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]" in told
    assert "- Promoted by the gate, for the night 2013-05-18: it is better (2013-05-18 06:30 UTC; the system's user was matins)" in told
    assert "- Refused by" not in told  # what was decided of another version
    assert f"**Passed {len(facts.verdict['rules'])} of {len(facts.verdict['rules'])} rules.** It is the champion, from the night 2013-05-18 on." in told
    for origin in (facts.version.digest, facts.version.run_id, facts.evidence, "| xgboost-cpu | 3.2.0 |", "| parameter eta | 0.03 |"):
        assert origin in told


def test_every_table_of_the_page_is_a_table(facts: Facts) -> None:
    page = html(facts).decode()
    assert page.count("<table>") == markdown(facts).count("\n|---")
    assert page.count('<div class="scroll">') == page.count("<table>")
    assert "|---" not in page
    assert page.count("data:image/png;base64,") == page.count("<figcaption>") == 4
    assert "<figcaption></figcaption>" not in page
    assert "http" not in page


def test_what_the_record_lacks_or_shows_is_a_limit(facts: Facts) -> None:
    found = limits(facts)
    assert found[0] == "Not for: paying out compensation."
    assert any(one.startswith("It has learned from no night in ") and "December" in one for one in found)
    # Its scores were put in the place of the constant's: it is of no use in any part.
    assert sum(one.startswith("Not shown to be better than a constant for `carrier=") for one in found) == len(facts.file("slices.json"))
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


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (r"\[click\](http://evil.example)", r"\[click\](http://evil.example)"),
        ("_a_ __b__ ~~c~~", "_a_ __b__ ~~c~~"),
        ("`carrier` is [0.1, -0.2]", "<code>carrier</code> is [0.1, -0.2]"),
        ("[1](http://evil.example) ![2](x) [3]: x", "[1](http://evil.example) ![2](x) [3]: x"),
        ("`a``b` `<b>` `one", "<code>a``b</code> <code>&lt;b&gt;</code> `one"),
        (r"\`a` [x](y)`z`", r"\<code>a</code> [x](y)<code>z</code>"),
        ("roc_auc &lt; 1", "roc_auc &amp;lt; 1"),
    ],
)
def test_text_is_shown_as_it_is(text: str, html: str) -> None:
    assert MarkdownIt("commonmark", {"html": False}).enable("table").renderInline(plain(text)) == html
    assert plain("roc_auc is 0.68 [0.65, 0.71]") == "roc_auc is 0.68 [0.65, 0.71]"


def test_code_has_no_backslashes_and_is_left_by_nothing() -> None:
    assert MarkdownIt("commonmark").renderInline(code("a|b\n`[c](d) < 1")) == "<code>a|b '[c](d) &lt; 1</code>"


def test_a_champion_stands_since_it_was_enthroned_whatever_was_tried_since(facts: Facts) -> None:
    tried = decided(1, "approval_refused", night=date(2013, 6, 10), by="Ann", reason="v1 does not wait.")
    told = card(facts, decided(1, "promoted"), tried)
    assert "It is the champion, from the night 2013-05-18 on." in told
    assert "- Ann tried to approve; Matins declined: v1 does not wait. (2013-05-18 06:30 UTC; name as given, not checked; the system's user was matins)" in told
    assert "It was champion from the night 2013-05-18 on, and is no longer: v2 is." in card(facts, decided(1, "promoted"), decided(2, "promoted"))


def test_an_approval_says_who_and_which_verdict(facts: Facts) -> None:
    approved = decided(1, "approved", by="Ann", reason="looked", evidence={"evidence": facts.evidence})
    told = card(facts, decided(1, "trained", by="training"), approved, decided(1, "promoted", by="Ann", reason="looked"))
    assert f"on; Ann approved the verdict `{facts.evidence[:12]}` (name as given, not checked)." in told
    assert f"- Ann approved the verdict `{facts.evidence[:12]}`: looked (" in told


def test_a_version_that_waits_says_for_what_and_how_it_ends(facts: Facts) -> None:
    waiting = decided(2, "waiting"), decided(1, "waiting", evidence={"evidence": facts.evidence})
    told = card(facts, decided(3, "promoted"), *waiting)
    digest = facts.evidence[:12]
    assert f"v1 waits for approval (evidence {digest}). Until then v3 goes on." in told
    assert f"To approve: `matins approve flights.delayed --version 1 --evidence {digest} --by NAME --reason WHY`." in told
    terms = {"nights": 14, "promotion": "automatic"}
    told = card(facts, decided(1, "waiting", evidence={"evidence": facts.evidence, "shadow": terms}))
    assert "Until then there is no champion. How far it is: `matins status flights`." in told


def test_what_the_gate_said_stands_on_the_card_once(facts: Facts) -> None:
    sentence, rules = facts.verdict["sentence"], len(facts.verdict["rules"])
    told = card(facts, decided(1, "promoted", reason=sentence))
    assert sentence not in told
    assert f"- Promoted by the gate, for the night 2013-05-18: Passed {rules} of {rules} rules. (" in told
    told = card(facts, decided(1, "rejected", by="Ann", reason="too old"))
    assert "It was rejected by Ann: too old." in told


def test_an_outcome_names_the_rules_that_refused() -> None:
    rules = [{"name": "nights", "outcome": "PASS"}, {"name": "leaks", "outcome": "REFUSE"}, {"name": "size", "outcome": "REFUSE"}]
    assert outcome(rules) == "Refused by 2 of 3 rules: `leaks`, `size`"
    assert outcome(rules[:1]) == "Passed 1 of 1 rules"
    assert outcome([]) == "Refused by 0 of 0 rules: "


def test_rules_that_are_others_than_those_of_the_version_before_are_named_with_both_limits(facts: Facts) -> None:
    def rule(name: str, limit: float | None, outcome: str = "PASS") -> dict[str, Any]:
        return {"name": name, "limit": limit, "outcome": outcome}

    before = [rule("nights", 7), rule("comparison", 0.008, "REFUSE"), rule("beats_historical_rate", 0), rule("leaks", None)]
    now = [rule("nights", 7), rule("comparison", 0.05), rule("size", 10), rule("leaks", 0)]
    assert [*changed(now, before, 3)] == [
        "`beats_historical_rate` (limit 0) is no longer asked.",
        "`comparison` has the limit 0.05, which was 0.008; v3 was refused by it.",
        "`size` (limit 10) is newly asked.",
        "`leaks` has the limit 0, which was none.",
    ]
    told = markdown(replace(facts, before=Before(3, [*facts.verdict["rules"], rule("gone", None, "REFUSE")])))
    assert "## Rules changed since v3\n\n- `gone` is no longer asked; v3 was refused by it.\n" in told
    assert "The rules and limits are those of v3." in markdown(replace(facts, before=Before(3, facts.verdict["rules"])))
    assert "The verdict of v3 cannot be read" in markdown(replace(facts, before=Before(3, None)))
    assert "Rules changed" not in markdown(facts)


def test_the_version_before_is_the_next_lower_number_whether_or_not_its_files_are_whole(registry: Registry, facts: Facts, made: Made, tmp_path: Path) -> None:
    ledger, other = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", home=tmp_path), made.rival.artifact
    assert Facts.of(registry, ledger, "flights", "delayed", 1).before is None
    files = {"verdict.json": facts.version.read("verdict.json")}
    run_id = registry.record(NAME, artifact=other, spans=made.spans, params={}, metrics={}, tags={}, files=files)
    registry.register(NAME, run_id, other.digest)
    assert Facts.of(registry, ledger, "flights", "delayed", 2).before == Before(1, facts.verdict["rules"])
    registry.attach(facts.version, {"verdict.json": b"{}"}, described="changed")
    assert Facts.of(registry, ledger, "flights", "delayed", 2).before == Before(1, None)


def judged(facts: Facts, **evaluation: Any) -> Facts:
    """The same, with other numbers in its evaluation."""
    found = replace(facts)
    vars(found)["verdict"] = {**facts.verdict, "evaluation": {**facts.verdict["evaluation"], **evaluation}}
    return found


def test_a_version_that_could_not_be_measured_has_a_card_too(facts: Facts) -> None:
    found = replace(facts)
    vars(found)["verdict"] = {**facts.verdict, "evaluation": None}
    told = markdown(found)
    assert "It could not be measured: see the verdict." in told
    assert "It predicts " not in told.partition("## What it is for")[0]


def test_a_baseline_that_did_better_is_a_limit_with_both_numbers(facts: Facts) -> None:
    evaluation = facts.verdict["evaluation"]
    ours = evaluation["metrics"]["log_loss"]["value"]
    better = {"linear": {"log_loss": estimate(ours - 0.01)}, "constant": {"log_loss": estimate(ours + 0.01)}}
    (found,) = [one for one in limits(judged(facts, baselines=better)) if "baseline" in one]
    numbers = f"its log_loss is {ours - 0.01:.4f}, this version's {ours:.4f}"
    assert found == f"The simple baseline `linear` did better on the same {evaluation['rows']} rows: {numbers}."


def test_scores_that_are_clearly_apart_from_labels_are_a_limit(facts: Facts) -> None:
    low = {"mean_label": 0.289, "mean_score": 0.23, "calibration_error": 0.0589}
    found = "Its scores are too low: 0.230 on average, where the mean label is 0.289; over tenths of the rows they are 0.059 apart."
    assert found in limits(judged(facts, **low))
    assert any("Its scores are too high" in one for one in limits(judged(facts, **low | {"mean_score": 0.35})))
    assert not any("Its scores are too" in one for one in limits(judged(facts, **low | {"mean_score": 0.27})))


def test_a_part_is_no_limit_only_where_the_whole_interval_lies_below_the_constant(facts: Facts) -> None:
    ends = {"clear": (-0.02, -0.03, -0.001), "reaches": (-0.02, -0.05, 0.001), "above": (0.01, 0.001, 0.02), "one night": (-0.02, None, None)}
    slices = [{"name": name, "rows": 10, "over_constant": estimate(*over)} for name, over in ends.items()]
    content = json.dumps(slices).encode()
    told = {**facts.version.manifest, "slices.json": sha256(content)}
    version = replace(facts.version, manifest=told, fetch=lambda name: content if name == "slices.json" else facts.version.fetch(name))
    parts = [one.split("`")[1] for one in limits(replace(facts, version=version)) if one.startswith("Not shown")]
    assert parts == ["reaches", "above", "one night"]


def test_what_was_examined_beside_the_gate_is_on_the_card(registry: Registry, made: Made, case: Case) -> None:
    group = {"name": "AA", "rows": 900, "share": 0.6, "is_small": False, "rates": {"selection_rate": estimate(0.4, 0.3, 0.5), "precision": None}}
    few = {"name": "HA", "rows": 5, "share": 0.01, "is_small": True, "rates": {}}
    gap = {"estimate": estimate(0.25, 0.2, 0.3), "by_chance": 0.02, "lowest": "AA", "highest": "UA", "problem": None}
    attribute = {"attribute": "carrier", "is_learned": False, "problem": None, "groups": [group, few], "measures": {"demographic_parity": gap}}
    own = {"attribute": "carrier", "thresholds": [["AA", 0.3], [None, 0.2]], "general": 1 / 6}
    about = {"rows": 1500, "nights": 28, "min_rows": 100, "limits": {"demographic_parity": 0.1}, "mitigate": None, "thresholds": own}
    fairness = {**about, "attributes": [attribute]}
    shown = {"kind": "missing", "of": "dest", "what": "Without dest", "sentence": "Without dest, log_loss rises by 0.0040.", "problem": None}
    stress = {**shown, "loss": "log_loss", "differences": {"log_loss": estimate(0.9)}}
    other = {**stress, "of": "hour", "sentence": "Without hour, no score changes.", "problem": None}
    files = {
        "verdict.json": judge(case).to_json().encode(),
        "fairness.json": json.dumps(fairness).encode(),
        "stress.json": json.dumps({"loss": "log_loss", "stresses": [stress, other]}).encode(),
    }
    run_id = registry.record(NAME, artifact=made.trained.artifact, spans=made.spans, params={}, metrics={}, tags={}, files=files)
    registry.register(NAME, run_id, made.trained.artifact.digest)
    facts = Facts("flights", "delayed", registry.version(NAME, 1), {}, [], FILE, {})
    told = markdown(facts)
    assert "| AA | 900 | – | 40.0 % [30.0, 50.0] | – | – | – |" in told
    assert "| HA | 5 | – | – | – | – | – |" in told
    assert "| demographic parity | 25.0 points [20.0, 30.0] | 2.0 points | AA, UA | 10.0 points |" in told
    assert "- Without dest, log_loss rises by 0.0040. The version is then worse than a constant, which it otherwise beats by 0.0" in told
    assert "Without hour" not in told  # the worst of a kind only
    assert "Rows are predicted from a score of 0.1667 on, unless their group has a threshold of its own: precision" in told
    assert "| carrier | predicted from |\n|---|---|\n| AA | 0.3000 |\n| missing | 0.2000 |\n| all others | 0.1667 |\n" in told
    assert "predicted from" in html(facts).decode().partition("</table>")[2]
    assert not any("was not examined" in one for one in limits(facts))
    assert any(one.startswith("Without dest, it is worse than a constant: log_loss rises by 0.9000") for one in limits(facts))
