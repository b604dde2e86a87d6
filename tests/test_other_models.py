"""The claims that must hold on every model hold on another architecture."""

import pytest
from support import nbval, save_random_model


@pytest.mark.slow
def test_the_notebooks_run_with_the_architecture_of_mpnet(copied):
    """Two layers of random weights: ranks mean nothing; the tagged claims hold."""
    folder = copied / "models" / "all-mpnet-base-v2"
    save_random_model(folder, "mpnet", hidden=768, reads=384, layers=2)
    failed, report = nbval(copied, "--nbval-lax", COURSE_MODEL=str(folder))
    assert not failed, report.stdout
    assert report.returncode == 0
