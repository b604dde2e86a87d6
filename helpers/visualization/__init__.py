"""The course's figures: one style, one colour for each of the two worlds.

Every function draws on `ax` (a new one without it) and returns it. The colours are of
Okabe & Ito's palette, which colour-blind readers can tell apart.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "charts": [
            "plot_by_kind",
            "plot_histograms",
            "plot_similarity",
            "plot_topic_scores",
        ],
        "curves": ["plot_change", "plot_cost", "plot_training"],
        "drawings": ["drawing", "show"],
        "hover": ["HoverMap", "hover_map"],
        "maps": ["plot_map"],
        "projection": ["project"],
        "style": ["METHOD_COLORS", "TOPIC_COLORS", "use_style"],
    },
)
