"""What a person decides about the versions of a model: each act under the model's lease, and recorded with who and why."""

from dataclasses import dataclass
from datetime import date

from jobs.config.models import Promotion
from jobs.errors import PermanentError, UsageError
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Ledger
from jobs.model.registry.approval import VERDICT, Approval, Standing, objections
from jobs.model.registry.registry import CHAMPION, Registry
from jobs.model.registry.reign import ENTHRONING, line, reigning, rejected
from jobs.model.registry.version import Entry, Version


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
    promotion: Promotion = "automatic"
    """Of the model: with `approval`, only `approve` lets a version live that has not lived before."""

    @property
    def name(self) -> str:
        """The model's name in the registry."""
        return f"{self.pipeline}.{self.model}"

    def promote(self, version: int) -> int | None:
        """Make a version champion that the gate has passed; returns the former champion.

        Raises:
            UsageError: there is no such version, the gate refused it, it was rejected, the model asks for approval, or nights in shadow were asked of it first.
            DataError: its files are missing or are not the registered ones.
        """
        with lease(self.ledger, f"model/{self.name}"):
            entry = self._eligible(version)
            if self.promotion == "approval":
                way = f"matins approve {self.name} --version {version} --evidence DIGEST --by NAME --reason WHY"
                msg = (
                    f"`{self.name}` has `promotion: approval`: a version goes live by `{way}`; `matins gate {self.name} --version {version}` shows the digest."
                )
                raise UsageError(msg)
            if lacking := self._unmet(version):
                msg = f"Version {version} of `{self.name}` cannot become champion. {' '.join(lacking)} Let the nights go on, or train another."
                raise UsageError(msg)
            return self._enthrone(entry, "promoted")

    def approve(self, version: int, evidence: str) -> int | None:
        """Make a version champion that waits for approval; returns the former champion. That it was refused is recorded as well.

        Args:
            version: which.
            evidence: the digest of the verdict that was looked at, or how it begins.

        Raises:
            UsageError: there is no such version, or something speaks against approving it.
            DataError: its files are missing or are not the registered ones.
        """
        with lease(self.ledger, f"model/{self.name}"):
            try:
                found = self._approvable(Approval(version=version, evidence=evidence, by=self.by, reason=self.reason))
            except PermanentError as error:
                self._record_refusal(version, evidence, str(error))
                raise
            self._record("approved", found, former=None, evidence=found.manifest[VERDICT], manifest=found.tags["manifest"])
            return self._enthrone(found, "promoted")

    def _approvable(self, asked: Approval) -> Version:
        registered = self.registry.version(self.name, asked.version)
        registered.read(VERDICT)  # which holds it to its digest
        versions, decisions, unmet = self.registry.versions(self.name), self._decisions(), self._unmet(asked.version)
        standing = Standing(name=self.name, promotion=self.promotion, versions=versions, decisions=decisions, registered=registered, unmet=unmet)
        if against := list(objections(asked, standing)):
            msg = f"Version {asked.version} of `{self.name}` is not approved. {' '.join(against)}"
            raise UsageError(msg)
        return registered

    def _unmet(self, version: int) -> list[str]:
        # NumPy and SciPy are for those few who ask.
        from jobs.shadow.record import unmet

        return unmet(self.ledger, self.pipeline, self.model, version)

    def _record_refusal(self, version: int, evidence: str, why: str) -> None:
        given = {"evidence": evidence, "reason": self.reason}
        about = {"version": version, "former": None, "night": self.night, "by": self.by, "reason": why, "evidence": given}
        self.ledger.decide(self.pipeline, self.model, "approval_refused", **about)

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
            if self.promotion == "approval" and not any(one["version"] == target.version and one["act"] in ENTHRONING for one in decisions):
                msg = f"Version {target.version} of `{self.name}` has never been champion, and `promotion: approval` lets it live by `matins approve` alone."
                raise UsageError(msg)
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

    def _enthrone(self, entry: Entry | Version, act: str) -> int | None:
        former = self.registry.promote(self.name, entry.version).old
        recorded = reigning(self._decisions())
        if recorded != entry.version:
            self._record(act, entry, former=recorded)
        return former

    def _record(self, act: str, entry: Entry | Version, *, former: int | None, **digests: str) -> None:
        evidence = {"digest": entry.digest, "verdict": entry.tags.get("verdict"), "sentence": entry.tags.get("sentence"), **digests}
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
