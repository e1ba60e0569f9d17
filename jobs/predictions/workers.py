"""The process that Spark's Python workers are forked from, with what scoring needs loaded: imported in each, it took half of a night's scoring."""

import xgboost  # noqa: F401 - inherited by the workers
from pyspark.daemon import manager

import jobs.predictions.score  # noqa: F401 - the same

if __name__ == "__main__":
    manager()
