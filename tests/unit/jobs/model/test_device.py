import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import xgboost
from model_rows import Made

from jobs.errors import RetryableError, UsageError
from jobs.model.training import device, training
from jobs.model.training.device import Choice, choose

FULL = "import sys; sys.exit('common.cu:16: cudaErrorMemoryAllocation: out of memory')"


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A script in place of the trial, and a build that says it can use a GPU."""
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": True})
    monkeypatch.setattr(device, "TRIAL", tmp_path / "trial.py")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    device._used_in_trial.cache_clear()
    yield tmp_path / "trial.py"
    device._used_in_trial.cache_clear()


def test_a_gpu_that_takes_the_trial_is_chosen_and_not_tried_again(trial: Path) -> None:
    trial.write_text("print('a word of the library')\nprint('cuda:0')")
    assert choose("auto") == Choice("auto", "cuda", "a GPU is at hand")
    trial.unlink()
    assert choose("cuda") == Choice("cuda", "cuda", "asked for")


def test_a_gpu_whose_memory_is_taken_is_told_and_tried_again_when_it_was_asked_for(trial: Path) -> None:
    trial.write_text(FULL)
    with pytest.raises(RetryableError, match=r"trial on the GPU failed \(common.cu:16: cudaErrorMemoryAllocation.* Try again"):
        choose("cuda")
    trial.write_text("print('cuda:0')")
    assert choose("cuda").used == "cuda"


def test_a_process_that_goes_without_a_failing_gpu_hides_it_from_xgboost(trial: Path) -> None:
    trial.write_text(FULL)
    assert choose("auto").reason == "XGBoost's trial on the GPU failed (common.cu:16: cudaErrorMemoryAllocation: out of memory)"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert choose("auto") == Choice("auto", "cpu", "GPUs are hidden from this process (CUDA_VISIBLE_DEVICES is empty)")


def test_a_trial_without_an_answer_ends(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TRIAL_SECONDS", 0.2)
    trial.write_text("import time; time.sleep(60)")
    assert choose("auto").reason == "XGBoost's trial on the GPU failed (no answer within 0.2 s)"


def test_a_trial_that_is_killed_is_a_failure(trial: Path) -> None:
    trial.write_text("import os; os.kill(os.getpid(), 9)")
    assert choose("auto").reason == "XGBoost's trial on the GPU failed (it ended with -9)"


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_wrong_params_are_wrong_use_on_a_gpu_too(made: Made, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    def refuse(params: dict[str, object], material: object) -> object:
        msg = "value -3 for Parameter max_depth should be greater equal to 0"
        raise xgboost.core.XGBoostError(msg)

    monkeypatch.setattr(device, "gpu_obstacle", lambda: None)
    monkeypatch.setattr(training, "_boost", refuse)
    with pytest.raises(UsageError, match="cannot train with these `params`: value -3"):
        made.again(device=asked)
