"""The commands' JSON stays as it is: golden/ holds what they printed before they moved.

Everything but the fractions is compared byte for byte; processors differ in the last
digits of a cosine.
"""

import re
from pathlib import Path

import pytest

CALLS = {
    "search_dense": ["search", "a swollen pump in the arms"],
    "search_bm25": ["search", "EIP-4844", "--method", "bm25", "--top-k", 3],
    "search_fused": [
        "search", "how deep must I squat?", "--method", "fused", "--top-k", 20
    ],
    "search_nothing": ["search", "zebra", "--method", "bm25"],
    "evaluate": ["evaluate", "--split", "all"],
    "similarity": ["similarity", "data/pairs/test.jsonl"],
}  # fmt: skip
FRACTION = r"-?\d+\.\d+(?:e-?\d+)?"


@pytest.mark.parametrize("name", CALLS)
def test_the_json_of_a_call_is_as_it_was(command, name):
    golden = (Path(__file__).parent / "golden" / f"{name}.json").read_text("utf-8")
    status, out, _ = command(*CALLS[name], "--json")
    assert status == 0
    assert re.sub(FRACTION, "#", out) == re.sub(FRACTION, "#", golden)
    found, expected = (
        [float(number) for number in re.findall(FRACTION, text)]
        for text in (out, golden)
    )
    assert found == pytest.approx(expected, abs=1e-4)
