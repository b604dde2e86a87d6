"""A check for every exercise: call it with your function, read the verdict.

A check never raises: "Run all" must reach the end of a notebook whose exercises are
still open. It says what is wrong in the order in which one would mend it.
"""

from helpers.exercises.changes import check_choose_share, check_gap
from helpers.exercises.corpora import check_one_per_text, check_tokens_per_word
from helpers.exercises.maps import check_directions_needed, check_share_of_rumours
from helpers.exercises.measuring import (
    check_depth_needed,
    check_ndcg,
    check_queries_needed,
)
from helpers.exercises.networks import check_all_scores, check_cosine_triplet_loss
from helpers.exercises.scaling import check_break_even, check_padding_share
from helpers.exercises.searching import check_fuse, check_search
from helpers.exercises.start import check_unlearn
from helpers.exercises.tuning import check_held_out_terms, check_ranking_loss
from helpers.exercises.vectors import (
    check_max_pooling,
    check_nearest,
    check_window_starts,
)
