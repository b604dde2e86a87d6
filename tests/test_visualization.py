"""Figures show what they are given: labels, colours, values."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from helpers import visualization
from helpers.corpus import Document
from helpers.metrics import Interval

SCORES = np.array([[1.0, 0.25], [0.25, 1.0]])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_heat_map_writes_every_cosine():
    ax = visualization.plot_similarity(
        SCORES, ["one", "two"], ["crypto", "powerlifting"], title="A finding"
    )
    assert texts(ax) == ["1.00", "0.25", "0.25", "1.00"]
    assert "A finding" in (ax.get_title(), ax.get_title(loc="left"))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one  1", "two  2"]
    colors = [to_hex(label.get_color()) for label in ax.get_yticklabels()]
    assert colors == [c.lower() for c in visualization.TOPIC_COLORS.values()]


def test_a_tiny_negative_cosine_is_not_minus_zero():
    ax = visualization.plot_similarity(np.array([[-0.001]]), ["one"])
    assert texts(ax) == ["0.00"]


def test_wrong_lengths_are_refused():
    with pytest.raises(ValueError, match="3 labels, 0 topics"):
        visualization.plot_similarity(SCORES, ["a", "b", "c"])


def test_given_axes_are_used():
    _, ax = plt.subplots()
    assert visualization.plot_similarity(SCORES, ["a", "b"], ax=ax) is ax


def test_every_document_is_one_dot():
    documents = [
        Document("a", "", "t", "crypto"),
        Document("b", "", "t", "powerlifting"),
        Document("c", "", "t", "crypto"),
    ]
    scores = {"first": np.array([0.1, 0.2, 0.3]), "second": np.array([0.4, 0.5, 0.6])}
    ax = visualization.plot_topic_scores(scores, documents)
    drawn = np.concatenate([dots.get_offsets()[:, 0] for dots in ax.collections])
    assert sorted(drawn) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "crypto",
        "powerlifting",
    ]


def test_intervals_are_drawn_where_they_are():
    interval = Interval(0.5, 0.4, 0.7)
    by_method = {name: interval for name in visualization.METHOD_COLORS}
    ax = visualization.plot_by_kind({"kind": by_method}, metric="nDCG@10")
    assert texts(ax) == ["0.50"] * 3
    bars = ax.collections[0].get_segments()[0]
    assert sorted(bars[:, 1]) == pytest.approx([0.4, 0.7])


def test_histograms_have_equal_areas():
    groups = {"few": np.array([0.1, 0.2]), "many": np.linspace(0, 1, 100)}
    ax = visualization.plot_histograms(groups, xlabel="x", mark=0.5)
    area = {}
    for patch in ax.patches:
        if hasattr(patch, "get_height"):
            color = to_hex(patch.get_facecolor())
            area[color] = area.get(color, 0) + patch.get_height() * patch.get_width()
    assert list(area.values()) == pytest.approx([1, 1])


def test_costs_stand_at_their_places_on_log_axes():
    ax = visualization.plot_cost(
        {"slow": ((10, 20), (1.0, 4.0)), "fast": ((10, 20), (0.1, 0.2))},
        {"slow": ((10, 1000), (1.0, 9000.0)), "fast": ((10, 1000), (0.1, 10.0))},
        {"slow": (1000, 9000.0, "here: 2.5 h")},
        {"fast": (1000, 5.0, "V100: 5 s")},
    )
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert texts(ax) == ["here: 2.5 h", "V100: 5 s"]
    dashed, dots, *_ = ax.get_lines()
    assert list(dashed.get_ydata()) == [1.0, 9000.0]
    assert list(dots.get_xydata().ravel()) == [10, 1.0, 20, 4.0]
    here, there = ax.get_lines()[4:]
    assert (here.get_markerfacecolor(), there.get_markerfacecolor()) == (
        dots.get_color(),
        "white",
    )
    labels = [label.get_text() for label in ax.get_yticklabels()]
    ticks = dict(zip(ax.get_yticks(), labels, strict=True))
    assert (ticks[60], ticks[3600]) == ("1 minute", "1 hour")


def test_the_style_is_set():
    visualization.use_style()
    assert not plt.rcParams["axes.spines.top"]
