import json
from dataclasses import replace

import numpy as np
from model_rows import Made
from stress_rows import stressing

from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page
from jobs.model.stress.page import part, record


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
    assert all(f"<li>{one.sentence}</li>" in told for one in worst.values())
    assert told.count("<tr><td>With") == len([one for one in stressing().results if one.what.startswith("With")])
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
