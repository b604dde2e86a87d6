"""What each recipe of `fine_tune` gains and costs: data/measurements/recipes.jsonl.

    python tests/benchmarks/recipes.py

Three seeds a recipe; the default with each part left out, two seeds; two more learning
rates, one seed; blends of all with the base: under an hour on two cores. Notebook 8
shows the figures. A line that is there stays: delete the file to start afresh.
"""

import itertools
import json
import sys

from sentence_transformers import SentenceTransformer

from helpers import corpus, metrics, models, retrieval
from helpers.finetuning import blend, fine_tune, pair_cosines
from helpers.finetuning.data import RECIPES

FILE = corpus.DATA / "measurements" / "recipes.jsonl"
SHARES = (0.4, 0.6, 0.8, 1.0)
KEYS = ("recipe", "seed", "learning_rate", "share")
LEFT_OUT = {f"search, no {part}": part for part in RECIPES["search"]}
RECIPES |= {
    name: tuple(part for part in RECIPES["search"] if part != left)
    for name, left in LEFT_OUT.items()
}
SEEDS, RATE = (1, 2, 3), 1e-4
#: Recipe, seed, learning rate of every training.
TRAININGS = [
    *itertools.product(("search", "cosine", "ranking", "mixed"), SEEDS, [RATE]),
    *itertools.product(LEFT_OUT, SEEDS[:1], [RATE]),
    *itertools.product(["search"], SEEDS[:1], (3e-5, 3e-4)),
    *itertools.product(LEFT_OUT, SEEDS[1:2], [RATE]),
]
PAIRS = {
    "dev_pairs": corpus.load_pairs(split="dev"),
    "test_pairs": corpus.load_pairs(split="test"),
    "probes": corpus.load_pairs(split="probe"),
}
QUERIES = corpus.load_queries()


def ndcg(run, split):
    """Mean nDCG@10 over the queries of a split, by kind."""
    qrels, by_kind = corpus.load_qrels(split=split), {}
    for query in (query for query in QUERIES if query.id in qrels):
        by_kind.setdefault(query.kind, []).append(query.id)
    found = metrics.evaluate({number: run[number] for number in qrels}, qrels)
    return {k: round(found.means(ids)["ndcg@10"], 4) for k, ids in by_kind.items()}


def measure(model, documents):
    """Correlations on dev, test and probes; nDCG of both halves of the queries."""
    figures = {}
    for name, pairs in PAIRS.items():
        labels = [pair.score for pair in pairs]
        figures[name] = round(metrics.spearman(labels, pair_cosines(model, pairs)), 4)
    run = retrieval.make_run(retrieval.DenseIndex.build(documents, model), QUERIES)
    return figures | {split: ndcg(run, split) for split in ("dev", "test")}


def write(key, figures):
    with FILE.open("a", encoding="utf-8") as file:
        line = dict(zip(KEYS, key, strict=True)) | figures
        file.write(json.dumps(line) + "\n")
    print(*key, file=sys.stderr)


def main() -> None:
    """Measure what is missing in the file."""
    FILE.parent.mkdir(exist_ok=True)
    old = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []
    done = {tuple(map(json.loads(line).get, KEYS)) for line in old}
    base = SentenceTransformer(models.local("all-MiniLM-L6-v2"))
    documents = corpus.load_corpus()
    texts = [document.content for document in documents]
    if (nothing := ("base", 0, 0.0, 0.0)) not in done:
        write(nothing, measure(base, documents))
    for training in TRAININGS:
        left = [share for share in SHARES if (*training, share) not in done]
        if not left:
            continue
        recipe, seed, rate = training
        options = {"recipe": recipe, "seed": seed, "learning_rate": rate, "share": 1}
        tuned = fine_tune(base, corpus.load_pairs(), corpus=texts, **options).model
        for share in left:
            write((*training, share), measure(blend(base, tuned, share), documents))


if __name__ == "__main__":
    main()
