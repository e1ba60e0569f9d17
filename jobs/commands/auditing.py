"""The command that shows every decision and proves the record."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from jobs import console
from jobs.commands.options import Json, OneModel, app
from jobs.config.loading import load_pipeline
from jobs.errors import UsageError
from jobs.ledger.chain import BEGUN, SHORTEST, START, faults
from jobs.nightly import chosen
from jobs.reading import ledger_to_read
from jobs.settings import read_settings

MayPipeline = Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="Name of the pipeline; all if left out.")]
Head = Annotated[str | None, typer.Option("--head", metavar="DIGEST", help="The digest of an earlier audit: is the decision that it named still there?")]
TOLD: Final = 200
"""So much of a reason is printed; --json has all of it."""


@app.command()
def audit(pipeline: MayPipeline = None, model: OneModel = None, head: Head = None, json: Json = False) -> None:
    """Show every decision and prove that none was altered, taken out or moved; exit status 1 if one was."""
    settings = read_settings()
    if pipeline:
        chosen(load_pipeline(pipeline, settings), steps=None, model=model)
    elif model:
        msg = f"--model {model} needs the pipeline that it is of: matins audit PIPELINE --model {model}."
        raise UsageError(msg)
    rows = ledger_to_read(settings).every_decision()
    wrong = [one.sentence for one in faults(rows)] + _lost(rows, head)
    shown = [row for row in rows if row["act"] == BEGUN or (pipeline in {None, row["pipeline"]} and model in {None, row["model"]})]
    newest = next((row["chain"] for row in reversed(rows) if row["chain"]), START)
    if json:
        console.as_json({"decisions": shown, "faults": wrong, "head": newest, "verified": len(rows)})
    else:
        _show(shown, wrong, len(rows), newest)
    raise SystemExit(1 if wrong else 0)


def _lost(rows: list[dict[str, Any]], head: str | None) -> list[str]:
    """What was newest once must still be there: the chain itself cannot show that its end was taken away."""
    if head is None:
        return []
    given = head.strip().lower()
    if len(given) < SHORTEST:
        msg = f"--head {head!r} is too short: give the digest that an earlier `matins audit` ended with, or its first {SHORTEST} digits or more."
        raise UsageError(msg)
    if START.startswith(given) or any((row["chain"] or "").startswith(given) for row in rows):
        return []
    return [f"The decision with the digest {head} is not there: the newest decisions were taken out, or this is another ledger."]


def _show(shown: list[dict[str, Any]], wrong: list[str], verified: int, newest: str) -> None:
    for row in shown:
        console.say(_line(row))
    for sentence in wrong:
        console.say(f"WRONG: {sentence}")
    told = f"{len(wrong)} of them are not as they were recorded" if wrong else "each is as it was recorded and follows the one before"
    console.say(f"{verified} decisions in the ledger; {told}.")
    console.say(f"Head: {newest}")


def _line(row: Mapping[str, Any]) -> str:
    what = f"{row['pipeline']}.{row['model']} {row['act']}" if row["model"] else row["act"]
    version, night = f" v{row['version']}" if row["version"] else "", f" for {row['night']}" if row["night"] else ""
    digest = (row["chain"] or "none")[:SHORTEST]
    return f"{row['at']:%Y-%m-%d %H:%M} {digest} {what}{version}{night} by {row['by']} ({row['system_user']}): {str(row['reason'])[:TOLD]}"
