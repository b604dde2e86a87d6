"""Fine-tune a sentence encoder on labelled pairs, and see what else moved.

Notebook 5 writes the training out once. This is for the second time: the same training,
with checkpoints, so that an interruption loses nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparison": ["blend", "drift_report", "pair_cosines"],
        "data": ["RECIPES", "check_training", "hard_triplets", "positives", "windows"],
        "training": ["fine_tune"],
    },
)
