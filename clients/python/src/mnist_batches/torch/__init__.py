"""PyTorch: a loader that needs no DataLoader, and datasets for one."""

from .batch_dataset import BatchDataset
from .fields import Pair, PairWithIds, PairWithMask, TensorBatch
from .loader import Loader, loader
from .sample_dataset import SampleDataset

__all__ = ["BatchDataset", "Loader", "Pair", "PairWithIds", "PairWithMask", "SampleDataset", "TensorBatch", "loader"]
