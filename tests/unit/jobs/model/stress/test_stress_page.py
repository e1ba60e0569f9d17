import json
from dataclasses import replace

import numpy as np
from model_rows import Made
from stress_rows import stressing

from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page
from jobs.model.stress.page import altered, over_time, part, record, useless


def test_the_record_holds_every_stress_with_its_sentence_the_worst_first() -> None:
    told = json.loads(record(stressing(), title="shop.returned")["stress.json"])
    results = stressing().results
    assert [one["sentence"] for one in told["stresses"]] == [one.sentence for one in results]
    assert told["stresses"][0]["differences"]["log_loss"]["value"] == results[0].rise.value
    assert (told["loss"], told["noise"], told["limits"], told["sample"]) == ("log_loss", 0.1, {}, 14 * 40)


def test_the_same_version_gives_the_same_bytes() -> None:
    assert record(stressing(), title="shop.returned") == record(replace(stressing()), title="shop.returned")


def test_the_page_tells_the_worst_of_each_kind_and_all_of_them(made: Made, case: Case) -> None:
    files = record(stressing(), title="shop.returned")
    told = page(judge(case), spans=made.spans, files=files).decode()
    worst = {one.kind: one for one in reversed(stressing().results)}
    assert all(f"<li>{one.sentence}" in told for one in worst.values())
    assert told.count('<tr><td class="long">With') == len([one for one in stressing().results if one.what.startswith("With")])
    assert told.count("data:image/png;base64,") == 1


def test_a_version_without_stress_has_no_such_part(made: Made, case: Case) -> None:
    assert not part({})
    assert "What breaks it" not in page(judge(case), spans=made.spans, files={}).decode()


def test_what_could_not_be_computed_is_on_the_page() -> None:
    holes = replace(stressing(), holdout=stressing().holdout.assign(slight=np.nan))
    told = part(record(holes, title="shop.returned"))
    assert "<li>With slight at its extremes: cannot be computed, no row of the holdout has a value of it.</li>" in told


def test_what_a_pipeline_says_is_no_markup() -> None:
    named = replace(stressing(), without={"<b>feed</b>": {"slight": None}})
    told = part(record(named, title="shop.returned"))
    assert "<b>feed" not in told
    assert "&lt;b&gt;feed" in told


def evaluation(constant: float) -> dict[str, object]:
    return {"metrics": {"log_loss": {"value": 0.5}}, "baselines": {"constant": {"log_loss": {"value": constant}}}}


def test_a_stress_that_costs_more_than_the_lead_over_a_constant_says_so() -> None:
    told = json.loads(record(stressing(), title="shop.returned")["stress.json"])
    rise = told["stresses"][0]["differences"]["log_loss"]["value"]
    assert rise > 0
    sentence = f"The version is then worse than a constant, which it otherwise beats by {0.9 * rise:.4f}."
    assert altered(told, evaluation(0.5 + 0.9 * rise))[0].endswith(sentence)
    assert useless(told, evaluation(0.5 + 0.9 * rise))
    for none in (evaluation(0.5 + 1.1 * rise), evaluation(0.4), None):
        assert not any("worse than a constant" in one for one in altered(told, none))
        assert useless(told, none) == []


def test_stretches_of_nights_are_not_told_among_what_alters_rows() -> None:
    told = json.loads(record(stressing(), title="shop.returned")["stress.json"])
    assert len(over_time(told)) == 2
    assert not set(over_time(told)) & set(altered(told, None))
    shown = str(part(record(stressing(), title="shop.returned")))
    first, second = shown.index("What breaks it"), shown.index("How it does over time")
    assert first < shown.index("Sorted by how bad it could be: the upper end of the interval.") < second
    assert all(shown.rindex(one) > second for one in over_time(told))
