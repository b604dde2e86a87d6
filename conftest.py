"""For every test, and every kernel and process that the tests start."""

import os

# Before torch is imported: two OpenMP threads beside another busy process are far
# slower than one.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"
