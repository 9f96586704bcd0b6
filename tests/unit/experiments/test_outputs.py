"""Which file is the model of a run: its artifact, or what it left in outputs/."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from mlws_scaffold.adapters import recording, tracking
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.experiments import outputs
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.trained import Trained
from tests.support import mlflow_store, tiny_workspace
from tests.support.commandline import Mlws

FOLDER = "experiments/active/ann/qa"
TAGS = {
    "mlws.experiment_id": "qa-v1",
    "mlws.folder": FOLDER,
    "mlws.git.commit": "c" * 40,
    "mlws.git.snapshot": "d" * 40,
}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tiny_workspace.make(
        tmp_path / "ws",
        config=f'[models]\nstorage = "{tmp_path / "nas"}"\n',
        tracking=mlflow_store.TRACKING,
    )
    mlflow_store.put(root)
    (root / FOLDER / "outputs").mkdir(parents=True)
    return config.load(root)


def _run(place: Workspace, *artifacts: str, status: str = "FINISHED", **tags: str) -> str:
    """A run that logged these files, each with its own name as content."""
    recorder = recording.connect(place.config.tracking.uri, place.root)
    run_id = recorder.create(recorder.experiment("qa"), tags or TAGS)
    if artifacts:
        folder = place.root.parent / run_id
        for name in artifacts:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        recorder.files(run_id, folder, "")
    if status != "RUNNING":
        recorder.end(run_id, status)
    return run_id


def _leave(place: Workspace, run_id: str, folder: str = "outputs") -> Path:
    path = place.root / FOLDER / folder / "best_model.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("left")
    (path.parent / "run.json").write_text(json.dumps({"run_id": run_id}))
    return path


def _trained(place: Workspace, text: str) -> Trained:
    return outputs.trained(place, text, place.root.parent / "scratch")


def test_an_artifact_is_the_model_whatever_lies_in_outputs(place: Workspace) -> None:
    run_id = _run(place, "best_model.npz", "notes.txt", "mlws/diff.patch")
    _leave(place, run_id)
    found = _trained(place, run_id[:8])
    assert found.path.read_text() == "best_model.npz"
    assert (found.run, found.experiment, found.commit) == (run_id, "qa-v1", "d" * 40)


def test_a_folder_as_artifact_is_taken_whole(place: Workspace) -> None:
    found = _trained(place, _run(place, "best_model/config.json", "best_model/model.safetensors"))
    assert sorted(path.name for path in found.path.iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_without_an_artifact_it_is_what_the_run_left_in_outputs(place: Workspace) -> None:
    run_id = _run(place, "notes.txt")
    path = _leave(place, run_id)
    assert _trained(place, run_id).path == path
    detached = _run(place)
    path = _leave(place, "", f"outputs/{detached[:8]}")
    assert _trained(place, detached).path == path


def test_what_another_run_left_in_outputs_is_not_taken(place: Workspace) -> None:
    mine, other = _run(place), _run(place)
    _leave(place, other)
    with pytest.raises(MlwsError, match=f"kept no best_model.* was made by {other}"):
        _trained(place, mine)


def test_several_models_are_not_chosen_from(place: Workspace) -> None:
    with pytest.raises(UsageError, match=r"kept several: best_model.npz, best_model.onnx"):
        _trained(place, _run(place, "best_model.npz", "best_model.onnx"))


def test_a_run_that_goes_on_has_no_model_yet(place: Workspace) -> None:
    with pytest.raises(UsageError, match="is not over"):
        _trained(place, _run(place, "best_model.npz", status="RUNNING"))


def test_a_tag_that_leads_out_of_the_experiments_is_not_followed(place: Workspace) -> None:
    (place.root / "outputs").mkdir()
    run_id = _run(place, **{**TAGS, "mlws.folder": "."})
    (place.root / "outputs/best_model.npz").write_text("left")
    (place.root / "outputs/run.json").write_text(json.dumps({"run_id": run_id}))
    with pytest.raises(MlwsError, match="kept no best_model"):
        _trained(place, run_id)


def test_a_named_file_brings_the_run_that_is_noted_beside_it(place: Workspace) -> None:
    run_id = _run(place)
    path = _leave(place, run_id)
    assert _trained(place, str(path)) == Trained(path, run_id, "qa-v1", "d" * 40)
    _leave(place, "made-elsewhere")
    assert _trained(place, str(path)) == Trained(path, "made-elsewhere")
    (path.parent / "run.json").write_text("[]")
    assert _trained(place, str(path)) == Trained(path)


@pytest.mark.parametrize("text", ["", "none", "none.gguf", "some/where"])
def test_what_is_neither_a_file_nor_a_run_is_a_wrong_question(place: Workspace, text: str) -> None:
    with pytest.raises(UsageError):
        _trained(place, text)


def test_the_weights_of_a_run_are_added_with_where_they_come_from(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    run_id = _run(place, "best_model.npz")
    ended = mlws("model", "add", "ranker", "--from", run_id[:10], "--version", "v1")
    assert ended.code == 0, ended.err
    path = place.root / "models/checkpoints/ranker/v1.yaml"
    described = yaml.safe_load(path.read_text())
    assert (described["run"], described["experiment"], described["commit"]) == (
        run_id,
        "qa-v1",
        "d" * 40,
    )
    assert mlws("model", "pull", "ranker").code == 0
    pulled = path.with_suffix("") / "best_model.npz"
    assert pulled.read_text() == "best_model.npz"


def test_an_artifact_that_a_server_keeps_is_fetched_first(place: Workspace, tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            listing = {"files": [{"path": "best_model.npz", "is_dir": False, "file_size": 6}]}
            nothing: dict[str, object] = {"files": []}
            if self.path.endswith("/artifacts/best_model.npz"):
                data = b"served"
            else:
                inside = "best_model" in self.path
                data = json.dumps(nothing if inside else listing).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        try:
            store = tracking.client(place.config.tracking.uri, place.root)
            home = f"http://127.0.0.1:{server.server_port}/api/2.0/mlflow-artifacts/artifacts/qa"
            experiment = store.create_experiment("served", artifact_location=home)
            run_id = store.create_run(experiment, tags=TAGS).info.run_id
            store.set_terminated(run_id)
            found = outputs.trained(place, run_id, tmp_path / "scratch")
        finally:
            server.shutdown()
    assert found.path.read_bytes() == b"served"
    assert found.path.is_relative_to(tmp_path / "scratch")
