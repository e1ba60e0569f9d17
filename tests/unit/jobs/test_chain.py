"""The chain of decisions: what it shows of rows that were altered, taken out, moved or put in, and ledgers that had none."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import create_engine, event, inspect

from jobs.errors import RetryableError
from jobs.ledger.chain import START, faults, link
from jobs.ledger.ledger import Ledger
from jobs.ledger.tables import decisions

NIGHT = date(2013, 5, 18)
ABOUT = {"former": None, "night": NIGHT, "by": "gate", "reason": "all rules hold", "run_id": "r"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path, tmp_path: Path) -> Iterator[Ledger]:
    """Five decisions of two models of two pipelines."""
    ledger = Ledger(f"sqlite:///{file}", home=tmp_path)
    for version in range(1, 6):
        pipeline, model = ("flights", "delayed") if version % 2 else ("shop", "returned")
        ledger.decide(pipeline, model, "promoted", version=version, evidence={"log_loss": 0.1 + 0.2, 10: "ä", 9: (1, 2)}, **ABOUT)
    yield ledger
    ledger.engine.dispose()


def tampered(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def told(ledger: Ledger) -> list[tuple[int, str]]:
    return [(one.id, one.sentence) for one in faults(ledger.every_decision())]


def test_every_decision_follows_the_one_before_across_pipelines(ledger: Ledger) -> None:
    rows = ledger.every_decision()
    assert [row["previous"] for row in rows] == [START, *(row["chain"] for row in rows[:-1])]
    assert told(ledger) == []


def test_a_decision_that_was_not_recorded_breaks_nothing(ledger: Ledger) -> None:
    with pytest.raises(TypeError):
        ledger.decide("flights", "delayed", "promoted", version=7, evidence={"no": object()}, **ABOUT)
    ledger.decide("flights", "delayed", "promoted", version=7, evidence={}, **ABOUT)
    assert (len(ledger.every_decision()), told(ledger)) == (6, [])


ALTERED = {
    "pipeline": "'other'",
    "model": "'other'",
    "act": "'rejected'",
    "version": "9",
    "former": "1",
    "night": "'2013-05-19'",
    "by": "'Eve'",
    "system_user": "'eve'",
    "reason": "'all rules hold '",
    "evidence": """'{"log_loss": 0.31}'""",
    "run_id": "NULL",
    "at": "'2013-05-18 00:00:00.000000'",
}


@pytest.mark.parametrize("column", sorted(one.name for one in decisions.columns if one.name not in {"id", "previous", "chain"}))
def test_an_altered_decision_is_named(ledger: Ledger, file: Path, column: str) -> None:
    tampered(file, f'UPDATE matins_decisions SET "{column}" = {ALTERED[column]} WHERE id = 3')
    ((number, sentence),) = told(ledger)
    assert number == 3
    assert sentence.startswith("decision 3 (")
    assert "was altered" in sentence


def test_a_decision_rewritten_with_its_digest_shows_at_the_next(ledger: Ledger, file: Path) -> None:
    row = {**ledger.every_decision()[2], "by": "Eve"}
    tampered(file, f"UPDATE matins_decisions SET \"by\" = 'Eve', chain = '{link(row['previous'], row)}' WHERE id = 3")
    ((number, sentence),) = told(ledger)
    assert number == 4
    assert "decision 3 was rewritten together with its digest" in sentence


@pytest.mark.parametrize("gone", [1, 3, 4])
def test_a_decision_that_was_taken_out_leaves_a_gap(ledger: Ledger, file: Path, gone: int) -> None:
    tampered(file, f"DELETE FROM matins_decisions WHERE id = {gone}")
    ((number, sentence),) = told(ledger)
    assert number == gone + 1
    assert "follows a decision that is not there" in sentence


def test_a_gap_that_was_closed_by_other_numbers_shows_too(ledger: Ledger, file: Path) -> None:
    tampered(file, "DELETE FROM matins_decisions WHERE id = 3", "UPDATE matins_decisions SET id = id - 1 WHERE id > 3")
    assert [number for number, _ in told(ledger)] == [3]


def test_decisions_that_were_moved_are_named(ledger: Ledger, file: Path) -> None:
    swap = [f"UPDATE matins_decisions SET id = {to} WHERE id = {of}" for of, to in ((2, 99), (3, 2), (99, 3))]
    tampered(file, *swap)
    found = told(ledger)
    assert [number for number, _ in found] == [2, 3, 4]
    assert "was recorded after decision 3, and now comes after decision 1" in found[0][1]


def test_the_first_that_was_moved_is_named(ledger: Ledger, file: Path) -> None:
    tampered(file, "UPDATE matins_decisions SET id = 9 WHERE id = 1")
    assert dict(told(ledger))[9].endswith("decisions were moved or put in.")


def test_a_decision_that_was_put_in_by_hand_is_named_and_the_chain_goes_on(ledger: Ledger, file: Path) -> None:
    tampered(file, "INSERT INTO matins_decisions (pipeline, model, act, version, \"by\") VALUES ('flights', 'delayed', 'promoted', 9, 'Eve')")
    ledger.decide("flights", "delayed", "promoted", version=10, evidence={}, **ABOUT)
    ((number, sentence),) = told(ledger)
    assert (number, "has no digest" in sentence) == (6, True)


def test_no_two_follow_the_same_whoever_writes(ledger: Ledger, file: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        tampered(file, "INSERT INTO matins_decisions (act, previous, chain) SELECT act, previous, 'x' FROM matins_decisions WHERE id = 2")


def test_many_writers_of_a_file_make_one_chain(file: Path, tmp_path: Path) -> None:
    def write(writer: int) -> None:
        own = Ledger(f"sqlite:///{file}", home=tmp_path)
        for version in range(5):
            own.decide("flights", f"m{writer}", "promoted", version=version, evidence={}, **ABOUT)
        own.engine.dispose()

    writers = [Thread(target=write, args=(one,)) for one in range(8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    ledger = Ledger(f"sqlite:///{file}", home=tmp_path)
    assert (len(ledger.every_decision()), told(ledger)) == (40, [])
    ledger.engine.dispose()


def test_decisions_made_together_are_all_there_or_none(ledger: Ledger) -> None:
    with pytest.raises(TypeError):
        ledger.decide_together("flights", "delayed", [{"act": "superseded", **ABOUT}, {"act": "waiting", "evidence": {"no": object()}, **ABOUT}])
    ledger.decide_together("flights", "delayed", [{"act": "superseded", **ABOUT}, {"act": "waiting", **ABOUT}])
    assert [row["act"] for row in ledger.every_decision()[5:]] == ["superseded", "waiting"]
    assert told(ledger) == []


@pytest.fixture
def earlier(file: Path) -> Path:
    """A ledger of an earlier release, with three decisions and without a chain."""
    engine = create_engine(f"sqlite:///{file}")
    decisions.create(engine)
    engine.dispose()
    row = "('2013-05-18 06:00:00.000000', 'flights', 'delayed', 'promoted', {}, '2013-05-18', 'gate', 'ada', 'it passed', '{{\"log_loss\": 0.5}}')"
    columns = 'at, pipeline, model, act, version, night, "by", system_user, reason, evidence'
    tampered(
        file,
        "DROP INDEX matins_decisions_one_follower",
        "ALTER TABLE matins_decisions DROP COLUMN previous",
        "ALTER TABLE matins_decisions DROP COLUMN chain",
        *(f"INSERT INTO matins_decisions ({columns}) VALUES {row.format(version)}" for version in (1, 2, 3)),
    )
    return file


def test_decisions_of_an_earlier_release_are_linked_once_and_one_more_says_so(earlier: Path, tmp_path: Path) -> None:
    for _ in range(2):
        ledger = Ledger(f"sqlite:///{earlier}", home=tmp_path)
    rows = ledger.every_decision()
    assert [row["act"] for row in rows] == ["promoted"] * 3 + ["chain_begun"]
    assert "3 decisions of an earlier release were linked as they stood" in rows[-1]["reason"]
    assert [row["version"] for row in ledger.decisions("flights", "delayed")] == [1, 2, 3]
    assert {index["name"] for index in inspect(ledger.engine).get_indexes("matins_decisions")} >= {"matins_decisions_one_follower"}
    assert told(ledger) == []
    tampered(earlier, "UPDATE matins_decisions SET version = 9 WHERE id = 2")
    assert [number for number, _ in told(ledger)] == [2]


def test_a_chain_that_was_taken_away_is_noticed_where_there_was_one(earlier: Path, tmp_path: Path) -> None:
    Ledger(f"sqlite:///{earlier}", home=tmp_path).engine.dispose()
    tampered(
        earlier,
        "DROP INDEX matins_decisions_one_follower",
        "ALTER TABLE matins_decisions DROP COLUMN previous",
        "ALTER TABLE matins_decisions DROP COLUMN chain",
        "UPDATE matins_decisions SET version = 9 WHERE id = 2",
    )
    ledger = Ledger(f"sqlite:///{earlier}", home=tmp_path)
    assert [number for number, _ in told(ledger)] == [5]
    assert "somebody took the chain away" in told(ledger)[0][1]


def test_a_migration_that_is_cut_off_has_changed_nothing(earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr("jobs.ledger.decisions.link", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Ledger(f"sqlite:///{earlier}", home=tmp_path)
    with closing(sqlite3.connect(earlier)) as connection:
        assert "chain" not in {column[1] for column in connection.execute("PRAGMA table_info(matins_decisions)")}
    ledger = Ledger(f"sqlite:///{earlier}", home=tmp_path)
    assert (len(ledger.every_decision()), told(ledger)) == (4, [])


def test_a_new_ledger_has_no_decision_about_its_chain(tmp_path: Path) -> None:
    assert Ledger(f"sqlite:///{tmp_path / 'new.db'}", home=tmp_path).every_decision() == []


def test_a_writer_who_does_not_get_its_turn_says_so(ledger: Ledger, file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        event.listen(ledger.engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 0"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match="The ledger cannot be written: database is locked"):
            ledger.decide("flights", "delayed", "promoted", version=7, evidence={}, **ABOUT)
    assert told(ledger) == []
