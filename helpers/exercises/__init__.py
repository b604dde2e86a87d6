"""A check for every exercise: call it with your function, read the verdict.

A check never raises: "Run all" must reach the end of a notebook whose exercises are
still open. It says what is wrong in the order in which one would mend it.
"""

from helpers.exercises.maps import check_neighbour_overlap, check_variance_kept
from helpers.exercises.measuring import check_reciprocal_rank
from helpers.exercises.networks import (
    check_all_scores,
    check_cosine_triplet_loss,
    check_crossover,
)
from helpers.exercises.searching import check_search
from helpers.exercises.start import check_unlearn
from helpers.exercises.tuning import (
    check_cosine_similarity_loss,
    check_held_out_terms,
    check_learning_rate_at,
)
from helpers.exercises.vectors import check_max_pooling, check_nearest
