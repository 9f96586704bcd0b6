"""config.yaml is complete, and a mistake in it is named."""

from pathlib import Path
from types import SimpleNamespace

import pytest


def test_the_shipped_configuration_is_complete(code: SimpleNamespace, folder: Path) -> None:
    """It has every key, if need be from a shared fragment; an override reaches the model."""
    config = code.reading.read_config(folder / "config.yaml", ["training.epochs=3"])
    assert config.training.epochs == 3
    assert code.reading.flat_values(config)["training.epochs"] == 3


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("training.epochs=many", "training.epochs"),
        ("training.epochs=2.5", "training.epochs"),
        ("training.epochs=0", "training.epochs"),
        ("training.epochs=.nan", "training.epochs"),
        ("training={}", "training.epochs"),
        ("seed=yes", "seed"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    code: SimpleNamespace, folder: Path, override: str, field: str
) -> None:
    """The message begins with the file and the dotted name of the field."""
    with pytest.raises(code.reading.ConfigurationError) as caught:
        code.reading.read_config(folder / "config.yaml", [override])
    assert str(caught.value).startswith(f"config.yaml: {field}: ")


def test_an_unknown_key_is_refused_by_name(
    code: SimpleNamespace, folder: Path, tmp_path: Path
) -> None:
    """A typing error must not become a key that nothing reads."""
    path = tmp_path / "config.yaml"
    path.write_text("seed: 1\nmodel: {depth: 2}\ntraining: {epoch: 2}\nsede: 2\n")
    with pytest.raises(code.reading.ConfigurationError) as caught:
        code.reading.read_config(path)
    lines = str(caught.value).splitlines()
    assert "config.yaml: model.depth: unknown key" in lines
    assert "config.yaml: sede: unknown key" in lines
    assert "config.yaml: training.epoch: unknown key" in lines
    assert "config.yaml: training.epochs: is missing" in lines
    assert "config.yaml: data: is missing" in lines
