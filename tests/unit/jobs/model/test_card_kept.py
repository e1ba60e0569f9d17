"""Where a card is kept, and that it and the verdict's page lead to each other."""

from pathlib import Path

import pytest
from model_rows import Made

from jobs.ledger.ledger import Ledger
from jobs.model.card.kept import keep
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page
from jobs.model.registry.champion import registry_of
from jobs.settings import read_settings
from tests.faults.prepared import name_home


def test_a_card_and_the_verdict_beside_it_lead_to_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: bytes, made: Made, case: Case
) -> None:
    name_home(monkeypatch, tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_store)
    settings, verdict, name = read_settings(), judge(case), "flights.delayed"
    registry, ledger, artifact = registry_of(settings), Ledger.of(settings), made.trained.artifact
    files = {"verdict.json": verdict.to_json().encode(), "verdict.html": page(verdict, spans=made.spans, files={})}
    run_id = registry.record(name, artifact=artifact, spans=made.spans, params={}, metrics={}, tags={}, files=files)
    registry.register(name, run_id, artifact.digest)

    card = keep(settings, ledger, "flights", "delayed", 1)
    assert card.name == "v1.card.html"
    assert '<a href="v1.html">Verdict</a>' in card.read_text(encoding="utf-8")
    beside = (card.parent / "v1.html").read_text(encoding="utf-8")
    assert '<nav><a href="v1.card.html">Card of version 1</a></nav>' in beside
    assert (card.parent / "v1.card.md").read_text(encoding="utf-8").startswith("# flights.delayed version 1\n")
    # The registered page stays as it is, and the copy in MLflow leads nowhere that is not there.
    version = registry.version(name, 1)
    assert version.read("verdict.html") == files["verdict.html"]
    assert b"<nav>" not in version.fetch("card.html")

    (card.parents[2] / "index.html").write_text("all nights", encoding="utf-8")
    keep(settings, ledger, "flights", "delayed", 1)
    assert all('<a href="../../index.html">All nights</a>' in one.read_text(encoding="utf-8") for one in (card, card.with_name("v1.html")))
