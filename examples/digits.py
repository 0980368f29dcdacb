"""Train a small network on the handwritten digits of the UCI repository and check it.

An ordinary PyTorch script: `facula run examples/digits.py` and `python examples/digits.py` (with
PyTorch installed) do the same thing. It takes no options and needs no network.
"""

import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from facula.datasets import load_digits

try:
    from tqdm import tqdm
except ImportError:
    tqdm = None

EPOCHS = 30
NOISE = 0.1  # of the grey values, which go from 0 to 1: other images of the same digits


class Net(nn.Module):
    def __init__(self, hidden=512):
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, 10)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.25)

    def forward(self, x):
        x = self.dropout(self.relu(self.fc1(self.flatten(x))))
        x = self.dropout(self.relu(self.fc2(x)))
        return self.output(x)


def progress(loader, text):
    """The batches of `loader`, with a progress bar where tqdm is installed."""
    if tqdm is None:
        return loader
    return tqdm(loader, desc=text, leave=False)


def train_epoch(net, loader, criterion, optimizer, epoch):
    """One pass over the training data; returns the mean loss of a sample."""
    net.train()
    total, count = 0.0, 0
    for images, labels in progress(loader, f"epoch {epoch:2d}"):
        optimizer.zero_grad()
        noisy = images + NOISE * torch.randn_like(images)
        loss = criterion(net(noisy), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


@torch.no_grad()
def accuracy(net, loader):
    """The share of samples whose largest output is the right digit."""
    net.eval()
    right, count = 0, 0
    for images, labels in loader:
        right += (net(images).argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return right / count


def show(image):
    """An 8x8 image as text."""
    shades = " .:-=+*#%"
    return "\n".join("".join(shades[int(p * 8)] * 2 for p in row) for row in image.tolist())


def main():
    torch.manual_seed(0)
    images, labels = load_digits()
    data = TensorDataset(
        torch.from_numpy(images.astype(np.float32) / 16).unsqueeze(1), torch.from_numpy(labels)
    )
    training, validation = random_split(data, [1500, len(data) - 1500])
    training_loader = DataLoader(training, batch_size=32, shuffle=True)
    validation_loader = DataLoader(validation, batch_size=64)

    net = Net()
    print(net)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(1, EPOCHS + 1):
        loss = train_epoch(net, training_loader, criterion, optimizer, epoch)
        print(
            f"epoch {epoch:2d}  training loss {loss:.4f}  "
            f"validation accuracy {accuracy(net, validation_loader):.2%}"
        )

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "digits.pt")
        torch.save(net.state_dict(), path)
        restored = Net()
        restored.load_state_dict(torch.load(path))
    final = accuracy(restored, validation_loader)
    print(f"validation accuracy of the restored checkpoint: {final:.2%}")

    samples, truth = next(iter(validation_loader))
    with torch.no_grad():
        probabilities = torch.softmax(restored(samples[:3]), dim=1)
    confidence, predicted = probabilities.max(dim=1)
    for i in range(3):
        print(show(samples[i, 0]))
        print(
            f"predicted {predicted[i].item()} ({confidence[i].item():.1%}), truth {truth[i].item()}"
        )
    if final < 0.97:
        raise SystemExit(f"validation accuracy {final:.2%} is below 97%")


if __name__ == "__main__":
    main()
