"""Short programs of the kind that people write, unmodified, under PyTorch and under `facula run`.

The printed text must be the same but for the last digits of numbers. All programs run in one
process of each kind, as starting PyTorch takes longer than they do; each seeds for itself.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import zip_longest

import pytest

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")

HEAD = """
import copy, io, warnings
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler, random_split
warnings.simplefilter("ignore")
def attempt(action):
    try: print(action())
    except Exception as error: print(type(error).__name__, "|", error)
"""

SCRIPTS = {
    "early_stopping": """
class Points(Dataset):
    def __init__(self, n): self.x = torch.randn(n, 4); self.y = (self.x.sum(1) > 0).long()
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return self.x[i], self.y[i]
train, held = random_split(Points(60), [40, 20])
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
best, kept = float("inf"), None
for epoch in range(4):
    model.train()
    for x, y in DataLoader(train, batch_size=16, shuffle=True):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        value = sum(F.cross_entropy(model(x), y) for x, y in DataLoader(held, batch_size=8))
    scheduler.step()
    print(f"{epoch} {loss.item():.3f} {value:.3f} {scheduler.get_last_lr()}")
    if value < best:
        best, kept = value, copy.deepcopy(model.state_dict())
print(model.load_state_dict(kept), model)
file = io.BytesIO()
torch.save({"model": kept, "optimizer": optimizer.state_dict(), "best": best}, file)
file.seek(0)
saved = torch.load(file, map_location="cpu", weights_only=True)
print(list(saved["model"]), saved["optimizer"]["param_groups"])
""",
    "checks_of_the_device": """
accelerator = torch.accelerator
print(accelerator.current_accelerator().type if accelerator.is_available() else "cpu")
print(torch.version.cuda, torch.cuda.is_available(), torch.device("cpu"))
attempt(accelerator.current_device_index)
attempt(lambda: torch.ones(1).cuda())
""",
    "numpy_functions": """
t = torch.tensor([1.0, 4.0])
print(np.sqrt(t), np.add(t, 1), np.isnan(t), np.maximum(t, 2), np.float64(2) * t)
for kind in (float, int, complex):
    attempt(lambda: kind(t))
    attempt(lambda: kind(t[1]))
""",
    "not_a_tensor": """
for action in (
    lambda: nn.Linear(2, 2)([1, 2]), lambda: nn.ReLU()(None), lambda: F.dropout(1),
    lambda: F.cross_entropy(torch.ones(2, 3), [0, 1]), lambda: nn.Embedding(2, 2)(1),
    lambda: F.gelu(1.0), lambda: F.pad(1, (1, 1)), lambda: F.layer_norm(1, (2,)),
    lambda: F.max_pool2d(1, 2), lambda: F.nll_loss(1, 2),
    lambda: torch.ones(2, dtype=torch.long, requires_grad=True), lambda: ~torch.ones(2),
    lambda: F.one_hot([1, 2]), lambda: torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.long),
    lambda: torch.where(torch.ones(2), torch.ones(2), torch.ones(2)),
):
    attempt(action)
""",
    "functions_with_wrong_gradients": """
def function(result):
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x): return x * 2
        @staticmethod
        def backward(ctx, g): return result(g)
    return Own
for result in (lambda g: (g, g), lambda g: (g, None), lambda g: torch.ones(5),
               lambda g: g.expand(3, 2)):
    x = torch.ones(2, requires_grad=True)
    attempt(lambda: function(result).apply(x).sum().backward())
    print(x.grad, torch.is_grad_enabled())
w = torch.ones(2, requires_grad=True)
w.sum().backward()
w.data = torch.ones(3)
attempt(lambda: (w * 2).sum().backward())
print(torch.is_grad_enabled(), (w * 2).requires_grad)
""",
    "names_of_indexing": """
a = torch.randn(4, 5, 6, requires_grad=True)
for part in (a[0], a[0, :4], a[:], a[:2, 0], a[None, 0], a[0, None], a[..., None], a[0, ..., 1:3]):
    print(part.grad_fn.name(), part.shape)
""",
    "reinforcement": """
policy = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
for episode in range(3):
    state, logs, rewards = torch.zeros(2), [], []
    for _ in range(4):
        p = F.softmax(policy(state), -1)
        action = torch.multinomial(p, 1).item()
        logs.append(torch.log(p[action]))
        rewards.append(float(action))
        state = state + torch.tensor([action * 0.1, 1.0])
    total, returns = 0, []
    for r in rewards[::-1]:
        total = r + 0.9 * total
        returns.insert(0, total)
    returns = torch.tensor(returns)
    loss = -(torch.stack(logs) * (returns - returns.mean())).sum()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    print(rewards, returns, f"{loss.item():.3f}")
""",
    "confusion_matrix": """
x = torch.randn(300, 6)
y = x[:, :3].argmax(1)
model, criterion = nn.Linear(6, 3), nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), 0.5, momentum=0.9)
for epoch in range(3):
    found, wanted = [], []
    for inputs, labels in DataLoader(TensorDataset(x, y), 16, shuffle=True):
        optimizer.zero_grad()
        outputs = model(inputs)
        criterion(outputs, labels).backward()
        optimizer.step()
        found.append(outputs.argmax(1).numpy())
        wanted.append(labels.numpy())
        inputs.numpy()[:] = 0
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (np.concatenate(wanted), np.concatenate(found)), 1)
    print(counts, (x.abs().sum(1) == 0).sum())
""",
    "arrays_without_gradients": """
for _ in range(3):
    w = torch.ones(4, 3, requires_grad=True)
    row, twice = w[1], w * 2
    for t in (w, row, twice): attempt(t.numpy)
    with torch.no_grad():
        w.numpy()[0, 0], row.numpy()[1], twice.numpy()[1, 1] = 7, 5, 9
        print(w, twice, np.asarray(w).sum())
    row.numpy(force=True)[0] = -9
    (w * w).sum().backward()
    print(w.grad)
""",
    "averaged_weights": """
class Average:
    def __init__(self, model, decay):
        self.model, self.decay, self.backup = model, decay, {}
        self.shadow = {n: p.data.clone() for n, p in model.named_parameters()}
    def update(self):
        for n, p in self.model.named_parameters():
            self.shadow[n] = self.decay * self.shadow[n] + (1.0 - self.decay) * p.data
    def apply(self):
        for n, p in self.model.named_parameters():
            self.backup[n] = p.data
            p.data = self.shadow[n]
    def restore(self):
        for n, p in self.model.named_parameters():
            p.data = self.backup[n]
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
average = Average(model, 0.8)
optimizer = torch.optim.Adam(model.parameters(), 0.05)
x = torch.randn(32, 4)
for step in range(8):
    loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    average.update()
    average.apply()
    with torch.no_grad(): smooth = model(x).mean().item()
    average.restore()
    with torch.no_grad(): print(f"{loss.item():.4f} {smooth:.4f} {model(x).mean().item():.4f}")
""",
    "data_assigned": """
def make(*shape): return torch.arange(float(np.prod(shape))).reshape(shape).clone()
for grad in (False, True):
    t = make(2, 3).requires_grad_(grad)
    v, r, o = t.detach().view(-1), t.detach()[0], torch.full((2, 3), 5.0)
    t.data = o; v[0] = 100; o[0, 1] = -1; t.data[1, 1] = -2
    print(t, v, r, o)
    t = make(2, 3).requires_grad_(grad)
    first, second = torch.full((2, 3), 5.0), torch.full((4,), 6.0)
    t.data = first; t.data = second; first[0, 0] = 1; second[1] = 9; t.data[0] = 7
    print(t, first, second)
    b = make(3, 2); t = b[1]; t.data = torch.tensor([8.0, 9.0]); t.data[0] = 3; b[1, 1] = -7
    print(t, b)
    t = make(2, 2).requires_grad_(grad)
    n = t.detach().numpy(); t.data = torch.zeros(2, 2); n[0, 0] = 55; t.data[1, 1] = 4
    print(t, n)
    t = make(2, 3).requires_grad_(grad); t.data = t.data.t(); t.data[0, 0] = 42
    print(t, t.stride())
    t.data = t.data[0]; print(t)
a, b = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.ones(2))
va, vb, swapped = a.detach(), b.detach(), a.data
a.data = b.data; b.data = swapped
with torch.no_grad(): a[0] = 5; b[1] = 6
print(a, b, va, vb, swapped)
""",
}


def _split(text: str) -> dict[str, str]:
    parts = re.split(r"^=== (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


NUMBER = r"-?\d+\.\d*(?:e[+-]?\d+)?"


def _differences(expected: str, found: str) -> list[tuple[str, str]]:
    """The lines that differ otherwise than in the last digits of their numbers."""
    wrong = []
    lines = zip_longest(expected.splitlines(), found.splitlines(), fillvalue="(no line)")
    for theirs, ours in lines:
        a, b = ([float(n) for n in re.findall(NUMBER, line)] for line in (theirs, ours))
        same_text = re.sub(NUMBER, "#", theirs) == re.sub(NUMBER, "#", ours)
        if not same_text or b != pytest.approx(a, rel=2e-3, abs=2e-3):
            wrong.append((theirs, ours))
    return wrong


def test_programs_print_what_they_print_under_pytorch(run_python, facula_run, tmp_path):
    lines = [HEAD]
    for name, source in SCRIPTS.items():
        lines.append(f'print("=== {name}")\ntorch.manual_seed(0)\n{source}')
    path = tmp_path / "programs.py"
    path.write_text("".join(lines), encoding="utf-8")
    expected, found = run_python(str(path), OMP_NUM_THREADS="1"), facula_run(str(path))
    assert expected.returncode == 0, expected.stderr
    assert found.returncode == 0, found.stderr
    theirs, ours = _split(expected.stdout), _split(found.stdout)
    assert list(theirs) == list(ours) == list(SCRIPTS)
    wrong = {name: _differences(theirs[name], ours[name]) for name in SCRIPTS}
    assert not {name: lines for name, lines in wrong.items() if lines}
