from __future__ import annotations

import numpy as np
import pytest
import torch

from promptsci.tune.head_loss import IGNORED, LOSSES, balanced, each_token, number, one_label, several_labels


def drawn(*shape: int) -> torch.Tensor:
    """The same random numbers in every test."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_one_label_is_scikit_learns_log_loss() -> None:
    """Cross-entropy of softmaxed outputs, rows weighted by their label's weight."""
    from sklearn.metrics import log_loss

    outputs, golds, weights = drawn(12, 3), torch.arange(12) % 3, torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)
    expected = log_loss(golds, outputs.softmax(-1), sample_weight=weights[golds])

    assert one_label(outputs, golds, weights).item() == pytest.approx(expected, abs=1e-6)


def test_tokens_that_do_not_count_change_nothing() -> None:
    """The loss over tags is that over the tokens that count, whatever stands at the others."""
    outputs, tags = drawn(2, 4, 3), torch.tensor([[0, 1, IGNORED, 2], [IGNORED, 1, IGNORED, IGNORED]])
    counting = tags != IGNORED
    changed = torch.where(counting.unsqueeze(-1), outputs, outputs + 7 * drawn(2, 4, 3))

    assert each_token(outputs, tags).item() == pytest.approx(one_label(outputs[counting], tags[counting]).item())
    assert each_token(changed, tags).item() == pytest.approx(each_token(outputs, tags).item())


def test_several_labels_are_each_a_yes_or_no() -> None:
    """The mean of every label's own binary log loss."""
    from sklearn.metrics import log_loss

    outputs, targets = drawn(6, 2), torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1], [1, 1]])
    expected = np.mean([log_loss(targets[:, j], outputs[:, j].sigmoid(), labels=[0, 1]) for j in range(2)])

    assert several_labels(outputs, targets).item() == pytest.approx(expected, abs=1e-6)


def test_a_number_is_judged_by_its_squared_error() -> None:
    """Zero where it is met; the mean of squares elsewhere."""
    assert number(torch.tensor([[1.0], [3.0]]), torch.tensor([1, 1])).item() == 2.0


def test_every_loss_has_a_gradient() -> None:
    """One label, several, a number and tags, each with a gradient."""
    targets = {"spans": torch.tensor([[0, 1]]), "labels": torch.tensor([[0, 1, 1]])}
    shapes = {"spans": (1, 2, 3), "number": (1, 1)}
    for name, loss in LOSSES.items():
        outputs = drawn(*shapes.get(name, (1, 3))).requires_grad_()
        loss(outputs, targets.get(name, torch.tensor([1])), None).backward()
        assert outputs.grad.abs().sum() > 0, name


def test_balanced_weights_are_scikit_learns() -> None:
    """As ``class_weight="balanced"``; a label without a row gets no weight and takes none away."""
    from sklearn.utils.class_weight import compute_class_weight

    rows = np.array([0] * 6 + [2] * 2)
    expected = compute_class_weight("balanced", classes=np.array([0, 2]), y=rows)

    assert balanced(torch.tensor([6, 0, 2])).tolist() == pytest.approx([expected[0], 0.0, expected[1]])
