"""Training batches from mnist-batch-server."""

from .batch import Batch
from .batches import Batches
from .client import Client, Dataset
from .errors import BatchServerError, StateError
from .order import epoch_order
from .stats import Stats

__all__ = ["Batch", "BatchServerError", "Batches", "Client", "Dataset", "StateError", "Stats", "epoch_order"]
__version__ = "0.1.0"
