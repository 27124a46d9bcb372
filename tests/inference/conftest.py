import pytest
from planted import STUDY

from simframe.study import Study, parse_study


@pytest.fixture(scope="session")
def study() -> Study:
    return parse_study(STUDY, "test")
