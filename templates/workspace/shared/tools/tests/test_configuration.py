"""Reading, extending and overriding a configuration."""

from pathlib import Path

import pytest
from shared_tools.configuration import ConfigurationError, load_config, workspace_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with two fragments that extend each other's neighbour."""
    (tmp_path / "mlws.toml").touch()
    configs = tmp_path / "shared" / "configs"
    configs.mkdir(parents=True)
    (configs / "base.yaml").write_text("seed: 1\ntraining: {epochs: 5, rate: 1e-3}\nlayers: [1]\n")
    (configs / "long.yaml").write_text("extends: base.yaml\ntraining: {epochs: 50}\n")
    (configs / "loop.yaml").write_text("extends: pool.yaml\n")
    (configs / "pool.yaml").write_text("extends: loop.yaml\n")
    return tmp_path


def write(root: Path, text: str) -> Path:
    """Write the text as the configuration of an experiment three levels down."""
    folder = root / "experiments" / "active" / "ann" / "first"
    folder.mkdir(parents=True)
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_wins_over_its_fragments_key_by_key(root: Path) -> None:
    """Sections merge, lists are replaced, and a number such as 1e-3 is a number."""
    path = write(root, "extends: long.yaml\nlayers: [3]\ntraining: {size: 8}\n")
    assert load_config(path) == {
        "seed": 1,
        "training": {"epochs": 50, "rate": 0.001, "size": 8},
        "layers": [3],
    }


def test_a_list_of_fragments_applies_in_its_order(root: Path) -> None:
    """The later fragment wins."""
    path = write(root, "extends: [long.yaml, base.yaml]\n")
    assert load_config(path)["training"]["epochs"] == 5


def test_a_file_without_extends_needs_no_workspace(tmp_path: Path) -> None:
    """Only fragments need the root."""
    path = tmp_path / "config.yaml"
    path.write_text("a: 1\n")
    assert load_config(path, ["a=[1, x]"]) == {"a": [1, "x"]}


def test_overrides_have_yaml_types(root: Path) -> None:
    """The value is read as YAML, and what stands beside it stays."""
    path = write(root, "extends: base.yaml\n")
    values = load_config(path, ["training.epochs=7", "training.rate=2e-2", "seed=null"])
    assert values == {"seed": None, "training": {"epochs": 7, "rate": 0.02}, "layers": [1]}


def test_an_override_does_not_reach_an_alias(root: Path) -> None:
    """Two sections that share an anchor are overridden one by one."""
    path = write(root, "a: &same {k: 1}\nb: *same\n")
    assert load_config(path, ["a.k=2"]) == {"a": {"k": 2}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "no key epoch; did you mean epochs"),
        ("trainer.epochs=3", "no key trainer; did you mean training"),
        ("seed.x=3", "no key x: what comes before it is a value"),
        ("training=3", "training is a section; its keys are epochs, rate"),
        ("seed", "write it as key.key=value"),
        ("=3", "write it as key.key=value"),
        ("seed=[1", "override 'seed=\\[1'"),
    ],
)
def test_a_wrong_override_is_refused(root: Path, override: str, message: str) -> None:
    """The message repeats the override and says what would be right."""
    path = write(root, "extends: base.yaml\n")
    with pytest.raises(ConfigurationError, match=message):
        load_config(path, [override])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: loop.yaml\n", "circle: config.yaml -> loop.yaml -> pool.yaml -> loop.yaml"),
        ("extends: ../../mlws.toml\n", "outside shared/configs"),
        ("extends: /etc/hosts\n", "outside shared/configs"),
        ("extends: bose.yaml\n", "no bose.yaml in shared/configs; it has .*base.yaml"),
        ("extends: {a: 1}\n", "write a path below shared/configs"),
        ("- a\n", "not a list"),
        ("a: [1\n", "line 2, column 1"),
        ("a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_refused(root: Path, text: str, message: str) -> None:
    """The message begins with the path of the file that holds the mistake."""
    path = write(root, text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(root))


def test_a_fragment_behind_a_link_is_outside(root: Path, tmp_path: Path) -> None:
    """A symbolic link does not lead out of shared/configs."""
    (root / "shared" / "configs" / "link.yaml").symlink_to(root / "mlws.toml")
    with pytest.raises(ConfigurationError, match="outside shared/configs"):
        load_config(write(root, "extends: link.yaml\n"))


def test_a_folder_outside_any_workspace_is_named(tmp_path: Path) -> None:
    """Nothing is guessed when no mlws.toml is found."""
    with pytest.raises(ConfigurationError, match="is in no workspace"):
        workspace_root(tmp_path)
