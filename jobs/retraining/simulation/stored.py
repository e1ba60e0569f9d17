"""A training as files, so that it need not be done twice."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from jobs.model.artifact import Artifact
from jobs.model.registry.version import LEARNED, MODEL
from jobs.model.training.device import Choice
from jobs.model.training.learned import Learned
from jobs.model.training.training import Trained

ABOUT: Final = "trained.json"


def to_files(trained: Trained) -> dict[str, bytes]:
    """The model, its learned state, and how it was trained."""
    about = {name: value for name, value in vars(trained).items() if name not in {"artifact", "device"}}
    written = json.dumps({**about, "device": asdict(trained.device), "threads": trained.artifact.threads}).encode()
    return {MODEL: trained.artifact.ubj, LEARNED: trained.artifact.learned.to_json().encode(), ABOUT: written}


def from_files(files: Mapping[str, bytes]) -> Trained:
    """What `to_files` wrote."""
    about = json.loads(files[ABOUT])
    artifact = Artifact(files[MODEL], Learned.from_json(files[LEARNED].decode()), threads=about.pop("threads"))
    return Trained(artifact=artifact, device=Choice(**about.pop("device")), **about)
