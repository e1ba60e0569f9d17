"""The command that writes a version's card."""

from jobs import acting
from jobs.commands.options import Json, MayVersion, ModelName, app
from jobs.reading import ledger_to_read
from jobs.settings import read_settings


@app.command()
def card(model: ModelName, version: MayVersion = None, json: Json = False) -> None:
    """Write the card of a version: what it is for, how good, how fair, what it is not good for, who decided."""
    from jobs.model.card.kept import keep
    from jobs.model.registry.champion import registry_of

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    number = acting.version_or_newest(registry_of(settings), model, version)
    page = keep(settings, ledger_to_read(settings), spec.pipeline, which, number)
    shown = {"model": model, "version": number, "page": str(page), "markdown": str(page.with_suffix(".md"))}
    acting.show(shown, f"{model} v{number}: {page}", json=json)
