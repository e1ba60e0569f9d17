"""Where a card is kept: among the reports, beside the version in MLflow, each time that something is decided of it anew."""

from pathlib import Path

from jobs.ledger.ledger import Ledger
from jobs.model.card.facts import Facts
from jobs.model.card.page import html, markdown
from jobs.model.gate.page import linked
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
    text, page = markdown(facts).encode(), card_of(settings, f"{pipeline}.{model}", version)
    described = f"{facts.verdict['sentence']} The card is card.html among the artifacts of run {facts.version.run_id}."
    registry.attach(facts.version, {"card.md": text, "card.html": html(facts)}, described=described)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.with_suffix(".md").write_bytes(text)
    _link(facts, page)
    return page


def _link(facts: Facts, card: Path) -> None:
    """Write the card, and the verdict's page beside it, each with a link to the other: when the verdict was made, its version had no number."""
    verdict = card.with_name(f"v{facts.version.version}.html")
    index = {"All nights": "../../index.html"} if (card.parent / "../../index.html").is_file() else {}
    if "verdict.html" in facts.version.manifest:
        verdict.write_bytes(linked(facts.version.read("verdict.html"), {f"Card of version {facts.version.version}": card.name, **index}))
        index = {"Verdict": verdict.name, **index}
    card.write_bytes(html(facts, index))


def card_of(settings: Settings, name: str, version: int) -> Path:
    """Where the page of a version's card is kept.

    Args:
        settings: name the folder of the reports.
        name: `<pipeline>.<model>`.
        version: its number.
    """
    return settings.reports.joinpath(*name.split(".")) / "model" / f"v{version}.card.html"
