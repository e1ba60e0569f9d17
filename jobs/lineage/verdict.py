"""What came of computing something again: the same, part by part, or where it differs and what has changed since."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One thing that was compared."""

    name: str
    same: bool
    sentence: str
    told: tuple[str, ...] = ()
    """Where it differs."""


@dataclass(frozen=True)
class Reproduction:
    """All parts of a night or of a version."""

    what: str
    parts: tuple[Part, ...]
    pins: Mapping[str, int]
    """Table → the version that was read."""
    since: tuple[str, ...]
    """What is another now than then: configuration, code, libraries."""

    @property
    def same(self) -> bool:
        """Whether every part is."""
        return all(part.same for part in self.parts)

    @property
    def sentence(self) -> str:
        """The outcome, for people."""
        if self.same:
            return f"{self.what}: reproduced exactly."
        broken = ", ".join(part.name for part in self.parts if not part.same)
        why = (
            "See what has changed since."
            if self.since
            else "Neither configuration, code nor libraries have changed since: a file or a table was altered by hand, or it is a fault of Matins."
        )
        return f"{self.what}: NOT reproduced: {broken}. {why}"

    @property
    def lines(self) -> list[str]:
        """The outcome, its parts, and what has changed."""
        parts: list[str] = []
        for part in self.parts:
            parts += [f"  {'same ' if part.same else 'OTHER'} {part.sentence}", *(f"        {one}" for one in part.told)]
        changed = [f"  since {one}" for one in self.since]
        pins = ", ".join(f"{table} v{version}" for table, version in self.pins.items())
        return [self.sentence, *parts, *changed, f"  from  {pins}"]
