"""Evidently's page: a sample of the nights beside a sample of the champion's reference."""

import warnings
from pathlib import Path
from typing import Final

import pandas as pd

SAMPLE: Final = 4000


def write_page(current: pd.DataFrame, reference: pd.DataFrame, path: Path) -> Path:
    """The data drift report as one HTML file without outside scripts.

    Args:
        current: sampled rows of the nights, with the columns of `reference`.
        reference: sampled rows that the champion was made from.
        path: where to.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently's own dependencies warn on import
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        current, reference = _plain(current), _plain(reference)
        texts = [name for name in reference.columns if not pd.api.types.is_numeric_dtype(reference[name])]
        numbers = [name for name in reference.columns if name not in texts]
        definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
        # Pinned, since Evidently would choose another test for another number of rows.
        report = Report([DataDriftPreset(num_method="psi", cat_method="psi")])
        result = report.run(Dataset.from_pandas(current, definition), Dataset.from_pandas(reference, definition))
        path.parent.mkdir(parents=True, exist_ok=True)
        result.save_html(str(path))
    return path


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Evidently subtracts columns from each other, which NumPy refuses for booleans."""
    return frame.astype({name: float for name in frame.columns if frame[name].dtype == bool})
