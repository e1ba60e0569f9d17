"""Retraining policies by name, made to be compared: what starts a retraining differs, what holds it back is the same.

All wait 14 nights after a training, whether it brought a champion or was refused, start two in a month at most, and want new labels.
`weekly` could not do what its name says with these: it waits 7 nights and may start five in a month. `file` is the model's own section.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from jobs.config.models import Model
from jobs.config.watching import Retrain, Trigger
from jobs.errors import UsageError


def _braked(when: Trigger, *, nights: int = 14, per_month: int = 2) -> Retrain:
    # A refusal counts as any training does: else who asks the gate more often would have to wait longer.
    return Retrain(when=when, cooldown=nights, after_refusal=nights, per_month=per_month, min_new_labels=1)


NAMED: Final[Mapping[str, Retrain]] = {
    "never": _braked(Trigger(never=True)),
    "monthly": _braked(Trigger(every="month")),
    "weekly": _braked(Trigger(every="week"), nights=7, per_month=5),
    "drift": _braked(Trigger(signal="score_drift", above=1, nights=3, of=5)),
    "performance": _braked(Trigger(signal="loss_ratio", above=0.98, over=7)),
    "estimated": _braked(Trigger(signal="estimated_loss_ratio", above=0.98, over=7)),
}
FILE: Final = "file"
BRAKES: Final = ("cooldown", "after_refusal", "per_month", "min_new_labels")


def chosen(names: Sequence[str], model: Model) -> dict[str, Retrain]:
    """The policies of these names, each once.

    Raises:
        UsageError: there is no such policy, or it needs what the model's scores cannot give.
    """
    known = {**NAMED, FILE: model.retrain}
    if unknown := [name for name in names if name not in known]:
        msg = f"--policy {', '.join(unknown)}: allowed are {', '.join(known)}."
        raise UsageError(msg)
    if "estimated" in names and model.type != "binary":
        msg = "--policy estimated: only the scores of a binary model say what they are worth before labels are known."
        raise UsageError(msg)
    return {name: known[name] for name in names}


def told(policy: Retrain) -> str:
    """In words: `every month; cooldown 14, after_refusal 14, per_month 2, min_new_labels 1`."""
    when = policy.when
    if when.never:
        return when.told
    return f"{when.told}; {', '.join(f'{name} {getattr(policy, name)}' for name in BRAKES)}"
