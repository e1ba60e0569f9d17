"""The device that a model is trained on: what was asked for, what was used, and why."""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from jobs.config.models import Device
from jobs.errors import RetryableError, UsageError

TRIAL: Final = Path(__file__).with_name("trial.py")
TRIAL_SECONDS = 60
TRIAL_FAILED: Final = "XGBoost's trial on the GPU failed"


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
        RetryableError: `cuda` was asked for, and the GPU that is there cannot be used at present.
    """
    if asked == "cpu":
        return Choice(asked, "cpu", "asked for")
    obstacle = gpu_obstacle()
    if obstacle is None:
        return Choice(asked, "cuda", "asked for" if asked == "cuda" else "a GPU is at hand")
    if asked == "cuda" and obstacle.startswith(TRIAL_FAILED):
        msg = f"{obstacle}, perhaps for want of memory. Try again when it is free, or say `device: auto`."
        raise RetryableError(msg)
    if asked == "cuda":
        msg = f"`device: cuda` cannot be had: {obstacle}. Install the GPU build on a machine with a GPU, or say `device: auto`."
        raise UsageError(msg)
    if obstacle.startswith(TRIAL_FAILED):
        # XGBoost's GPU build would try again to start CUDA with every call, also of the CPU's work: seconds each time where memory is short.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return Choice(asked, "cpu", obstacle)


def gpu_obstacle() -> str | None:
    """Why XGBoost cannot train on a GPU here; None if it can."""
    import xgboost

    if not xgboost.build_info().get("USE_CUDA"):
        return "this build of XGBoost has no GPU support"
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return "GPUs are hidden from this process (CUDA_VISIBLE_DEVICES is empty)"
    try:
        return None if _used_in_trial().startswith("cuda") else "XGBoost finds no GPU on this machine"
    except subprocess.TimeoutExpired:
        return f"{TRIAL_FAILED} (no answer within {TRIAL_SECONDS} s)"
    except subprocess.CalledProcessError as error:
        told = error.stderr.strip().splitlines() or [f"it ended with {error.returncode}"]
        return f"{TRIAL_FAILED} ({told[-1][:200]})"


@cache
def _used_in_trial() -> str:
    """The device of a trial that went well. In a process of its own, since a failed start of CUDA hampers a process to its end."""
    command = [sys.executable, "-P", str(TRIAL)]
    trial = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TRIAL_SECONDS)  # noqa: S603 - this very Python
    return trial.stdout.splitlines()[-1]
