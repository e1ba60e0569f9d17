"""What speaks against letting a waiting version live: a sentence each, none where a person may approve it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.ledger.chain import SHORTEST
from jobs.model.registry.registry import CHAMPION
from jobs.model.registry.reign import ASIDE, ENTHRONING, WAITING, evidence, waiting
from jobs.model.registry.version import Entry, Version

VERDICT: Final = "verdict.json"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What is asked for: by whom, why, and having looked at which evidence."""

    version: int
    evidence: str
    """The digest of the verdict that was looked at, or how it begins."""
    by: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is on record of the model whose version is to be approved."""

    name: str
    promotion: str
    versions: Sequence[Entry]
    decisions: Sequence[Mapping[str, Any]]
    registered: Version
    """The version as the registry gives it now."""
    unmet: Sequence[str] = ()
    """What was asked of it beforehand and is not there."""


def objections(asked: Approval, standing: Standing) -> Iterator[str]:
    """Why the version may not be approved as asked: every sentence is one reason, and any of them is enough."""
    yield from (f"--{name} must say something: it is what the record will show." for name in ("by", "reason") if not getattr(asked, name).strip())
    yield from _of_the_model(standing)
    yield from _of_the_version(asked, standing)
    yield from _of_the_evidence(asked, standing)
    yield from standing.unmet


def _of_the_model(standing: Standing) -> Iterator[str]:
    if standing.promotion != "approval":
        yield f"`promotion` of `{standing.name}` is `{standing.promotion}`: its versions need no approval; `matins promote` is the way."


def _of_the_version(asked: Approval, standing: Standing) -> Iterator[str]:
    version, now = asked.version, waiting(standing.decisions)
    if now != version:
        instead = f"v{now} waits" if now else "none does"
        yield f"v{version} does not wait for approval: it {_since(version, standing)}. Of `{standing.name}`, {instead}."
        return
    if standing.registered.tags.get("verdict") != "PASS":
        yield f"The verdict that is registered with v{version} does not say PASS: {standing.registered.tags.get('sentence')}"
    if older := older_than_champion(standing.versions, standing.registered.tags.get("as_of", "")):
        yield f"v{version} was {older} Train anew."


def older_than_champion(versions: Sequence[Entry], as_of: str) -> str | None:
    """Why a version made as of a night does not take the champion's place, as the end of a sentence: one may have come to reign while it waited."""
    champion = next((one for one in versions if CHAMPION in one.aliases), None)
    theirs = champion.tags.get("as_of", "") if champion else ""
    if champion is None or as_of >= theirs:
        return None
    return f"trained as of {as_of}, and the champion v{champion.version} as of {theirs}: an older version does not take its place."


def _since(version: int, standing: Standing) -> str:
    """What was decided about a version last, as the end of a sentence."""
    last = next((one for one in reversed(standing.decisions) if one["version"] == version and one["act"] not in ASIDE), None)
    if last is None:
        return "was never judged"
    words = {WAITING: "was superseded by a newer one", **dict.fromkeys(ENTHRONING, f"became champion on {last['night']}")}
    return words.get(last["act"]) or f"was {last['act']} by {last['by'].replace('gate', 'the gate')}: {str(last['reason']).rstrip('.')}"


def _of_the_evidence(asked: Approval, standing: Standing) -> Iterator[str]:
    given, whole = asked.evidence.strip().lower(), standing.registered.manifest.get(VERDICT, "")
    if len(given) < SHORTEST:
        yield f"--evidence {asked.evidence!r} is too short: give the digest that `matins gate` shows, or its first {SHORTEST} digits or more."
    elif not whole.startswith(given):
        others = sorted(version for version, digest in evidence(standing.decisions).items() if digest.startswith(given) and version != asked.version)
        whose = f"that of v{others[0]}" if others else "of no version"
        yield f"--evidence {asked.evidence} is {whose}; that of v{asked.version} is {whole[:SHORTEST]}. Look at what you approve: `matins gate` shows it."
    yield from _changed(asked.version, standing)


def _changed(version: int, standing: Standing) -> Iterator[str]:
    """What the registry has now against what was recorded when the version was trained and began to wait: the registry alone could vouch for anything."""
    found = standing.registered
    now = {"digest": ("model", found.digest), "manifest": ("list of files", found.tags["manifest"]), "evidence": ("verdict", found.manifest.get(VERDICT))}
    recorded = [one["evidence"] or {} for one in standing.decisions if one["version"] == version and one["act"] in {"trained", WAITING}]
    then = {name: digest for one in recorded for name, digest in one.items() if name in now}
    for name, digest in then.items():
        what, present = now[name]
        if digest != present:
            before, after = digest[:SHORTEST], (present or "none")[:SHORTEST]
            yield f"v{version} was changed in the registry: the digest of its {what} was {before} when it was recorded, and is {after} now."
