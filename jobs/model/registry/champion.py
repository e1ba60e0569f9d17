"""Which version scores a run: resolved once, to a number and a digest."""

from jobs.errors import DataError, UsageError
from jobs.model.registry.registry import Registry
from jobs.model.registry.version import Version
from jobs.settings import Settings
from jobs.work import Work


def registry_of(settings: Settings) -> Registry:
    """The registry that the settings name; a local one keeps its artifacts in the home folder."""
    local = settings.mlflow_uri.startswith("sqlite")
    return Registry(settings.mlflow_uri, settings.root / "mlartifacts" if local else None)


def scoring_version(work: Work) -> Version:
    """The version that the run's options ask for: the champion now, or one by number.

    Raises:
        DataError: there is no champion, or its files are not the registered ones.
        UsageError: the option is neither `current` nor the number of a version.
    """
    registry, wanted = registry_of(work.settings), work.options.champion
    if wanted != "current":
        if not wanted.isdigit():
            msg = f"--champion {wanted!r} is not allowed; give `current` or the number of a version of {work.model_name}."
            raise UsageError(msg)
        return registry.version(work.model_name, int(wanted), threads=work.model.threads)
    champion = registry.champion(work.model_name, threads=work.model.threads)
    if champion is None:
        msg = f"{work.model_name} has no champion, so nothing can be scored. Train one: matins train {work.model_name} --as-of NIGHT."
        raise DataError(msg)
    return champion
