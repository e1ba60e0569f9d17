"""Under which policy nights were scored: what was chosen on purpose is not replaced by the way."""

from collections.abc import Mapping, Sequence
from datetime import date

from jobs.errors import UsageError
from jobs.ledger.ledger import Slice
from jobs.model.registry.version import Version
from jobs.nights import in_words
from jobs.work import CURRENT, Work


def require_replaceable(work: Work, pending: Sequence[date], current: Mapping[date, Slice], versions: Mapping[date, Version]) -> None:
    """Nights that were scored under another policy are scored anew only where the run was told to replace them.

    Args:
        work: of the step.
        pending: nights to score.
        current: as they are scored now.
        versions: that would score them.

    Raises:
        UsageError: there are such nights; the text tells them, with rows and versions.
    """
    policy, before = work.options.policy, {night: str(current[night].detail.get("policy", CURRENT)) for night in pending if night in current}
    others = [night for night, kept in before.items() if kept != policy]
    if others and not work.options.replace:
        rows, now = sum(current[night].rows for night in others), _by({int(current[night].detail["champion"]) for night in others})
        kept = ", ".join(sorted({before[night] for night in others}))
        msg = (
            f"{work.model_name}: {in_words(others)} {'is' if len(others) == 1 else 'are'} scored under another policy ({kept}; {rows} rows by {now}) "
            f"and would be scored under `{policy}` by {_by({versions[night].version for night in others})}. Nothing was scored; give --replace to replace them."
        )
        raise UsageError(msg)


def _by(numbers: set[int]) -> str:
    return ", ".join(f"v{number}" for number in sorted(numbers))
