"""Commands by which a person decides about a version; each is recorded, and the version's card says so."""

from typing import TYPE_CHECKING, Annotated

import typer

from jobs import acting, console
from jobs.commands.options import BackTo, By, FromNight, Json, ModelName, Reason, Version, app
from jobs.config.loading import load_pipeline
from jobs.errors import MatinsError, UsageError
from jobs.ledger.ledger import Ledger
from jobs.nightly import chosen
from jobs.reading import published
from jobs.settings import read_settings
from jobs.work import Options

if TYPE_CHECKING:
    from jobs.model.registry.acts import Acts

Evidence = Annotated[str, typer.Option("--evidence", metavar="DIGEST", help="The digest of its verdict, as `matins gate` shows it; 12 digits or more.")]


@app.command()
def approve(model: ModelName, version: Version, evidence: Evidence, by: By, reason: Reason, json: Json = False) -> None:
    """Let a version live that waits for approval. Who approves is recorded as told, not authenticated; a refusal is recorded too."""
    acts = _acts_on(model, by, reason)
    _tell(acts, version, acts.approve(version, evidence), json=json)


@app.command()
def promote(model: ModelName, version: Version, by: By, reason: Reason, json: Json = False) -> None:
    """Make a version champion that the gate has passed."""
    acts = _acts(model, by, reason)
    _tell(acts, version, acts.promote(version), json=json)


@app.command()
def reject(model: ModelName, version: Version, by: By, reason: Reason, json: Json = False) -> None:
    """Keep a version from ever becoming champion."""
    acts = _acts(model, by, reason)
    acts.reject(version)
    _card_again(acts, version)
    acting.show({"model": model, "rejected": version}, f"{model} v{version} is rejected", json=json)


@app.command()
def rollback(model: ModelName, by: By, reason: Reason, to: BackTo = None, from_night: FromNight = None, json: Json = False) -> None:
    """Make an earlier champion champion again; with --from-night the nights since are scored and published again."""
    if from_night and to is None:
        msg = "--from-night needs --to: should the nights fail and the command be given again, it must not go back one more version."
        raise UsageError(msg)
    acts = _acts(model, by, reason, night=from_night)
    version, former = acts.rollback(to)
    if not from_night:
        _tell(acts, version, former, json=json)
        return
    _card_again(acts, version, former)
    console.warn(_sentence(model, version, former))
    settings = read_settings()
    spec = load_pipeline(acts.pipeline, settings)
    nights = sorted(night for night in published(settings, spec, acts.model).rows if night >= acts.night)
    wanted = chosen(spec, steps="predictions,reasons,drift_report,performance,published,report", model=acts.model)
    # Whatever they were scored under: the version that is gone back from must not stay in them.
    acting.run_and_tell(settings, spec, wanted, nights, Options(replace=True), json=json)


def _acts(model: str, by: str, reason: str, *, night: str | None = None) -> "Acts":
    if not by.strip() or not reason.strip():
        msg = "--by and --reason must say something: they are what the record will show."
        raise UsageError(msg)
    return _acts_on(model, by, reason, night=night)


def _acts_on(model: str, by: str, reason: str, *, night: str | None = None) -> "Acts":
    # Whether anybody and anything was named is not looked at: an approval that names nobody is refused on record.
    from jobs.model.registry.acts import Acts
    from jobs.model.registry.champion import registry_of

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    counts_from, ledger = acting.night_or_newest(settings, spec, night), Ledger.of(settings)
    who = {"pipeline": spec.pipeline, "model": which, "by": by, "reason": reason}
    return Acts(ledger=ledger, registry=registry_of(settings), night=counts_from, promotion=spec.models[which].promotion, **who)


def _tell(acts: "Acts", version: int, former: int | None, *, json: bool) -> None:
    _card_again(acts, version, former)
    acting.show({"model": acts.name, "champion": version, "former": former}, _sentence(acts.name, version, former), json=json)


def _card_again(acts: "Acts", *versions: int | None) -> None:
    from jobs.model.card.kept import keep

    for version in filter(None, versions):
        try:
            keep(read_settings(), acts.ledger, acts.pipeline, acts.model, version)
        except MatinsError as error:  # the act stands: a champion whose files are gone is what one rolls back from
            console.warn(f"The card of {acts.name} v{version} could not be written: {error}")


def _sentence(model: str, version: int, former: int | None) -> str:
    if former == version:
        return f"nothing changed: {model} v{version} is the champion"
    return f"{model}: champion is v{version}, before it v{former}" if former else f"{model}: champion is v{version}"
