"""What the agent finds before it answers: the passages of prompts/knowledge."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
HOME = HERE if (HERE / "agent.yaml").is_file() else HERE.parents[1]
OWN = HOME / "agent.py" if HOME == HERE else HOME / "src" / "agent" / "agent.py"


def load_agent() -> ModuleType:
    """Import agent.py under a name of its own: every prototype has such a file."""
    name = f"knowledge_of_{HOME.name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, OWN)
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


agent = load_agent()
PASSAGES = [
    agent.Passage("fruit:1", "An apple keeps for a month in a cool cellar."),
    agent.Passage("fruit:2", "A pear keeps for two weeks."),
    agent.Passage("tools:1", "The cellar key hangs behind the door."),
]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How long does a pear keep?", "fruit:2"),
        ("Where is the KEY?", "tools:1"),
        ("apple in the cellar", "fruit:1"),
    ],
)
def test_the_passage_with_the_rare_words_comes_first(question: str, first: str) -> None:
    """Words that every passage has decide nothing."""
    assert agent.Knowledge(PASSAGES).search(question)[0].source == first


def test_nothing_in_common_finds_nothing() -> None:
    """The model is told so, and does not get passages at random."""
    assert agent.Knowledge(PASSAGES).search("quantum") == []
    assert "no passage fits" in agent.with_passages("Be brief.", [])


def test_no_knowledge_at_all_is_no_error() -> None:
    """An agent may start before its passages are written."""
    assert agent.Knowledge([]).search("anything") == []


def test_every_passage_of_the_folder_can_be_found_and_named() -> None:
    """What lies in prompts/knowledge reaches the model with its source."""
    knowledge = agent.Knowledge.of(HOME)
    passages = knowledge.search("a an the of with in on and", most=100)
    assert passages
    for passage in passages:
        assert passage.text in agent.with_passages("Be brief.", knowledge.search(passage.text))
        assert f"[{passage.source}]" in agent.with_passages("", [passage])
