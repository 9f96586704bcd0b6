"""config.yaml is complete, and a mistake in it is named."""

from pathlib import Path
from types import SimpleNamespace

import pytest


def test_the_shipped_configuration_is_complete(code: SimpleNamespace, folder: Path) -> None:
    """With the shared fragment it has every key; an override reaches the model."""
    config = code.configuration.read_config(
        folder / "config.yaml", ["training.epochs=3", "training.learning_rate=1e-3"]
    )
    assert config.training.epochs == 3
    assert config.training.learning_rate == 0.001
    assert code.configuration.flat_values(config)["training.epochs"] == 3


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("training.epochs=many", "training.epochs"),
        ("training.epochs=2.5", "training.epochs"),
        ("training.epochs=0", "training.epochs"),
        ("training.learning_rate=.nan", "training.learning_rate"),
        ("model.hidden=[8, wide]", "model.hidden.1"),
        ("model.hidden=[]", "model.hidden"),
        ("data={examples: 100}", "data.turns"),
        ("seed=yes", "seed"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    code: SimpleNamespace, folder: Path, override: str, field: str
) -> None:
    """The message begins with the file and the dotted name of the field."""
    with pytest.raises(code.configuration.ConfigurationError) as caught:
        code.configuration.read_config(folder / "config.yaml", [override])
    assert str(caught.value).startswith(f"config.yaml: {field}: ")


def test_an_unknown_key_is_refused_by_name(
    code: SimpleNamespace, folder: Path, tmp_path: Path
) -> None:
    """A typing error must not become a key that nothing reads."""
    path = tmp_path / "config.yaml"
    path.write_text("seed: 1\ndata: {}\nmodel: {hidden: [4], depth: 2}\ntraining: {}\nsede: 2\n")
    with pytest.raises(code.configuration.ConfigurationError) as caught:
        code.configuration.read_config(path)
    lines = str(caught.value).splitlines()
    assert "config.yaml: model.depth: unknown key" in lines
    assert "config.yaml: sede: unknown key" in lines
    assert "config.yaml: training.epochs: is missing" in lines
