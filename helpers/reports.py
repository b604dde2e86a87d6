"""What the commands found, as dataclasses: JSON, text, and for a training a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from helpers import CourseError, metrics, models, retrieval, storage
from helpers.corpus import Pair, Qrels, Query
from helpers.finetuning import comparison
from helpers.finetuning.comparison import Comparison, Drift
from helpers.visualization.curves import plot_change, plot_training
from helpers.visualization.style import use_style

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from helpers.finetuning.trainer import Training


Means = dict[str, float]  # metric -> mean


@dataclass(frozen=True)
class EvaluationReport:
    """Mean nDCG@10, MRR@10, recall@10: `means[method]`, `by_kind[kind][method]`."""

    means: dict[str, Means]
    by_kind: dict[str, dict[str, Means]]
    queries: int

    def to_json(self) -> dict:
        """Return what is printed as JSON: the methods stand at the top."""
        return {**self.means, "by_kind": self.by_kind, "queries": self.queries}

    def __str__(self) -> str:
        """Show a table, a line for each kind and method."""
        lines = [f"{'':<26}{'':<8}{'nDCG@10':>9}{'MRR@10':>9}{'recall@10':>11}"]
        parts = {f"all {self.queries} queries": self.means, **self.by_kind}
        for title, means in parts.items():
            for number, (method, figures) in enumerate(means.items()):
                widths = zip(figures.values(), (9, 9, 11), strict=True)
                cells = "".join(f"{figure:>{width}.3f}" for figure, width in widths)
                lines.append(f"{'' if number else title:<26}{method:<8}{cells}")
        return "\n".join(lines)


def evaluate(
    indexes: Mapping[str, retrieval.Index], queries: Sequence[Query], qrels: Qrels
) -> EvaluationReport:
    """Search for every judged query with every index, and judge what was found."""
    judged = [query for query in queries if query.id in qrels]
    evaluations = {
        method: metrics.evaluate(retrieval.make_run(index, judged), qrels)
        for method, index in indexes.items()
    }
    by_kind = {}
    for kind in dict.fromkeys(query.kind for query in judged if query.kind):
        ids = [query.id for query in judged if query.kind == kind]
        by_kind[kind] = {m: each.means(ids) for m, each in evaluations.items()}
    means = {method: each.means() for method, each in evaluations.items()}
    return EvaluationReport(means, by_kind, len(judged))


@dataclass(frozen=True)
class SimilarityReport:
    """Spearman's and Pearson's correlation of cosine and label, from -1 to 1."""

    spearman: float
    pearson: float
    pairs: int

    def to_json(self) -> dict:
        """Return what is printed as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Show one line."""
        return (
            f"Spearman {self.spearman:.3f}, Pearson {self.pearson:.3f} "
            f"over {self.pairs} pairs"
        )


def correlate(
    labels: Sequence[float], cosines: np.ndarray, source: str
) -> SimilarityReport:
    """Correlate labels and cosines, (n,) each, that come from the file `source`.

    Raises CourseError when all cosines are the same.
    """
    if cosines.max() - cosines.min() < 1e-6:
        raise CourseError(
            f"{source}: all cosines are {cosines[0]:.2f}, so nothing can "
            "correlate; are the two sentences the same in every line?"
        )
    return SimilarityReport(
        metrics.spearman(labels, cosines),
        float(stats.pearsonr(cosines, labels).statistic),
        len(labels),
    )


_ROW = "{:<26}{:>6}{:>9.3f}{:>9.3f}  {:+.3f} [{:+.3f}, {:+.3f}]"


@dataclass(frozen=True)
class TrainingReport:
    """A training in `folder`, from `base`; `comparisons` are on pairs it never saw."""

    folder: str
    base: str
    pairs: dict[str, int]
    training: Training
    comparisons: dict[str, Comparison]
    drift: Drift
    probes: int

    def to_json(self) -> dict:
        """Return what is printed as JSON and stands in report.json."""
        return {
            "model": self.folder,
            "base": self.base,
            "pairs": self.pairs,
            "best_epoch": self.training.best,
            "history": [asdict(epoch) for epoch in self.training.history],
            "seconds": self.training.seconds,
            "spearman": {name: asdict(row) for name, row in self.comparisons.items()},
            "drift": asdict(self.drift) | {"gap": self.drift.gap},
        }

    def __str__(self) -> str:
        """Show a table and where everything lies."""
        head = f"{'Spearman correlation':<26}{'pairs':>6}{'before':>9}{'after':>9}"
        rows = [
            _ROW.format(name, row.pairs, row.before.mean, row.after.mean, *_plain(row))
            for name, row in self.comparisons.items()
        ]
        forgotten = "probes: was it forgotten?", self.probes, *self.drift.spearman
        search = f'python -m helpers search "TEXT" --model {self.folder}'
        return "\n".join(
            [
                f"{head}  change",
                *rows,
                _ROW.format(*forgotten, *_plain(self.drift)),
                f"probes lie {self.drift.moved:.3f} (1 - cosine) from where they were",
                f"model, report.json and report.png: {self.folder}",
                f"search with it: {search}",
            ]
        )

    def picture(self) -> bytes:
        """Draw the training and what it changed, as PNG."""
        use_style()
        figure = Figure(figsize=(11.5, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        self._draw_history(left)
        self._draw_changes(right)
        file = BytesIO()
        figure.savefig(file, format="png", dpi=110)
        return file.getvalue()

    def write(self) -> None:
        """Write report.json and report.png beside the model."""
        data = json.dumps(self.to_json(), ensure_ascii=False, indent=2).encode()
        storage.write_atomically(os.path.join(self.folder, "report.json"), data)
        picture = os.path.join(self.folder, "report.png")
        storage.write_atomically(picture, self.picture())

    def _draw_history(self, ax: Axes) -> None:
        _, *epochs = self.training.history
        dev = [epoch.dev for epoch in self.training.history]
        plot_training(
            [epoch.loss for epoch in epochs],
            {"dev": dev} if None not in dev else {},
            best=self.training.best,
            title=f"training of {self.base}",
            ax=ax,
        )

    def _draw_changes(self, ax: Axes) -> None:
        changes = {
            f"{name}\n({row.pairs} pairs)": (
                row.before.mean,
                row.after.mean,
                row.change,
            )
            for name, row in self.comparisons.items()
        }
        changes["everyday probes"] = (*self.drift.spearman, self.drift.change)
        label = "Spearman correlation of cosine and label"
        plot_change(changes, xlabel=label, title="what it changed", ax=ax)


def report_on(
    training: Training,
    base: SentenceTransformer,
    pairs: Mapping[str, Sequence[Pair]],
    probes: Sequence[Pair],
    folder: str,
) -> TrainingReport:
    """Compare a trained model with its base on the test pairs and on probes.

    pairs: split -> pairs. The test is looked at whole, and again without the terms that
    the training pairs are about; each needs two different labels, or is left out.
    """
    test = list(pairs.get("test", []))
    known = {pair.about for pair in pairs["train"]}
    new = [row for row, pair in enumerate(test) if pair.about not in known]
    asked = {"held out": range(len(test)), "held out, new terms": new}
    old, now = (
        comparison.pair_cosines(model, test) for model in (base, training.model)
    )
    comparisons = {
        name: comparison.compare([test[row] for row in rows], old[rows], now[rows])
        for name, rows in asked.items()
        if len({test[row].score for row in rows}) > 1
    }
    sizes = {split: len(mine) for split, mine in pairs.items()}
    drift = comparison.drift_report(base, training.model, probes)
    shown = models.model_name(base)
    return TrainingReport(
        folder, shown, sizes, training, comparisons, drift, len(probes)
    )


def _plain(row: Comparison | Drift) -> tuple[float, float, float]:
    return row.change.mean, row.change.low, row.change.high
