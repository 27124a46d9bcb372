import polars as pl
import pytest
from planted import STUDY

from simframe.study import Study, parse_study


@pytest.fixture(scope="session")
def study() -> Study:
    return parse_study(STUDY, "test")


@pytest.fixture(scope="module")
def anes() -> pl.DataFrame:
    from statsmodels.datasets import anes96

    near = (pl.col("selfLR") - pl.col("DoleLR")).abs() - (pl.col("selfLR") - pl.col("ClinLR")).abs()
    frame = pl.from_pandas(anes96.load_pandas().data).with_columns(prox=near)
    return frame.with_columns(pl.col("vote").cast(pl.Int64).cast(pl.String), pl.col("popul").cast(pl.Float64))


@pytest.fixture(scope="module")
def anes_frame(anes: pl.DataFrame) -> pl.DataFrame:
    return anes.with_columns(pl.col("vote").cast(pl.Float64))
