"""A delivery against its feed's contract: the header before anything is read, the types once the values were cast."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from jobs.config.feeds import Feed

ALIKE: Final = 0.75
"""How alike two names must be for one to count as the other's new spelling; `arr_delay` and `dep_delay` are 0.67."""
RETYPED_FROM: Final = 5
"""Fewer failed casts than this say that rows are bad, not that a column has another type."""


@dataclass(frozen=True, slots=True)
class Differences:
    """How a delivered header differs from the declared columns; the order of columns is not a difference."""

    delivered: tuple[str, ...]
    missing: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Pairs of a declared name and the delivered one that seems to stand for it."""
    added: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    """Names that the header has more than once; Spark cannot tell `Day` and `day` apart, so case does not count here."""
    unnamed: int = 0

    def refusal(self, where: str, feed: Feed) -> str | None:
        """Why the delivery may not enter, or None.

        Args:
            where: feed and night, as the reader knows them: `outcomes 2013-05-18`.
            feed: the contract.
        """
        problems = [
            *(f"`{name}` is missing" for name in self.missing),
            *(f"`{declared}` is missing, renamed to `{_short(found)}`?" for declared, found in self.renamed),
            *(f"`{_short(name)}` stands there more than once" for name in self.repeated),
            *([f"{self.unnamed} column(s) have no name"] if self.unnamed else []),
            *(f"`{_short(name)}` is not declared and `new_columns` is refuse" for name in self.added if feed.new_columns == "refuse"),
        ]
        if not problems:
            return None
        return (
            f"{where}: the delivery's columns break the contract: {'; '.join(problems)}.\n"
            f"Declared are {sorted(feed.columns)}; delivered were {[_short(name) for name in self.delivered]}.\n"
            "Have the delivery corrected, or change the feed's `columns` and what rests on them."
        )

    def note(self) -> str | None:
        """What is worth a line although it is allowed, or None."""
        return f"new columns, kept in raw only: {[_short(name) for name in self.added]}" if self.added else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Casts:
    """How one column's values met their declared type in one night."""

    column: str
    type: str
    values: int
    failed: int
    example: str | None = None


def compare(feed: Feed, delivered: Sequence[str]) -> Differences:
    """A delivery's header against the contract.

    Args:
        feed: the contract.
        delivered: the column names as they came, before personal columns are dropped.

    Returns:
        All differences. A declared column that is absent while a new one is spelled alike counts as renamed, not as missing.
    """
    named = [name for name in delivered if name.strip()]
    times = Counter(name.casefold() for name in named)
    absent = [name for name in feed.columns if name not in named]
    new = [name for name in dict.fromkeys(named) if name not in feed.columns]
    renamed = _renamed(absent, new)
    return Differences(
        delivered=tuple(delivered),
        missing=tuple(name for name in absent if name not in renamed),
        renamed=tuple(renamed.items()),
        added=tuple(name for name in new if name not in renamed.values()),
        repeated=tuple(name for name in dict.fromkeys(named) if times[name.casefold()] > 1),
        unnamed=len(delivered) - len(named),
    )


def retyped(casts: Iterable[Casts]) -> list[str]:
    """A sentence for each column of which more than half of the values are not of its type.

    Args:
        casts: the counts of one night, a column each.
    """
    return [
        f"`{seen.column}`: retyped? {seen.failed / seen.values:.0%} of {seen.values} values are not {seen.type}, e.g. {seen.example!r}"
        for seen in casts
        if seen.failed >= RETYPED_FROM and seen.failed * 2 > seen.values
    ]


def _renamed(absent: Sequence[str], new: Sequence[str]) -> Mapping[str, str]:
    pairs = sorted(((-_likeness(a, n), a, n) for a in absent for n in new), key=lambda pair: pair)
    found: dict[str, str] = {}
    for minus_likeness, declared, delivered in pairs:
        if -minus_likeness >= ALIKE and declared not in found and delivered not in found.values():
            found[declared] = delivered
    return found


def _likeness(declared: str, delivered: str) -> float:
    return SequenceMatcher(None, _plain(declared), _plain(delivered)).ratio()


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}…"
