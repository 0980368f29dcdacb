"""A beginner's tour: tensors, gradients, a network, training, saving and loading.

An ordinary PyTorch script. `facula run examples/tutorial.py` prints what PyTorch prints, to the
last digit.
"""

import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

print("# Tensors from lists, from arrays and from shapes")
data = [[1, 2], [3, 4]]
x_data = torch.tensor(data)
print(x_data)
np_array = np.array(data)
x_np = torch.from_numpy(np_array)
print(x_np)
x_ones = torch.ones_like(x_data)
print(x_ones)
x_rand = torch.rand_like(x_data, dtype=torch.float)
print(x_rand)
shape = (2, 3)
print(torch.rand(shape))
print(torch.ones(shape))
print(torch.zeros(shape))
print(torch.arange(0, 10, 2))
print(torch.linspace(0, 1, 5))
print(torch.eye(3))

print("# Attributes")
tensor = torch.rand(3, 4)
print(f"Shape of tensor: {tensor.shape}")
print(f"Datatype of tensor: {tensor.dtype}")
print(f"Device tensor is stored on: {tensor.device}")
print(tensor.ndim, tensor.numel(), tensor.size(0), len(tensor))

print("# Arithmetic")
a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
b = torch.tensor([[0.5, -1.0], [2.0, 0.25]])
print(a + b)
print(a - b)
print(a * b)
print(a / b)
print(a @ b)
print(a.T)
print(a**2)
print(a > 2)
print(a.sum(), a.mean(), a.max(), a.sum(dim=0))
print(torch.exp(b))
print(F.softmax(a, dim=1))
a.add_(5)
print(a)
print(a.sum().item())

print("# Indexing, joining, reshaping")
tensor = torch.ones(4, 4)
tensor[:, 1] = 0
print(tensor)
print(tensor[0], tensor[..., -1], tensor[1:3, 0])
t1 = torch.cat([tensor, tensor * 2], dim=1)
print(t1.shape)
x = torch.arange(12)
print(x.view(3, 4))
print(x.reshape(2, -1))
print(x.view(3, 4).t().shape)
print(x.unsqueeze(0).shape, x.unsqueeze(0).squeeze().shape)
print(torch.stack([x, x]).shape)

print("# Tensors and arrays share their memory")
t = torch.ones(5)
n = t.numpy()
t.add_(1)
print(t, n)
np.multiply(n, 3, out=n)
print(t, n)

print("# The device")
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"Using {device.type}" if device.type == "cpu" else "Using a GPU")
print(t.to(device).cpu())

print("# Gradients")
x = torch.ones(2, 2, requires_grad=True)
print(x)
y = x + 2
print(y)
print(y.grad_fn is not None)
z = y * y * 3
out = z.mean()
print(z, out)
out.backward()
print(x.grad)
print((x**2).requires_grad)
with torch.no_grad():
    print((x**2).requires_grad)
print(x.detach().requires_grad)

print("# A network")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(16, 32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.fc1(x)
        x = self.relu(x)
        return self.fc2(x)


net = Net().to(device)
print(net)
for name, parameter in net.named_parameters():
    print(name, parameter.shape, parameter.requires_grad)
print(net(torch.randn(1, 16).to(device)).shape)

print("# Training")
inputs = torch.randn(200, 16)
labels = torch.randint(0, 10, (200,))
trainloader = DataLoader(TensorDataset(inputs, labels), batch_size=4, shuffle=True)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=0.001)
for epoch in range(3):
    running_loss = 0.0
    for i, batch in enumerate(trainloader, 0):
        batch_inputs, batch_labels = batch[0].to(device), batch[1].to(device)
        optimizer.zero_grad()
        outputs = net(batch_inputs)
        loss = criterion(outputs, batch_labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        if i % 25 == 24:
            print(f"[{epoch + 1}, {i + 1:3d}] loss: {running_loss / 25:.3f}")
            running_loss = 0.0
print("Finished Training")

print("# Saving and loading")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "net.pth")
    torch.save(net.state_dict(), path)
    restored = Net().to(device)
    print(restored.load_state_dict(torch.load(path)))
restored.eval()
with torch.no_grad():
    outputs = restored(inputs.to(device))
    _, predicted = torch.max(outputs, 1)
    correct = (predicted == labels.to(device)).sum().item()
print(f"Accuracy on the training data: {100 * correct // len(labels)} %")
print(predicted[:10])
print(torch.equal(net(inputs.to(device)), outputs))
