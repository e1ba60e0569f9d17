"""All replays of a simulation, and what a reader should know of how they were done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from jobs.config.models import Model
from jobs.config.watching import Retrain
from jobs.errors import DataError
from jobs.nights import in_words
from jobs.retraining.simulation.replay import Replay


@dataclass(frozen=True)
class Replays:
    """Every policy's replays, one per seed."""

    name: str
    """The model's: `flights.delayed`."""
    model: Model
    asked: Sequence[date]
    nights: Sequence[date]
    """Those of `asked` that have rows."""
    policies: Mapping[str, Retrain]
    seeds: Sequence[int]
    done: Mapping[str, Sequence[Replay]]

    @property
    def first(self) -> Sequence[Replay]:
        """The first policy's."""
        return next(iter(self.done.values()))

    @cached_property
    def labelled(self) -> list[date]:
        """The nights of which a label is known.

        Raises:
            DataError: there are none.
        """
        found = [night for night in self.nights if self.first[0].tally(night) is not None]
        if not found:
            msg = f"No label of the nights {self.asked[0]} to {self.asked[-1]} is known yet: nothing can be measured."
            raise DataError(msg)
        return found


def notes(replays: Replays) -> Iterator[str]:
    """What a reader should know."""
    yield f"All policies begin with the same champion, made as of {replays.asked[0]}; the gate, which {_start(replays)}, has no say in it."
    yield "What a night trains scores from the next night on; a challenger that the gate refuses changes nothing."
    yield "Each night knew what it could have known then; what its scores were worth is measured by the labels that are known now."
    yield from _shorter(replays)
    if replays.model.search:
        yield "Parameters are the file's own: a search is bounded by minutes and would not find the same twice."
    if idle := sorted(set(replays.asked) - set(replays.nights)):
        yield f"Nothing happened in {in_words(idle)}: there are no rows to score."
    soundness = replays.first[0].facts.soundness
    if unsound := [night for night in replays.nights if soundness.problem(night)]:
        yield f"By what is on record now, the data of {in_words(unsound)} was not sound; these nights start nothing."


def _start(replays: Replays) -> str:
    refused, seeds = sum(not replay.attempts[0].passed for replay in replays.first), len(replays.first)
    if not refused:
        return "would have passed it"
    return "would have refused it" if seeds == 1 else f"would have refused it with {refused} of {seeds} seeds"


def _shorter(replays: Replays) -> Iterator[str]:
    wanted = sum(replays.model.segments.model_dump().values())
    attempts = [one for some in replays.done.values() for replay in some for one in replay.attempts if one.spans]
    found = sorted({one.night for one in attempts if sum(span.nights for span in one.spans.values()) < wanted})
    if found:
        them = f"{len(found)} trainings from {found[0]} to {found[-1]}" if len(found) > 1 else f"the training of {found[0]}"
        yield f"The pipeline was too young for the file's {wanted} nights of segments: {them} had all segments shorter, in proportion."
