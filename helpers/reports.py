"""What the commands found, as dataclasses: JSON, text, and for a training a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
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

    from helpers.finetuning.trainer import Epoch, Training

Means = dict[str, float]  # metric -> mean

_FIGURES = "{:<26}{:<8}{:>9.3f}{:>9.3f}{:>11.3f}"
_HEAD = "{:<26}{:>6}{:>9}{:>9}  change"
_ROW = "{:<26}{:>6}{:>9.3f}{:>9.3f}  {:+.3f} [{:+.3f}, {:+.3f}]"


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
        lines = [f"{'':<26}{'':<8}{'nDCG@10':>9}{'MRR@10':>9}{'recall@10':>11}"]
        parts = {f"all {self.queries} queries": self.means, **self.by_kind}
        for title, means in parts.items():
            title = " ".join(title.split())  # a kind is one line, whatever it holds
            for method, figures in means.items():
                lines.append(_FIGURES.format(title, method, *figures.values()))
                title = ""
        return "\n".join(lines)


def evaluate(
    indexes: Mapping[str, retrieval.Index], queries: Sequence[Query], qrels: Qrels
) -> EvaluationReport:
    """Search for every judged query with every index, and judge what was found."""
    judged = [query for query in queries if query.id in qrels]
    runs = retrieval.make_runs(indexes, judged)
    found = {method: metrics.evaluate(run, qrels) for method, run in runs.items()}
    means = {method: each.means() for method, each in found.items()}
    by_kind = {}
    for kind in dict.fromkeys(query.kind for query in judged if query.kind):
        ids = [query.id for query in judged if query.kind == kind]
        by_kind[kind] = {method: each.means(ids) for method, each in found.items()}
    return EvaluationReport(means, by_kind, len(judged))


def correlate(
    labels: Sequence[float], cosines: np.ndarray, source: str
) -> dict[str, float]:
    """Correlate labels and cosines, (n,) each, that come from the file `source`.

    Returns spearman and pearson, from -1 to 1, and the number of pairs. Raises
    CourseError when all cosines are the same.
    """
    if cosines.max() - cosines.min() < 1e-6:
        raise CourseError(
            f"{source}: all cosines are {cosines[0]:.2f}, so nothing can "
            "correlate; are the two sentences the same in every line?"
        )
    spearman = metrics.spearman(labels, cosines)
    pearson = float(stats.pearsonr(cosines, labels).statistic)
    return {"spearman": spearman, "pearson": pearson, "pairs": len(labels)}


@dataclass(frozen=True)
class TrainingReport:
    """What a training made of `base`; `spearman` is on pairs it never saw."""

    model: str
    base: str
    pairs: dict[str, int]
    best_epoch: int
    history: list[Epoch]
    seconds: float
    spearman: dict[str, Comparison]
    drift: Drift
    probes: int

    def to_json(self) -> dict:
        """Return what is printed as JSON and stands in report.json."""
        report = asdict(self)
        report["drift"]["gap"] = self.drift.gap
        del report["probes"]
        return report

    def __str__(self) -> str:
        lines = [_HEAD.format("Spearman correlation", "pairs", "before", "after")]
        for name, row in self.spearman.items():
            figures = row.before.mean, row.after.mean, *asdict(row.change).values()
            lines.append(_ROW.format(name, row.pairs, *figures))
        figures = *self.drift.spearman, *asdict(self.drift.change).values()
        lines += [
            _ROW.format("probes: was it forgotten?", self.probes, *figures),
            f"probes lie {self.drift.moved:.3f} (1 - cosine) from where they were",
            f"model, report.json and report.png: {self.model}",
            f'search with it: python -m helpers search "TEXT" --model {self.model}',
        ]
        return "\n".join(lines)

    def write(self) -> None:
        """Write report.json and report.png beside the model."""
        data = json.dumps(self.to_json(), ensure_ascii=False, indent=2).encode()
        storage.write_atomically(Path(self.model, "report.json"), data)
        storage.write_atomically(Path(self.model, "report.png"), self._picture())

    def _picture(self):
        """Draw the training and what it changed, as PNG."""
        use_style()
        figure = Figure(figsize=(11.5, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        self._draw_history(left)
        self._draw_changes(right)
        file = BytesIO()
        figure.savefig(file, format="png", dpi=110)
        return file.getvalue()

    def _draw_history(self, ax):
        losses = [epoch.loss for epoch in self.history if epoch.loss is not None]
        dev = [epoch.dev for epoch in self.history if epoch.dev is not None]
        look = {"title": f"training of {self.base}", "ax": ax}
        plot_training(losses, {"dev": dev} if dev else {}, best=self.best_epoch, **look)

    def _draw_changes(self, ax):
        changes = {}
        for name, row in self.spearman.items():
            figures = row.before.mean, row.after.mean, row.change
            changes[f"{name}\n({row.pairs} pairs)"] = figures
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
    old, now = (comparison.pair_cosines(each, test) for each in (base, training.model))
    return TrainingReport(
        model=folder,
        base=models.model_name(base),
        pairs={split: len(mine) for split, mine in pairs.items()},
        best_epoch=training.best,
        history=training.history,
        seconds=training.seconds,
        spearman={
            name: comparison.compare([test[row] for row in rows], old[rows], now[rows])
            for name, rows in asked.items()
            if len({test[row].score for row in rows}) > 1
        },
        drift=comparison.drift_report(base, training.model, probes),
        probes=len(probes),
    )
