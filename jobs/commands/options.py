"""What the commands share: the application, and their arguments."""

import re
from typing import Annotated

import typer

from jobs.errors import UsageError
from jobs.work import AS_OF, CURRENT

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Nightly machine learning on a team's own lake.",
)


def _version_or_policy(value: str) -> str:
    # Here, before a run begins: the step that scores would say so only after others have written.
    if value not in {CURRENT, AS_OF} and not value.isdigit():
        msg = f"--champion {value!r} is not allowed; give `current`, `as-of` or the number of a version, as `matins models` lists them."
        raise UsageError(msg)
    return value


def _id_of_a_run(value: str | None) -> str | None:
    # It names a file in the home, and the ledger has room for forty characters.
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", value):
        msg = f"--run-id {value!r} is not allowed; give up to 40 letters, digits, `_`, `.` and `-`, as airflow-2013-05-18-0123456789ab."
        raise UsageError(msg)
    return value


PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="Name of the pipeline.")]
ModelName = Annotated[str, typer.Argument(metavar="PIPELINE.MODEL", help="Name of the model, as flights.delayed.")]
Night = Annotated[str | None, typer.Option("--night", metavar="D", help="A day, as 2013-05-18.")]
From = Annotated[str, typer.Option("--from", metavar="D1", help="First night.")]
To = Annotated[str, typer.Option("--to", metavar="D2", help="Last night.")]
MayFrom = Annotated[str | None, typer.Option("--from", metavar="D1", help="First night; the pipeline's first if left out.")]
MayTo = Annotated[str | None, typer.Option("--to", metavar="D2", help="Last night; the pipeline's last if left out.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="D", help="The night whose knowledge counts; the newest one due if left out.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")]
Steps = Annotated[str | None, typer.Option("--steps", help="Only these steps, with commas.")]
OneModel = Annotated[str | None, typer.Option("--model", help="Only this model.")]
Champion = Annotated[
    str, typer.Option("--champion", callback=_version_or_policy, help="`current`; `as-of`: whoever was champion in each night; or the number of a version.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Also nights that were scored under another policy.")]
Pages = Annotated[bool, typer.Option("--pages/--no-pages", help="Great Expectations' and Evidently's pages.")]
Restate = Annotated[bool, typer.Option("--restate", help="With today's knowledge, as marked generations.")]
RunId = Annotated[
    str | None,
    typer.Option("--run-id", metavar="ID", callback=_id_of_a_run, help="Airflow's: commands with the same id are one run, and take turns."),
]
Segments = Annotated[str | None, typer.Option(help="Other lengths for this training: train=74,tune=14,holdout=28.")]
Dirty = Annotated[bool, typer.Option("--dirty", help="Mix in real-life trouble, listed in manifest.json.")]
Seed = Annotated[int, typer.Option(help="Seed of the trouble.")]
Once = Annotated[bool, typer.Option("--once", help="End after the preparation.")]
Version = Annotated[int, typer.Option("--version", help="The version's number.")]
MayVersion = Annotated[int | None, typer.Option("--version", help="The version's number; the newest if left out.")]
Baselines = Annotated[bool, typer.Option("--baselines", help="Beside the simple ways to score, fitted on the rows that each version learned from.")]
Placebo = Annotated[int | None, typer.Option("--placebo", min=4, help="Judge so many pairs of which neither is better, and pairs made worse by known steps.")]
Weeks = Annotated[bool, typer.Option("--weeks", help="By week instead of by month.")]
By = Annotated[str, typer.Option("--by", help="Who decides; recorded as told, beside the system's user.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded.")]
BackTo = Annotated[int | None, typer.Option("--to", help="The version to go back to; the champion before this one if left out.")]
FromNight = Annotated[str | None, typer.Option("--from-night", metavar="D", help="Score and publish the nights since D again.")]
File = Annotated[str | None, typer.Argument(metavar="[FILE]", help="A pipeline file, or the name of a pipeline; all if left out.")]
Against = Annotated[str | None, typer.Option("--against", metavar="FILE", help="Only this: whether its views keep what the file as it was has promised.")]
Leaks = Annotated[bool, typer.Option("--leaks", help="Alter what becomes known later and prove that no feature changes.")]
Sql = Annotated[bool, typer.Option("--sql", help="Print the compiled query.")]
Policies = Annotated[
    list[str],
    typer.Option("--policy", metavar="NAME", help="never, monthly, weekly, drift, performance, estimated, or file: the model's own `retrain`; give several."),
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Each policy so many times, with another seed each: what is luck.")]
