"""Fine-tuning trains what it should, as the library does, and tells the rest."""

import copy
import gc
import json
import os
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset
from scipy import stats
from sentence_transformers import (
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
    util,
)
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.evaluation import (
    EmbeddingSimilarityEvaluator,
)
from support import lesson, trained

from helpers import CourseError, corpus, models
from helpers.corpus import Pair
from helpers.finetuning import (
    RECIPES,
    blend,
    fine_tune,
    hard_triplets,
    pair_cosines,
    positives,
    windows,
)
from helpers.finetuning.folder import RECORD

PAIRS, DEV, TEXTS = (lesson()[name] for name in ("pairs", "dev", "corpus"))
weights = models.fingerprint


@pytest.fixture(scope="module", autouse=True)
def quick_collections():
    """The trainer collects garbage at each end: not among all that is imported."""
    gc.freeze()
    yield
    gc.unfreeze()


BAD = {
    "label": ({"pairs": [*PAIRS, Pair("a", "b", 4.5)]}, r"pairs\[40\].*4.5.*by 5"),
    "one label": ({"pairs": [Pair("a", "b", 1.0)] * 3}, "3 pairs, all labelled 1.0"),
    "nothing": ({"pairs": []}, "pairs: 0 pairs, none"),
    "constant dev": ({"dev": [Pair("a", "b", 0.3)] * 2}, "dev: 2 pairs, all labelled"),
    "empty dev": ({"dev": []}, "dev: 0 pairs, none"),
    "leak": ({"dev": [*DEV, PAIRS[3]]}, "is in the training pairs and in dev"),
    "epochs": ({"epochs": 0}, "epochs is 0; it must be a whole number"),
    "half an epoch": ({"epochs": 0.5}, "epochs is 0.5"),
    "batch": ({"batch_size": True}, "batch_size is True"),
    "rate": ({"learning_rate": 0}, "learning_rate is 0; it must lie between"),
    "no share": ({"share": 0}, "share is 0; it must lie above 0"),
    "a text": ({"learning_rate": "2e-5"}, "learning_rate is '2e-5'"),
    "recipe": (
        {"recipe": "mse"},
        "recipe is 'mse'; choose one of search, mixed, cosine",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_teach_is_refused(tiny, case):
    changes, message = BAD[case]
    with pytest.raises(CourseError, match=message):
        fine_tune(tiny, **lesson(**changes))


@pytest.mark.parametrize("recipe", ["ranking", "mixed"])
def test_a_ranking_loss_needs_positives(tiny, recipe):
    low = [pair for pair in PAIRS if pair.score < 0.7]
    with pytest.raises(CourseError, match=r"no pair is labelled 0\.7 or more"):
        fine_tune(tiny, low, recipe=recipe)


@pytest.mark.parametrize("recipe", ["cosine", "cosent"])
def test_other_losses_need_no_positives(tiny, recipe):
    low = [pair for pair in PAIRS if pair.score < 0.7]
    assert fine_tune(tiny, low, recipe=recipe, epochs=1).best == 1


def about(term, firsts, seconds, score=0.7):
    return [Pair(f"{term} {a}", f"plain {term} {a}{b}", score, term)
            for a in range(firsts) for b in range(seconds)]  # fmt: skip


def test_positives_of_a_term_are_combined_and_never_cross_to_another():
    pairs = about("gas", 3, 2) + about("peel", 1, 2) + about("rug", 2, 2, score=0.3)
    found = positives(pairs, per_term=5)
    assert len(found) == len(set(found)) == 5 + 2
    for anchor, positive in found:
        assert positive.split()[1] == anchor.split()[0] != "rug"
    scenes = {(a.split()[1], p.split()[2][0]) for a, p in found if "gas" in a}
    assert any(first != second for first, second in scenes)
    assert positives(pairs, per_term=5) == found
    assert positives(pairs, per_term=5, seed=1) != found


def test_positives_without_a_term_stay_as_they_are():
    high = [(p.sentence1, p.sentence2) for p in PAIRS if p.score >= 0.7]
    assert sorted(positives(PAIRS)) == sorted(high)


def test_a_low_pair_is_set_against_what_belongs_to_its_anchor():
    own = Pair("gas is dear", "the fee is high", 1.0, "gas")
    others = about("gas", 1, 1)
    low = Pair("gas is dear", "she filled the tank", 0.0, "gas")
    new = Pair("gas fell", "the pump was shut", 0.3, "gas")
    asked = Pair("he paid in cash", "the fee is high", 0.0, "gas")
    alone = Pair("a rug on the floor", "the rug is red", 0.0, "rug")
    found = hard_triplets([own, *others, low, new, asked, alone])
    assert ("the fee is high", "gas is dear", "he paid in cash") in found
    assert ("gas is dear", "the fee is high", "she filled the tank") in found
    [(_, positive, _)] = [row for row in found if row[0] == "gas fell"]
    assert positive in ("the fee is high", others[0].sentence2)
    assert len(found) == 3  # there is nothing beside the rug


def test_the_courses_pairs_make_as_many_triplets_as_notebook_5_says():
    pairs = corpus.load_pairs()
    assert len(hard_triplets(pairs)) == sum(pair.score < 0.7 for pair in pairs)


def test_windows_are_one_to_five_words_in_a_row_of_each_text():
    texts = [document.content for document in corpus.load_corpus()]
    found = windows(texts)
    assert sorted(text for _, text in found) == sorted(texts)
    assert {len(piece.split()) for piece, _ in found} == {1, 2, 3, 4, 5}
    assert all(f" {piece} " in f" {' '.join(text.split())} " for piece, text in found)
    assert windows(texts, seed=1) != windows(texts) == found
    assert [text for _, text in windows([" ", "two words"])] == ["two words"]


def test_the_weights_lie_at_a_share_of_the_way(tiny):
    half = fine_tune(tiny, **lesson(share=0.5)).model
    assert weights(half) == weights(blend(tiny, trained(tiny).model, 0.5))


def test_without_a_corpus_its_part_is_left_out(tiny):
    few = fine_tune(tiny, **lesson(recipe="search", corpus=[], epochs=1))
    more = fine_tune(tiny, **lesson(recipe="search", epochs=1))
    assert weights(few.model) != weights(more.model)


def test_a_folder_with_other_files_is_not_touched(tiny, tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    for folder in (tmp_path, tmp_path / "diary.txt"):
        with pytest.raises(CourseError, match="holds other files"):
            fine_tune(tiny, PAIRS, folder=folder)
    assert os.listdir(tmp_path) == ["diary.txt"]
    assert (tmp_path / "diary.txt").read_text() == "dear diary"


def test_numbers_that_are_none_any_more_are_told(tiny):
    broken = copy.deepcopy(tiny)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    with pytest.raises(CourseError, match="no number any more with learning_rate"):
        fine_tune(broken, PAIRS, epochs=1)


@pytest.mark.parametrize("into_a_folder", [False, True])
@pytest.mark.parametrize(
    ("error", "told", "message"),
    [
        (torch.OutOfMemoryError, CourseError, "out of memory with batches of 8 pairs"),
        (RuntimeError, RuntimeError, "^of the library's own$"),
    ],
)
def test_an_error_of_the_training_is_not_taken_for_one_of_the_disk(
    tiny, tmp_path, monkeypatch, error, told, message, into_a_folder
):
    def fail(*arguments, **options):
        raise error("of the library's own")

    monkeypatch.setattr(SentenceTransformerTrainer, "train", fail)
    folder = tmp_path / "ours" if into_a_folder else None
    with pytest.raises(told, match=message):
        fine_tune(tiny, **lesson(), folder=folder)


@pytest.mark.parametrize(
    ("asked", "disabled", "shown"),
    [(False, "0", False), (True, "1", True), (None, "1", False), (None, "0", True)],
)
def test_a_bar_for_people_and_nothing_for_tests(
    tiny, capfd, monkeypatch, asked, disabled, shown
):
    monkeypatch.setenv("TQDM_DISABLE", disabled)
    fine_tune(tiny, PAIRS[:8], DEV, epochs=1, show_progress_bar=asked)
    out, err = capfd.readouterr()
    assert out == ""
    assert bool(err) == shown


def test_the_base_stays_and_the_copy_learns(tiny):
    before, made = weights(tiny), fine_tune(tiny, **lesson(recipe="cosine"))
    labels = [pair.score for pair in PAIRS]
    error = [
        np.mean((pair_cosines(model, PAIRS) - labels) ** 2)
        for model in (tiny, made.model)
    ]
    assert error[1] < error[0]
    assert weights(made.model) != before == weights(tiny)
    assert not made.model.training


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_history_has_a_line_an_epoch_and_the_best_is_kept(tiny, recipe):
    whole = trained(tiny, recipe)
    assert [epoch.number for epoch in whole.history] == [0, 1, 2, 3]
    assert [epoch.loss is None for epoch in whole.history] == [True] + [False] * 3
    dev, labels = [e.dev for e in whole.history], [pair.score for pair in DEV]
    assert whole.best == 1 + int(np.argmax(dev[1:]))
    for model, number in ((tiny, 0), (whole.model, whole.best)):
        found = stats.spearmanr(pair_cosines(model, DEV), labels).statistic
        assert found == pytest.approx(dev[number], abs=1e-6)


def test_the_best_is_not_always_the_last(tiny):
    assert len({trained(tiny, recipe).best for recipe in RECIPES}) > 1


def test_the_same_call_gives_the_same_weights(tiny):
    again, other = (fine_tune(tiny, **lesson(), seed=seed) for seed in (42, 7))
    assert weights(again.model) == weights(trained(tiny).model)
    assert weights(other.model) != weights(trained(tiny).model)


def by_hand(base, recipe, place, *, dev, pairs=PAIRS):
    """Train with the library's own trainer; return the model."""
    model = copy.deepcopy(base)
    graded = Dataset.from_list([vars(pair) for pair in pairs])
    graded = graded.select_columns(["sentence1", "sentence2", "score"])
    anchors, others = zip(*positives(pairs), strict=True)
    ranked = Dataset.from_dict({"anchor": anchors, "positive": others})
    ranking = losses.MultipleNegativesRankingLoss(model)
    cosine = losses.CosineSimilarityLoss(model)
    names = ("anchor", "positive", "negative")
    rows = [dict(zip(names, row, strict=True)) for row in hard_triplets(pairs)]
    hard = Dataset.from_list(rows or [{}])
    pieces = [dict(zip(names, row, strict=False)) for row in windows(TEXTS)]
    parts = {"terms": ranked, "hard": hard, "corpus": Dataset.from_list(pieces)}
    dataset, objective = {
        "search": (
            parts | {"pairs": graded},
            dict.fromkeys(parts, ranking) | {"pairs": cosine},
        ),
        "cosine": (graded, cosine),
        "cosent": (graded, losses.CoSENTLoss(model)),
        "ranking": (ranked, ranking),
        "mixed": (
            {"cosine": graded, "ranking": ranked},
            {"cosine": cosine, "ranking": ranking},
        ),
    }[recipe]
    best = {
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_dev_spearman_cosine",
    }
    sides = [[getattr(p, name) for p in DEV] for name in graded.column_names]
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(place),
            num_train_epochs=3,
            per_device_train_batch_size=8,
            learning_rate=1e-3,
            warmup_steps=0.1,
            seed=42,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            use_cpu=True,
            **(best if dev else {"save_strategy": "no"}),
        ),
        train_dataset=dataset,
        loss=objective,
        evaluator=EmbeddingSimilarityEvaluator(*sides, name="dev") if dev else None,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.remove_callback(trainer.model_card_callback_class)
    trainer.train()
    return model


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_is_the_trainer_of_sentence_transformers(tiny, tmp_path, recipe):
    """The same weights as the library's own trainer, called by hand."""
    terms = [replace(pair, about=f"term {n % 4}") for n, pair in enumerate(PAIRS)]
    assert hard_triplets(terms)
    pairs = terms if recipe == "search" else PAIRS
    theirs = by_hand(tiny, recipe, tmp_path, dev=True, pairs=pairs)
    ours = fine_tune(tiny, **lesson(recipe=recipe, pairs=pairs))
    assert weights(theirs) == weights(ours.model)


def test_without_dev_the_last_epoch_is_kept(tiny, tmp_path):
    ours = fine_tune(tiny, **lesson(dev=None, recipe="cosent"))
    assert ours.best == 3
    assert [epoch.dev for epoch in ours.history] == [None] * 4
    theirs = by_hand(tiny, "cosent", tmp_path, dev=False)
    assert weights(ours.model) == weights(theirs)


def test_a_ranking_loss_brings_positives_before_their_rivals(tiny):
    def right(model):
        left = model.encode([pair.sentence1 for pair in good])
        cosines = util.cos_sim(left, model.encode([pair.sentence2 for pair in good]))
        return (cosines.argmax(dim=1) == torch.arange(len(good))).float().mean().item()

    good = [pair for pair in PAIRS if pair.score >= 0.7]
    options = {"recipe": "ranking", "epochs": 20, "learning_rate": 3e-3}
    assert right(fine_tune(tiny, PAIRS, **options).model) > right(tiny)


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    """Return a folder with a finished training, and that training; copy to change."""
    folder = tmp_path_factory.mktemp("saved") / "ours"
    folder.mkdir()  # an empty folder is a fine place
    return folder, fine_tune(tiny, **lesson(), folder=folder)


@pytest.fixture
def copied_folder(saved, tmp_path):
    """Return a finished training's folder that may be changed."""
    return shutil.copytree(saved[0], tmp_path / "ours")


def test_the_folder_gets_a_model_that_loads_with_the_same_vectors(tiny, saved):
    folder, made = saved
    assert weights(made.model) == weights(trained(tiny).model)
    assert os.listdir(folder.parent) == ["ours"]
    loaded = models.load_model(folder, device="cpu")
    texts = [pair.sentence1 for pair in DEV]
    assert np.array_equal(loaded.encode(texts), made.model.encode(texts))
    assert models.model_name(made.model) == models.model_name(loaded) == "ours"


def test_the_record_says_how_the_model_was_made(tiny, saved):
    folder, made = saved
    record = json.loads((folder / RECORD).read_text())
    plan, options = record["plan"], lesson(recipe="mixed", seed=42)
    assert plan["base"] == "tiny"
    assert plan["base_fingerprint"] == weights(tiny)
    for name in ("recipe", "share", "epochs", "learning_rate", "batch_size", "seed"):
        assert plan[name] == options[name]
    assert record["fingerprint"] == weights(made.model)
    assert [line["number"] for line in record["history"]] == [0, 1, 2, 3]
    assert sys.maxsize > record["seconds"] > 0


def test_the_same_call_again_loads_what_is_finished(tiny, saved):
    folder, made = saved
    times = [file.stat().st_mtime_ns for file in sorted(folder.rglob("*"))]
    again = fine_tune(tiny, **lesson(), folder=folder)
    assert (again.history, again.best, again.seconds) == (
        made.history,
        made.best,
        made.seconds,
    )
    assert weights(again.model) == weights(made.model)
    assert [file.stat().st_mtime_ns for file in sorted(folder.rglob("*"))] == times


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epochs": 1, "seed": 1}, "epochs, seed"),
        ({"dev": None, "recipe": "cosent"}, "dev, recipe"),
        ({"pairs": PAIRS[::-1]}, "pairs"),
        ({"corpus": TEXTS[1:], "share": 0.8}, "corpus, share"),
        ({"learning_rate": 1e-4, "batch_size": 4}, "learning_rate, batch_size"),
    ],
)
def test_what_another_call_has_finished_is_not_touched(tiny, saved, changes, named):
    with pytest.raises(
        CourseError,
        match=f"ours: is there already and holds a model trained with other {named}; ",
    ):
        fine_tune(tiny, **lesson(**changes), folder=saved[0])


def test_another_base_is_another_call(tiny, saved):
    other = copy.deepcopy(tiny)
    with torch.no_grad():
        next(other.parameters()).mul_(2)
    with pytest.raises(CourseError, match="model trained with other base; "):
        fine_tune(other, **lesson(), folder=saved[0])


def test_a_finished_model_that_was_changed_is_told(tiny, tiny_folder, copied_folder):
    shutil.copy(tiny_folder / "model.safetensors", copied_folder)
    with pytest.raises(CourseError, match="ours: its weights are not those that the"):
        fine_tune(tiny, **lesson(), folder=copied_folder)


@pytest.mark.parametrize("file", ["config.json", RECORD])
def test_a_finished_model_that_is_broken_is_told(tiny, copied_folder, file):
    (copied_folder / file).write_text("{")
    with pytest.raises(CourseError, match="ours: "):
        fine_tune(tiny, **lesson(), folder=copied_folder)
    assert (copied_folder / file).read_text() == "{"
