"""One tree grown on the GPU, as a process of its own: its last line is the device that XGBoost used. Imports nothing of the product."""

import json
import sys
import warnings

import numpy as np
import xgboost


def main() -> None:
    """Say the device, or end with XGBoost's first words of why not."""
    rows = xgboost.DMatrix(np.zeros((2, 1), np.float32), label=[0, 1])
    try:
        with warnings.catch_warnings():
            # With no GPU, XGBoost goes on with the CPU and a warning: only its own configuration afterwards tells.
            warnings.simplefilter("ignore", UserWarning)
            booster = xgboost.train({"device": "cuda", "tree_method": "hist"}, rows, num_boost_round=1)
    except xgboost.core.XGBoostError as error:
        sys.exit(str(error).splitlines()[0])
    sys.stdout.write(str(json.loads(booster.save_config())["learner"]["generic_param"]["device"]))


if __name__ == "__main__":
    main()
