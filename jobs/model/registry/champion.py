"""Which versions score a run: resolved once, to numbers and digests."""

from datetime import date

from jobs.errors import DataError, UsageError
from jobs.model.registry.registry import Registry
from jobs.model.registry.reign import champion_on
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.settings import Settings
from jobs.work import AS_OF, CURRENT, Work


def registry_of(settings: Settings) -> Registry:
    """The registry that the settings name; a local one keeps its artifacts in the home folder."""
    local = settings.mlflow_uri.startswith("sqlite")
    return Registry(settings.mlflow_uri, settings.root / "mlartifacts" if local else None)


def scoring_versions(work: Work, nights: Nights) -> dict[date, Version]:
    """By night, the version that the run's options ask for; with `as-of`, a night before the first champion has none.

    Raises:
        DataError: there is no champion, or files are not the registered ones.
        UsageError: the option is neither `current`, `as-of` nor the number of a version.
    """
    registry, wanted, threads = registry_of(work.settings), work.options.champion, work.model.threads
    if wanted == AS_OF:
        decisions = work.ledger.decisions(work.pipeline.pipeline, work.item)
        then = {night: number for night in nights if (number := champion_on(decisions, night))}
        versions = {number: registry.version(work.model_name, number, threads=threads) for number in sorted({*then.values()})}
        return {night: versions[number] for night, number in then.items()}
    version = registry.champion(work.model_name, threads=threads) if wanted == CURRENT else _numbered(registry, work)
    if version is None:
        msg = f"{work.model_name} has no champion, so nothing can be scored. Train one: matins train {work.model_name} --as-of NIGHT."
        raise DataError(msg)
    return dict.fromkeys(nights, version)


def _numbered(registry: Registry, work: Work) -> Version:
    wanted = work.options.champion
    if not wanted.isdigit():
        msg = f"--champion {wanted!r} is not allowed; give `current`, `as-of` or the number of a version of {work.model_name}."
        raise UsageError(msg)
    return registry.version(work.model_name, int(wanted), threads=work.model.threads)
