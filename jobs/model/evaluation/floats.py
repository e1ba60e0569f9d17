"""Arrays of numbers, in modules that must be quick to load."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# As scikit-learn's log_loss does with 64-bit probabilities.
EPSILON: Final = float(np.finfo(np.float64).eps)
