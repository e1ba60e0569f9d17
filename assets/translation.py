"""What a step says of its nights, in Dagster's words: metadata and checks. Values in, values out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from jobs.nights import Nights
from jobs.plan import Task
from jobs.results import NightResult, StepResult

NIGHT = "night"
"""The check of every asset: the night is not red."""
BESIDE: Mapping[str, Mapping[str, str]] = {
    "raw": {"delivered": "the delivery was there"},
    "validated": {"accounted": "rows in = good + bad + duplicates", "rules": "no expectation of severity `warn` was broken"},
    "features": {"coverage": "every window of history was delivered in full"},
    "drift_report": {"steady": "neither the score nor a feature has moved away from the champion's reference"},
    "model": {"gate": "the challenger passed the gate; a refused one leaves the champion where it is"},
}
"""Further checks of some steps, and what passing means."""
ERRORS = frozenset({NIGHT, "accounted"})
"""Checks whose failure is an error; the others warn."""
Metadata = dict[str, dg.MetadataValue[Any]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one night."""

    name: str
    passed: bool
    description: str

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """Whether a failure is red or yellow."""
        return dg.AssetCheckSeverity.ERROR if self.name in ERRORS else dg.AssetCheckSeverity.WARN


def checks_of(task: Task) -> dict[str, str]:
    """The names of the task's checks, and what each says."""
    always = {NIGHT: "the night is not red"} if task.step.nightly else {}
    return {**always, **BESIDE.get(task.step.name, {})}


def per_night(result: StepResult, nights: Nights, *, undated: bool = False, first: date | None = None) -> dict[date, NightResult]:
    """A result for each night that was asked for, and for any other that the step touched on the way.

    Args:
        result: the step's.
        nights: what was asked for.
        undated: the one result of an undated feed stands for every night.
        first: the feed's first delivery; nights before it have none, and that is no fault.
    """
    if undated and result.nights:
        return dict.fromkeys(nights, result.nights[-1])
    found = {one.night: one for one in result.nights}
    return {night: found.get(night) or _unsaid(night, first) for night in sorted({*nights, *found})}


def _unsaid(night: date, first: date | None) -> NightResult:
    if first and night < first:
        return NightResult(night=night, outcome="absent", notes=(f"nothing is delivered before {first}",))
    return NightResult(night=night, outcome="failed", problem=f"the step said nothing about night {night}. This is a fault of the product: report it.")


def night_checks(task: Task, one: NightResult, *, expected: bool = True) -> Iterator[Check]:
    """The checks of a night of the task.

    Args:
        task: whose checks.
        one: what it did.
        expected: False where the feed has not begun to deliver.
    """
    failed = one.outcome == "failed"
    yield Check(NIGHT, not failed, one.problem or f"{one.outcome}, {one.rows:,} rows")
    said = "; ".join(one.notes)
    match task.step.name:
        case "raw":
            yield Check("delivered", not failed and (one.outcome != "absent" or not expected), one.problem or said or "delivered")
        case "validated":
            yield Check("accounted", balanced(one), balance(one))
            yield Check("rules", not said or not expected, said or "no warning")
        case "features":
            yield Check("coverage", not said, said or "complete")
        case "drift_report":
            yield Check("steady", not failed and not drifted(one), one.problem or drifted(one) or "steady")


def over_all(found: Sequence[tuple[date, Check]]) -> Iterator[Check]:
    """Each check over all nights of a run: passed if it is for every night, or which nights it is not for and why."""
    for name in dict.fromkeys(check.name for _, check in found):
        of_name = [(night, check) for night, check in found if check.name == name]
        failed = [f"{night}: {check.description}" for night, check in of_name if not check.passed]
        yield Check(name, not failed, "\n".join([f"{len(failed)} of {len(of_name)} nights", *failed]) if failed else f"all {len(of_name)} nights")


def drifted(one: NightResult) -> str:
    """What has moved away, empty if nothing has. From the numbers: a night that was measured before brings no notes."""
    state, features = one.detail.get("state", "steady"), int(one.counts.get("drifted", 0))
    return f"score {state} (PSI {one.counts.get('score_psi', 0):.2f}), {features} features drifted" if state != "steady" or features else ""


def balanced(one: NightResult) -> bool:
    """Whether every row that came in is accounted for."""
    counts = one.counts
    return not counts or counts["rows"] == counts["good"] + counts["bad"] + counts["duplicates"]


def balance(one: NightResult) -> str:
    """`901 in = 898 good + 3 bad + 0 duplicates`."""
    c = {name: f"{int(value):,}" for name, value in one.counts.items()}
    return f"{c['rows']} in = {c['good']} good + {c['bad']} bad + {c['duplicates']} duplicates" if c else "nothing to count"


def night_metadata(result: StepResult, one: NightResult, *, run_id: str) -> Metadata:
    """What people read on the asset's page about a night."""
    shown: Metadata = {"dagster/partition_row_count": dg.MetadataValue.int(one.rows), "outcome": dg.MetadataValue.text(one.outcome)}
    said = {"problem": one.problem, "notes": "\n".join(f"- {note}" for note in one.notes)}
    shown |= {name: dg.MetadataValue.md(text) for name, text in said.items() if text}
    numbers = {"generation": one.generation, "delta version": result.version}
    shown |= {name: dg.MetadataValue.int(number) for name, number in numbers.items() if number is not None}
    shown |= {name: dg.MetadataValue.float(float(value)) if value % 1 else dg.MetadataValue.int(int(value)) for name, value in one.counts.items()}
    if {"good", "bad", "duplicates"} <= set(one.counts):
        shown["balance"] = dg.MetadataValue.text(balance(one))
    shown |= {name: _shown(value) for name, value in _plain(one.detail).items()}
    if result.inputs:
        shown["read"] = dg.MetadataValue.md(table(["input", "version"], [[f"`{name}`", _short(value)] for name, value in result.inputs.items()]))
    # Pages are of the nights that were worked on, not of those found done.
    pages = result.reports if one.outcome in {"written", "failed"} else ()
    shown |= {f"report {Path(page).suffix[1:]}": dg.MetadataValue.path(page) for page in pages}
    return {**shown, "device": dg.MetadataValue.text(result.device), "ledger run": dg.MetadataValue.text(run_id)}


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def _plain(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a night's detail that fit a page; digests and headers in full are for the ledger."""
    hidden = {"header", "size", "mtime_ns", "unexpected", "warnings", "short", "features_version"}
    return {name: value for name, value in detail.items() if name not in hidden and value not in (None, "", {}, [])}


def _shown(value: object) -> dg.MetadataValue[Any]:
    if isinstance(value, Mapping):
        return dg.MetadataValue.md(table(["name", "value"], [[f"`{name}`", _short(given)] for name, given in value.items()]))
    if isinstance(value, list):
        return dg.MetadataValue.json(value)
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    text = str(value)
    return dg.MetadataValue.path(text) if Path(text).is_absolute() else dg.MetadataValue.text(_short(text))


def _short(value: object) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    is_digest = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return text[:16] if is_digest else text
