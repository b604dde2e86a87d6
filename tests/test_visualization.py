"""Figures show what they are given: labels, colours, values."""

import html
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_hex
from matplotlib.text import Text

from helpers import CourseError, visualization
from helpers.corpus import Document
from helpers.metrics import Interval
from helpers.visualization import hover

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


def test_a_fourth_method_and_one_that_lacks_a_kind_are_drawn():
    interval = Interval(0.5, 0.4, 0.7)
    methods = ["re-ranked", *visualization.METHOD_COLORS]
    intervals = {"one": dict.fromkeys(methods, interval), "two": {"dense": interval}}
    ax = visualization.plot_by_kind(intervals, metric="nDCG@10")
    assert texts(ax) == ["0.50"] * 5
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["BM25", "dense", "fused", "re-ranked"]
    colors = {to_hex(line.get_color()) for line in ax.lines}
    assert len(colors) == 4


@pytest.mark.parametrize(
    ("topics", "named"),
    [
        (("law", "tax", "law"), ["law", "tax"]),
        (("", "", ""), None),
        (("a", "b", "c"), ["a", "b", "c"]),
    ],
)
def test_strips_of_other_topics_and_of_none(topics, named):
    documents = [Document(str(i), "", "t", topic) for i, topic in enumerate(topics)]
    ax = visualization.plot_topic_scores({"q": np.array([0.1, 0.2, 0.3])}, documents)
    drawn = np.concatenate([dots.get_offsets()[:, 0] for dots in ax.collections])
    assert sorted(drawn) == pytest.approx([0.1, 0.2, 0.3])
    legend = ax.get_legend()
    assert (legend and [text.get_text() for text in legend.get_texts()]) == named


PRICES = "from $60,000 to $70,000?"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: visualization.plot_similarity(SCORES, [PRICES, "two"]),
        lambda: visualization.plot_histograms({PRICES: np.arange(4)}, xlabel=""),
        lambda: visualization.plot_topic_scores(
            {PRICES: [0.5]}, [Document("a", "", "t", PRICES)]
        ),
    ],
)
def test_prices_are_no_formula(draw):
    ax = draw()
    drawn = [text.get_text() for text in ax.findobj(Text)]
    assert any("60,000" in text for text in drawn)
    assert not any(map(is_math_text, drawn))


def test_histograms_have_equal_areas():
    groups = {"few": np.array([0.1, 0.2]), "many": np.linspace(0, 1, 100)}
    ax = visualization.plot_histograms(groups, xlabel="x", mark=0.5)
    area = {}
    for patch in ax.patches:
        if hasattr(patch, "get_height"):
            color = to_hex(patch.get_facecolor())
            area[color] = area.get(color, 0) + patch.get_height() * patch.get_width()
    assert list(area.values()) == pytest.approx([1, 1])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["few", "many", "threshold, 0.50"]


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


def rows(n, width=20):
    return np.random.default_rng(0).normal(size=(n, width)).astype(np.float32)


def test_pca_is_that_of_scikit_learn_up_to_the_sign():
    from sklearn.decomposition import PCA

    found = visualization.project(rows(50), "pca")
    expected = PCA(n_components=2).fit_transform(rows(50))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
    mirrored = visualization.project(rows(50)[:, ::-1], "pca")
    np.testing.assert_allclose(found, mirrored, atol=1e-4)


@pytest.mark.parametrize("method", ["umap", "pca"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 11, 12, 16])
def test_even_a_tiny_corpus_gets_a_map_without_a_warning(n, method, recwarn):
    points = visualization.project(rows(n), method)
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()
    shown = [w for w in recwarn if not issubclass(w.category, ImportWarning)]
    assert not [w for w in shown if "umap" in str(w.filename)]


def test_equal_rows_and_rows_of_zeros_get_a_map():
    for same in (np.ones((30, 8)), np.zeros((30, 8)), np.ones((3, 1))):
        assert np.isfinite(visualization.project(same, "pca")).all()
    assert visualization.project(np.ones((30, 8))).shape == (30, 2)


def test_umap_gives_the_same_map_twice_and_another_for_another_seed():
    one, two, other = (visualization.project(rows(40), seed=s) for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_maps_are_turned_so_that_they_are_widest_across():
    from scipy.spatial.distance import pdist
    from umap import UMAP

    data = rows(40)
    plain = UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(data)
    turned = visualization.project(data)
    np.testing.assert_allclose(pdist(turned), pdist(plain), atol=1e-4)
    assert np.corrcoef(turned.T)[0, 1] == pytest.approx(0, abs=1e-4)
    assert turned[:, 0].std() >= turned[:, 1].std()


def test_umap_keeps_groups_apart_that_are_apart():
    from sklearn.manifold import trustworthiness

    centres = np.repeat(rows(3) * 5, 20, axis=0)
    points = visualization.project(centres + rows(60), n_neighbors=10)
    assert trustworthiness(centres + rows(60), points, metric="cosine") > 0.85


@pytest.mark.parametrize(
    ("embeddings", "method", "message"),
    [
        (np.ones(5), "umap", r"shape \(5,\)"),
        (np.empty((0, 5)), "pca", r"shape \(0, 5\); a map"),
        (np.full((4, 2), np.nan), "umap", "NaN or infinite"),
        (np.ones((4, 2)), "tsne", "choose 'umap' or 'pca'"),
    ],
)
def test_what_cannot_be_flattened_is_refused(embeddings, method, message):
    with pytest.raises(CourseError, match=message):
        visualization.project(embeddings, method)


EVIL = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!-- <script> &amp; \u2028 'quotes' \"double\"",
    "$spec ${library}",
]


def on_a_map(
    texts=("one", "two", "three"), topics=("crypto", "powerlifting", "crypto")
):
    subtopics = ("mining", "squat", "defi")
    documents = [
        Document(f"d{i}", "", text, topics[i % 3], subtopics[i % 3])
        for i, text in enumerate(texts)
    ]
    return np.arange(2.0 * len(texts)).reshape(-1, 2), documents


def test_the_map_names_subtopics_and_rings_documents():
    points, documents = on_a_map()
    ax = visualization.plot_map(
        points, documents, ringed={"d1"}, ring_label="in a ring", title="A finding"
    )
    assert set(texts(ax)) == {"mining", "squat", "defi"}
    dots = {c.get_label(): c.get_offsets().tolist() for c in ax.collections}
    assert dots["crypto"] == points[[0, 2]].tolist()
    assert dots["in a ring"] == [points[1].tolist()]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["crypto", "powerlifting", "in a ring", "to a subtopic's middle"]
    bare = visualization.plot_map(points, documents, label=False)
    assert not texts(bare)
    names = [text.get_text() for text in bare.get_legend().get_texts()]
    assert names == ["crypto", "powerlifting"]


def test_names_on_the_real_map_cross_neither_names_nor_dots(documents, model):
    visualization.use_style()
    embeddings = model.encode([document.content for document in documents])
    points = visualization.project(embeddings, "pca")
    ax = visualization.plot_map(points, documents)
    ax.figure.draw_without_rendering()
    frame, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    assert len(boxes) == 24
    others = [*boxes, frame, legend]
    assert not [a for a in boxes if any(a is not b and a.overlaps(b) for b in others)]
    for text in ax.texts:  # each line ends in the middle of its dots
        mine = [document.subtopic == text.get_text() for document in documents]
        assert np.allclose(text.xy, np.median(points[mine], axis=0))


def test_the_largest_of_many_subtopics_are_named():
    sizes = {f"s{n}": 1 + (n < 32) for n in range(40)}
    documents = [
        Document(f"{name}-{n}", "", "text", "crypto", name)
        for name, size in sizes.items()
        for n in range(size)
    ]
    ax = visualization.plot_map(rows(len(documents), 2), documents)
    assert set(texts(ax)) == {f"s{n}" for n in range(32)}


def test_other_topics_get_other_colors():
    points, documents = on_a_map(topics=("law", "crypto", "tax"))
    ax = visualization.plot_map(points, documents, label=False)
    colors = [to_hex(c.get_facecolor()[0]) for c in ax.collections]
    assert len(set(colors)) == 3
    assert visualization.TOPIC_COLORS["crypto"].lower() in colors


@pytest.mark.parametrize("draw", [visualization.plot_map, visualization.hover_map])
def test_points_that_do_not_fit_the_documents_are_refused(draw):
    points, documents = on_a_map()
    for bad in (points[:2], points.T, points[:, :1], np.empty((0, 2))):
        with pytest.raises(CourseError, match="points have shape"):
            draw(bad, documents)
    with pytest.raises(CourseError, match="points have shape"):
        draw(np.empty((0, 2)), [])


def given(page):
    """Return what a page hands to its script."""
    [found] = re.findall(r'<script type="application/json">(.*?)</script>', page)
    return json.loads(found)


def test_a_sentence_cannot_leave_the_hover_map(tmp_path):
    points, documents = on_a_map(EVIL)
    page = visualization.hover_map(points, documents, title=EVIL[1])
    assert [dot[2] for dot in given(page.html)["dots"]] == EVIL
    assert "onerror=alert" not in page.html.replace(
        "\\u003cimg src=x onerror=", ""
    ).replace("&lt;img src=x onerror=", "")
    assert page.html.count("</script>") == 2
    frame = page._repr_html_()
    assert frame.count("<") == 2  # the frame opens and closes, nothing else
    assert 'sandbox="allow-scripts"' in frame
    assert page.html == html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])
    assert page.save(tmp_path / "map.html").read_text(encoding="utf-8") == page.html
    assert len(repr(page)) < 80


def test_a_hover_map_gives_each_topic_its_color():
    points, documents = on_a_map(topics=("crypto", "", "law"))
    colors = given(visualization.hover_map(points, documents).html)["colors"]
    assert [topic for topic, _ in colors] == ["crypto", "", "law"]
    assert colors[0][1] == visualization.TOPIC_COLORS["crypto"]


def test_a_hover_map_asks_for_nothing_and_stays_small(documents):
    points = np.random.default_rng(0).normal(size=(len(documents), 2))
    page = visualization.hover_map(points, documents).html
    assert len(page) < 100_000
    assert "default-src 'none'" in page  # the browser itself refuses to load
    assert not re.search("innerHTML|document.write|eval|unsafe-eval", page)
    many = visualization.hover_map(
        np.tile(points, (21, 1))[:10_000], (documents * 21)[:10_000]
    )
    assert len(many.html) < 2_000_000


def test_a_training_shows_its_loss_its_figures_and_the_best_epoch():
    ax = visualization.plot_training(
        [0.5, 0.2], {"dev": [0.3, 0.5, 0.4]}, best=1, title="It learns"
    )
    right = next(other for other in ax.figure.axes if other is not ax)
    dev = next(line for line in ax.lines if line.get_label() == "dev")
    assert (list(dev.get_xdata()), list(dev.get_ydata())) == (
        [0, 1, 2],
        [0.3, 0.5, 0.4],
    )
    [loss] = right.lines
    assert (list(loss.get_xdata()), list(loss.get_ydata())) == ([1, 2], [0.5, 0.2])
    assert {tuple(set(line.get_xdata())) for line in ax.lines} >= {(1,)}
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["dev", "epoch kept", "loss"]


def test_a_change_shows_both_figures_and_writes_the_interval_beside_them():
    ax = visualization.plot_change(
        {
            "first": (0.3, 0.5, Interval(0.2, 0.1, 0.25)),
            "second": (1, 2, Interval(1, -1, 3)),
        }
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top
    drawn = {tuple(np.atleast_1d(line.get_xdata()).tolist()) for line in ax.lines}
    assert drawn == {(0.4, 0.55), (0, 4), (0.3,), (0.5,), (1,), (2,)}
    sure, unsure = (
        next(text for text in ax.texts if text.get_text() == wanted)
        for wanted in ("0.20 [0.10, 0.25]", "1.00 [-1.00, 3.00]")
    )
    assert sure.get_color() != unsure.get_color()  # the second includes zero
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["before", "after", "95% interval of the change"]


@pytest.mark.parametrize("shape", [(10, 1), (1, 10)])
def test_a_step_is_as_long_across_as_up_on_both_maps(shape):
    documents = [Document(f"d{n}", "", f"text {n}", "crypto") for n in range(4)]
    points = np.array([(0, 0), (1, 1), (0, 1), (1, 0)]) * shape
    ax = visualization.plot_map(points, documents)
    ax.figure.canvas.draw()
    across, up = (
        ax.transData.transform(point) - ax.transData.transform((0, 0))
        for point in ((1, 0), (0, 1))
    )
    assert across[0] == pytest.approx(up[1])
    width, height = ax.figure.get_size_inches()
    assert width > height  # whatever the map's shape: UMAP turns it on some machines

    pixels = hover._pixels(points, (600, 400))
    scale = np.ptp(pixels, axis=0) / np.ptp(points, axis=0)
    assert scale[0] == pytest.approx(scale[1])
    assert (pixels >= 12 - 1e-6).all()
    assert (pixels <= np.array([588, 388]) + 1e-6).all()
    assert pixels[1, 1] < pixels[0, 1]  # up on the map is up on the screen


def test_no_name_hides_a_ring():
    documents = [Document(f"d{n}", "", "text", "crypto", "gas") for n in range(4)]
    points = np.array([(0, 0), (1, 1), (0, 1), (1, 0)])
    ax = visualization.plot_map(points, documents, ringed={"d0"})
    [name], rings = ax.texts, ax.collections[-1]
    assert rings.get_offsets().tolist() == [[0, 0]]
    assert name.get_zorder() < ax.collections[0].get_zorder()  # nor its line a dot
    assert rings.get_zorder() > name.get_zorder()


def test_a_map_of_one_spot_has_a_shape():
    documents = [Document("d", "", "text", "crypto")] * 2
    assert hover._pixels(np.ones((2, 2)), (600, 400)).tolist() == [[300, 200]] * 2
    assert given(visualization.hover_map(np.zeros((2, 2)), documents).html)["dots"]


def test_a_drawing_is_a_png_and_a_missing_one_is_named():
    picture = visualization.drawing("encode_once")
    assert picture.data.startswith(b"\x89PNG")
    with pytest.raises(CourseError, match=r"nothing\.svg: no such .*encode_once"):
        visualization.drawing("nothing")
