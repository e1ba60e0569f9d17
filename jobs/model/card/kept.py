"""Where a card is kept: among the reports, beside the version in MLflow, each time that something is decided of it anew."""

from pathlib import Path

from jobs.ledger.ledger import Ledger
from jobs.model.card.facts import Facts
from jobs.model.card.page import html, markdown
from jobs.model.registry.champion import registry_of
from jobs.settings import Settings


def keep(settings: Settings, ledger: Ledger, pipeline: str, model: str, version: int) -> Path:
    """Write the card of a version as it stands now, and return the page's path.

    Args:
        settings: name the registry and the folder of the reports.
        ledger: what was decided.
        pipeline: whose.
        model: its name in the pipeline.
        version: its number.

    Raises:
        UsageError: there is no such version.
        DataError: its files are missing or are not the registered ones.
        RetryableError: the registry does not take the card.
    """
    registry = registry_of(settings)
    facts = Facts.of(registry, ledger, pipeline, model, version)
    content = {"card.md": markdown(facts).encode(), "card.html": html(facts)}
    registry.attach(facts.version, content, described=f"{facts.verdict['sentence']} The card is card.html among the artifacts of run {facts.version.run_id}.")
    page = card_of(settings, f"{pipeline}.{model}", version)
    page.parent.mkdir(parents=True, exist_ok=True)
    for name, text in content.items():
        (page.parent / f"v{version}.{name}").write_bytes(text)
    return page


def card_of(settings: Settings, name: str, version: int) -> Path:
    """Where the page of a version's card is kept.

    Args:
        settings: name the folder of the reports.
        name: `<pipeline>.<model>`.
        version: its number.
    """
    return settings.reports.joinpath(*name.split(".")) / "model" / f"v{version}.card.html"
