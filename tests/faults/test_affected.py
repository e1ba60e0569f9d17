"""What rests on a delivery, and nights scored again as if they had known it."""

import json
from typing import Any

import pytest

from tests.faults import invariants
from tests.faults.prepared import MODEL, NAME, PUBLISHED, Scene

FIRST, SECOND = PUBLISHED
OF = ("affected", NAME, "--feed", "outcomes", "--night")
SHOWN = f"SELECT DISTINCT night, generation, restated, policy, current FROM {NAME}_{MODEL}_history ORDER BY 1, 2"


def correct(scene: Scene, night: str) -> None:
    """The delivery comes once more, without its last row; the newest night that ran is the one that learns of it."""
    path = scene.settings.landing / "outcomes" / f"{night}.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")
    assert scene.matins("backfill", NAME, "--from", night, "--to", "2024-02-05", "--steps", "raw,validated", "--no-pages") == 0


def asked(scene: Scene, capsys: pytest.CaptureFixture[str], *what: str) -> dict[str, Any]:
    capsys.readouterr()
    assert scene.matins(*what, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_it_tells_features_labels_versions_predictions_and_what_is_published(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    found = {one["what"]: one for one in asked(scene, capsys, *OF, "2024-01-30")["rests_on_it"]}
    assert found["features"]["nights"] == ["2024-01-30", "2024-01-31", FIRST, SECOND, "2024-02-04", "2024-02-05"]
    assert found[f"{MODEL}/labels"]["nights"] == ["2024-01-28"]
    assert "holdout has its labels (g1)" in found[f"{MODEL} v1"]["how"]
    assert found[f"{MODEL}/predictions"]["nights"] == [FIRST, SECOND, "2024-02-05"]
    assert found[f"{MODEL}/published"]["how"] == f"the warehouse shows g1 of {FIRST} to {SECOND}"


def test_a_late_correction_is_published_as_marked_generations_on_request(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    correct(scene, "2024-01-30")
    late = asked(scene, capsys, *OF, "2024-01-30")["did_not_know_it"]
    assert {FIRST, SECOND} <= set(late)
    assert scene.warehouse(SHOWN) == [(FIRST, 1, 0, "current", 1), (SECOND, 1, 0, "current", 1)]
    scene.matins(*OF, "2024-01-30", "--restate")
    restated = [(night, *rest) for night in PUBLISHED for rest in ((1, 0, "current", 0), (2, 1, "as-of", 1))]
    assert [row for row in scene.warehouse(SHOWN) if row[0] in PUBLISHED] == restated
    # A night that goes by does not take it back; one with new content of its own does.
    assert scene.matins("run", NAME, "--night", FIRST, "--steps", "predictions,published", "--no-pages") == 0
    assert "shown as restated" in capsys.readouterr().out
    assert [row for row in scene.warehouse(SHOWN) if row[0] in PUBLISHED] == restated
    invariants.hold(scene)


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        (("--feed", "weather", "--night", FIRST), 2, "rests on no feed `weather`; its feeds are ['orders', 'outcomes']"),
        (("--feed", "outcomes", "--night", "2024-03-01"), 1, "no delivery of `outcomes` for night 2024-03-01 was ever validated"),
    ],
)
def test_what_is_no_delivery_is_said(scene: Scene, capsys: pytest.CaptureFixture[str], what: tuple[str, ...], status: int, said: str) -> None:
    assert scene.matins("affected", NAME, *what) == status
    assert said in capsys.readouterr().err
