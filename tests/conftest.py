"""What every test stands on: no network, folders of its own, and language models small enough to build on the spot."""

from __future__ import annotations

import ipaddress
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

OPT_IN = ("slow", "gpu", "network", "browser")
CONNECT, CONNECT_EX, LOOK_UP = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
NUMBERS = itertools.count()
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}

ENGLISH = [
    "The citing sentence says why the authors cite another paper.",
    "We follow the method of the cited work and extend its results to new data.",
    "Their model was trained on abstracts of papers in biology and computer science.",
    "In contrast to earlier results, our experiments show a smaller effect of the treatment.",
    "background method result uses extends motivation future comparison yes no maybe",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """One switch for each kind of test that is off by default."""
    for name in OPT_IN:
        parser.addoption(f"--run-{name}", action="store_true", help=f"also run tests marked {name}")


def pytest_configure(config: pytest.Config) -> None:
    """Hub libraries read their offline switches once, when imported: set them before any test module is."""
    if not config.getoption("--run-network"):
        os.environ.update(OFFLINE)
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ["OMP_NUM_THREADS"] = "1"  # workers share the cores; threads on top of them only wait for each other
    # How long an example takes says more about the machine than about the code; in CI, hypothesis is seeded by itself.
    # A machine that is busy with other work is no fault of what is tested.
    settings.register_profile("promptsci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("promptsci")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips what was not asked for, and says how to ask."""
    for item in items:
        for name in OPT_IN:
            if item.get_closest_marker(name) and not config.getoption(f"--run-{name}"):
                item.add_marker(pytest.mark.skip(reason=f"runs with --run-{name}"))
        if item.get_closest_marker("data") and not os.environ.get("PROMPTSCI_DATA"):
            item.add_marker(pytest.mark.skip(reason="needs real data: set PROMPTSCI_DATA to their folder"))


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse(address: object) -> None:
    pytest.fail(f"a test tried to reach {address}; only tests marked network may")


def _connect_here(original: Callable) -> Callable:
    def connect(self: socket.socket, address: tuple) -> object:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            _refuse(address)
        return original(self, address)

    return connect


def _look_up_here(host: object, *args: object, **kwargs: object) -> object:
    if not _is_here(host):
        _refuse(host)
    return LOOK_UP(host, *args, **kwargs)


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Session fixtures too stay on this machine and out of the user's folders."""
    home = tmp_path_factory.mktemp("promptsci")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _connect_here(CONNECT))
        patch.setattr(socket.socket, "connect_ex", _connect_here(CONNECT_EX))
        patch.setattr(socket, "getaddrinfo", _look_up_here)
        patch.setenv("PROMPTSCI_HOME", str(home / "home"))
        patch.setenv("PROMPTSCI_RUNS", str(home / "runs"))
        yield home


@pytest.fixture(autouse=True)
def _own_folders(_home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a home and a runs folder that nobody wrote to; a network test has the network."""
    own = _home / str(next(NUMBERS))
    monkeypatch.setenv("PROMPTSCI_HOME", str(own / "home"))
    monkeypatch.setenv("PROMPTSCI_RUNS", str(own / "runs"))
    if request.node.get_closest_marker("network"):
        monkeypatch.setattr(socket.socket, "connect", CONNECT)
        monkeypatch.setattr(socket.socket, "connect_ex", CONNECT_EX)
        monkeypatch.setattr(socket, "getaddrinfo", LOOK_UP)


def _write_tokenizer(folder: Path) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # all 256 bytes, so any text can be written
        show_progress=False,
    )
    tokenizer.train_from_iterator(ENGLISH, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=512,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    return folder


def _write_lm(folder: Path, config: object) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return _write_tokenizer(folder)


@pytest.fixture(scope="session")
def tiny_tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a byte-level BPE tokenizer of 400 tokens and a ChatML-like chat template; no BOS is added."""
    return _write_tokenizer(tmp_path_factory.mktemp("tiny-tokenizer"))


@pytest.fixture(scope="session")
def tiny_lm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of 2 layers (rotary positions, context 512), seeded random weights, and the tiny tokenizer.

    Weights are drawn wider than usual: next-token probabilities then differ visibly, and a wrong score cannot hide.
    """
    from transformers import LlamaConfig

    config = LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=False,
    )
    return _write_lm(tmp_path_factory.mktemp("tiny-llama"), config)


@pytest.fixture(scope="session")
def tiny_gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like `tiny_lm_folder` with a GPT-2 in it: absolute positions, which a wrong position id would betray."""
    from transformers import GPT2Config

    config = GPT2Config(
        vocab_size=400,
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=512,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    return _write_lm(tmp_path_factory.mktemp("tiny-gpt2"), config)


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of 2 layers (context 64, dropout 0.1), seeded random weights, and the tiny tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.1,
        pad_token_id=2,
    )
    folder = tmp_path_factory.mktemp("tiny-bert")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return _write_tokenizer(folder)


def _adapter_config(kind: str) -> object:
    """PEFT's configuration of a small adapter."""
    import peft

    common: dict = {"task_type": "CAUSAL_LM"}
    if kind in ("lora", "dora"):
        return peft.LoraConfig(**common, r=4, target_modules="all-linear", use_dora=kind == "dora")
    if kind == "ia3":
        return peft.IA3Config(**common)
    if kind == "prefix":
        return peft.PrefixTuningConfig(**common, num_virtual_tokens=5)
    return peft.PromptTuningConfig(**common, num_virtual_tokens=5)


@pytest.fixture
def make_adapter(tmp_path: Path) -> Callable[..., Path]:
    """A function: (model folder, kind, seed) -> folder of an adapter of PEFT's that does much."""
    import torch
    from peft import get_peft_model

    from promptsci.lm.load import load_model, quiet

    def make(model: Path, kind: str, seed: int = 0) -> Path:
        loaded = load_model(model, dtype="float32", trainable=True)
        with torch.random.fork_rng(devices=[]), quiet():
            torch.manual_seed(seed)
            adapted = get_peft_model(loaded.model, _adapter_config(kind))
            with torch.no_grad():
                for part in adapted.parameters():
                    if part.requires_grad:
                        part.add_(0.3 * torch.randn_like(part))
            folder = tmp_path / f"{kind}-{seed}"
            adapted.save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets that PROMPTSCI_DATA names; the test is skipped without it."""
    folder = os.environ.get("PROMPTSCI_DATA")
    if not folder:
        pytest.skip("needs real data: set PROMPTSCI_DATA to their folder")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"PROMPTSCI_DATA names {path}, which is no folder")
    return path
