"""Trains the same networks under PyTorch and Facula and compares what they have learned.

    python benchmarks/accuracy.py --data FOLDER [--torch PYTHON] [--facula PYTHON]
    python benchmarks/accuracy.py --data FOLDER --quick       # a smoke run; the page stays as it is

Digits: an MLP and a small CNN on the first 9,000 of MNIST's 10,000 test images, the right ones
counted among the last 1,000, over several seeds. Text: a character GPT on Shakespeare, its loss on
text that it has not seen after a number of steps. Each run is a process of its own; the script is
the same text under both modules, with the same seeds, so that initial weights and the order of the
data are equal as well. FOLDER holds mnist/t10k-images-idx3-ubyte.gz,
mnist/t10k-labels-idx1-ubyte.gz and shakespeare/input.txt. The result goes to docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import page  # noqa: E402

SIDES = ("torch", "facula")
TASKS = ("mlp", "cnn", "gpt")
POINTS, LOSS = 0.2, 0.01  # how far apart they may be: points of accuracy, share of the loss


# -- one run


def _idx(t: Any, file: Path, header: int) -> Any:
    """The bytes of an IDX file as a tensor of uint8."""
    data = bytearray(gzip.decompress(file.read_bytes())[header:])
    return t.frombuffer(data, dtype=t.uint8)


def _network(t: Any, name: str) -> Any:
    nn = t.nn
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10),
    )  # fmt: skip


def digits(t: Any, folder: Path, name: str, epochs: int) -> dict[str, float]:
    """Percent of the last thousand digits that are told right."""
    x = _idx(t, folder / "mnist" / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    x = (x.float() / 255 - 0.1307) / 0.3081
    y = _idx(t, folder / "mnist" / "t10k-labels-idx1-ubyte.gz", 8).long()
    data = t.utils.data.TensorDataset(x[:9000], y[:9000])
    loader = t.utils.data.DataLoader(data, batch_size=64, shuffle=True)
    net = _network(t, name)
    opt = t.optim.Adam(net.parameters(), lr=1e-3)
    criterion = t.nn.CrossEntropyLoss()
    last = 0.0
    for _ in range(epochs):
        net.train()
        for images, labels in loader:
            opt.zero_grad()
            loss = criterion(net(images), labels)
            loss.backward()
            opt.step()
            last = loss.item()
    net.eval()
    with t.no_grad():
        right = (net(x[9000:]).argmax(dim=1) == y[9000:]).float().mean().item()
    return {"result": 100 * right, "last_loss": last}


def text(t: Any, folder: Path, steps: int) -> dict[str, float]:
    """The loss on unseen text of the small GPT of the workloads."""
    from workloads.sequences import SMALL, gpt

    source = (folder / "shakespeare" / "input.txt").read_text("utf-8")
    number = {c: i for i, c in enumerate(sorted(set(source)))}
    if len(number) != SMALL.vocabulary:
        raise ValueError(f"expected {SMALL.vocabulary} different characters, got {len(number)}")
    data = t.tensor([number[c] for c in source], dtype=t.long)
    border, length, batch = len(data) * 9 // 10, SMALL.context, 12
    seen, unseen = data[:border], data[border:]
    net = gpt(t, SMALL)
    opt = t.optim.AdamW(net.parameters(), lr=1e-3)

    def sample(part: Any) -> tuple[Any, Any]:
        starts = t.randint(0, len(part) - length - 1, (batch, 1))
        rows = starts + t.arange(length)
        return part[rows], part[rows + 1]

    def loss_of(x: Any, y: Any) -> Any:
        return t.nn.functional.cross_entropy(net(x).view(-1, SMALL.vocabulary), y.view(-1))

    recent = []
    for _ in range(steps):
        x, y = sample(seen)
        opt.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        opt.step()
        recent.append(loss.item())
    with t.no_grad():
        losses = [loss_of(*sample(unseen)).item() for _ in range(50)]
    last = recent[-50:]
    return {"result": sum(losses) / len(losses), "last_loss": sum(last) / len(last)}


def run_one(o: argparse.Namespace) -> None:
    """Trains in this process and prints a line of JSON."""
    t = importlib.import_module(o.module)
    for part in ("nn", "nn.functional", "optim", "utils.data"):
        importlib.import_module(f"{o.module}.{part}")
    t.manual_seed(o.seed)
    begin = time.perf_counter()
    if o.task == "gpt":
        found = text(t, o.data, o.steps)
    else:
        found = digits(t, o.data, o.task, o.epochs)
    found["seconds"] = time.perf_counter() - begin
    print(json.dumps(found))


# -- all of them


def _start(o: argparse.Namespace, side: str, task: str, seed: int) -> dict[str, float]:
    command = [
        getattr(o, side), __file__, "--module", side, "--task", task, "--seed", str(seed),
        "--data", str(o.data.resolve()), "--epochs", str(o.epochs), "--steps", str(o.steps),
    ]  # fmt: skip
    path = os.pathsep.join(p for p in (str(page.ROOT), os.environ.get("PYTHONPATH")) if p)
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{side}, {task}, seed {seed}:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def render(found: dict[str, Any]) -> str:
    """The part of the page."""
    m = found["machine"]
    lines = [
        f"Measured {found['date']} on {m['cpu']}, {found['epochs']} epochs of the digits, "
        f"{found['steps']} steps of the text. The same seeds on both sides; each cell has the mean "
        "of the runs, and in brackets all of them.",
        "",
        "| task | PyTorch | Facula | difference | allowed |",
        "|---|---|---|---:|---:|",
    ]
    what = {
        "mlp": "digits, MLP 784-128-10: % right of 1,000",
        "cnn": "digits, CNN with two convolutions: % right of 1,000",
        "gpt": "characters of Shakespeare, small GPT: loss on unseen text",
    }
    for task, sides in found["runs"].items():
        form = ".4f" if task == "gpt" else ".2f"
        means = {s: sum(r["result"] for r in runs) / len(runs) for s, runs in sides.items()}
        cells = [
            f"{means[s]:{form}} ({', '.join(format(r['result'], form) for r in sides[s])})"
            for s in SIDES
        ]
        difference = means["facula"] - means["torch"]
        if task == "gpt":
            last = [f"{100 * difference / means['torch']:+.2f}%", f"{100 * LOSS:g}%"]
        else:
            last = [f"{difference:+.2f} points", f"{POINTS:g} points"]
        lines.append("| " + " | ".join([what[task], *cells, *last]) + " |")
    return "\n".join(lines)


def compare(o: argparse.Namespace) -> None:
    """Runs everything by turns and writes the page."""
    runs: dict[str, Any] = {}
    for task in o.tasks:
        sides: dict[str, Any] = {s: [] for s in SIDES}
        for seed in range(1 if task == "gpt" else o.seeds):
            for side in SIDES:
                sides[side].append(_start(o, side, task, seed))
            pair = [sides[s][-1] for s in SIDES]
            print(
                f"{task} seed {seed}: "
                + ", ".join(
                    f"{s} {r['result']:.4f} ({r['seconds']:.1f} s)"
                    for s, r in zip(SIDES, pair, strict=True)
                ),
                flush=True,
            )
        runs[task] = sides
    if o.quick:
        return
    found = page.figures(o.page)
    before = found.get("accuracy", {}).get("runs", {})
    found["accuracy"] = {
        "runs": before | runs, "machine": page.machine(), "epochs": o.epochs, "steps": o.steps,
        "date": datetime.date.today().isoformat(),
    }  # fmt: skip
    page.keep(o.page, found)
    page.write(o.page, "accuracy", render(found["accuracy"]))


def main() -> None:
    """Compares, or is one of the processes of a comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    for side in SIDES:
        parser.add_argument(f"--{side}", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="little of everything")
    parser.add_argument("--page", type=Path, default=page.PAGE)
    parser.add_argument("--module", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.module:
        run_one(o)
        return
    if o.quick:
        o.seeds, o.epochs, o.steps = 1, 1, 20
    compare(o)


if __name__ == "__main__":
    main()
