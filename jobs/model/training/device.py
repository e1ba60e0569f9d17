"""The device that a model is trained on: what was asked for, what was used, and why."""

import json
import warnings
from dataclasses import dataclass
from typing import Literal

from jobs.config.models import Device
from jobs.errors import UsageError


@dataclass(frozen=True)
class Choice:
    """A device, resolved once and recorded with the version."""

    asked: Device
    used: Literal["cpu", "cuda"]
    reason: str


def choose(asked: Device) -> Choice:
    """The device for `asked`; `auto` takes a GPU where XGBoost can really use one.

    Raises:
        UsageError: `cuda` was asked for and is not to be had: never another device silently.
    """
    if asked == "cpu":
        return Choice(asked, "cpu", "asked for")
    obstacle = gpu_obstacle()
    if obstacle is None:
        return Choice(asked, "cuda", "asked for" if asked == "cuda" else "a GPU is at hand")
    if asked == "cuda":
        msg = f"`device: cuda` cannot be had: {obstacle}. Install the GPU build on a machine with a GPU, or say `device: auto`."
        raise UsageError(msg)
    return Choice(asked, "cpu", obstacle)


def gpu_obstacle() -> str | None:
    """Why XGBoost cannot train on a GPU here; None if it can."""
    import numpy as np
    import xgboost

    if not xgboost.build_info().get("USE_CUDA"):
        return "this build of XGBoost has no GPU support"
    # With no GPU, XGBoost goes on with the CPU and a warning: only its own configuration afterwards tells.
    rows = xgboost.DMatrix(np.zeros((2, 1), np.float32), label=[0, 1])
    try:
        with warnings.catch_warnings():
            # What the warning says is read from the configuration below, and becomes the recorded reason.
            warnings.simplefilter("ignore", UserWarning)
            booster = xgboost.train({"device": "cuda", "tree_method": "hist"}, rows, num_boost_round=1)
    except xgboost.core.XGBoostError as error:
        return f"XGBoost's trial on the GPU failed ({str(error).splitlines()[0][:200]})"
    used = str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])
    return None if used.startswith("cuda") else "XGBoost finds no GPU on this machine"
