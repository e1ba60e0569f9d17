"""What a person decides about the versions of a model: each act under the model's lease, and recorded with who and why."""

from dataclasses import dataclass
from datetime import date

from jobs.errors import UsageError
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Ledger
from jobs.model.registry.registry import CHAMPION, Registry
from jobs.model.registry.reign import line, rejected
from jobs.model.registry.version import Entry


@dataclass(frozen=True, kw_only=True)
class Acts:
    """The acts on one model, by one person, for one reason."""

    ledger: Ledger
    registry: Registry
    pipeline: str
    model: str
    night: date
    """From which on the decision counts."""
    by: str
    reason: str

    @property
    def name(self) -> str:
        """The model's name in the registry."""
        return f"{self.pipeline}.{self.model}"

    def promote(self, version: int) -> int | None:
        """Make a version champion that the gate has passed; returns the former champion.

        Raises:
            UsageError: there is no such version, the gate refused it, or it was rejected.
            DataError: its files are missing or are not the registered ones.
        """
        with lease(self.ledger, f"model/{self.name}"):
            return self._enthrone(self._eligible(version), "promoted")

    def rollback(self, to: int | None) -> tuple[int, int | None]:
        """Make an earlier champion champion again; returns it and the former one.

        Args:
            to: a version; None is the champion before the present one.

        Raises:
            UsageError: there is no earlier champion, or `to` is not eligible.
            DataError: its files are missing or are not the registered ones.
        """
        with lease(self.ledger, f"model/{self.name}"):
            decisions = self._decisions()
            out = rejected(decisions)
            before = [one for one in line(decisions)[:-1] if one not in out]
            if to is None and not before:
                msg = f"`{self.name}` has had no earlier champion to go back to; name a version that passed the gate with --to."
                raise UsageError(msg)
            target = self._eligible(before[-1] if to is None else to)
            return target.version, self._enthrone(target, "rolled_back")

    def reject(self, version: int) -> None:
        """Keep a version from ever becoming champion.

        Raises:
            UsageError: there is no such version, or it is the champion now.
        """
        with lease(self.ledger, f"model/{self.name}"):
            entry = self._entry(version)
            if CHAMPION in entry.aliases:
                msg = f"Version {version} is the champion of `{self.name}`: roll back first, then reject it."
                raise UsageError(msg)
            self._record("rejected", entry, former=None)

    def _enthrone(self, entry: Entry, act: str) -> int | None:
        former = self.registry.promote(self.name, entry.version).old
        recorded = line(self._decisions())[-1:]
        # By the record and not by the alias: a crash may have come between the two.
        if recorded != [entry.version]:
            self._record(act, entry, former=recorded[0] if recorded else None)
        return former

    def _record(self, act: str, entry: Entry, *, former: int | None) -> None:
        evidence = {"digest": entry.digest, "verdict": entry.tags.get("verdict"), "sentence": entry.tags.get("sentence")}
        about = {"version": entry.version, "former": former, "night": self.night, "by": self.by, "reason": self.reason, "evidence": evidence}
        self.ledger.decide(self.pipeline, self.model, act, **about)

    def _eligible(self, version: int) -> Entry:
        entry = self._entry(version)
        if entry.tags.get("verdict") != "PASS":
            msg = f"Version {version} of `{self.name}` was refused by the gate and cannot become champion: {entry.tags.get('sentence')}"
            raise UsageError(msg)
        if why := rejected(self._decisions()).get(version):
            msg = f"Version {version} of `{self.name}` was {why}; it cannot become champion. Train another."
            raise UsageError(msg)
        return entry

    def _entry(self, version: int) -> Entry:
        known = {one.version: one for one in self.registry.versions(self.name)}
        if version not in known:
            msg = f"`{self.name}` has no version {version}; it has {sorted(known)}."
            raise UsageError(msg)
        return known[version]

    def _decisions(self) -> list[dict[str, object]]:
        return self.ledger.decisions(self.pipeline, self.model)
