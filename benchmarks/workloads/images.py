"""Convolutional networks: the MNIST example's, ResNet-18 for small images, a DCGAN."""

from __future__ import annotations

from typing import Any

from .record import FLOAT, Unit, Work, Workload, conv, linear, optimizer, training


def _cnn(t: Any, compiled: Any) -> Unit:
    nn, F = t.nn, t.nn.functional

    class Digits(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
            self.drop1, self.drop2 = nn.Dropout(0.25), nn.Dropout(0.5)
            self.linear1, self.linear2 = nn.Linear(9216, 128), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.conv1(x))
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = t.flatten(self.drop1(x), 1)
            x = self.drop2(F.relu(self.linear1(x)))
            return F.log_softmax(self.linear2(x), dim=1)

    net = Digits()
    opt = t.optim.Adadelta(net.parameters(), lr=1.0)
    x, y = t.randn(64, 1, 28, 28), t.randint(0, 10, (64,))
    return training(t, compiled(net), F.nll_loss, opt, x, y)


def _cnn_work() -> Work:
    flops = conv(64, 26 * 26, 1, 32, 9, 2) + conv(64, 24 * 24, 32, 64, 9)
    flops += linear(64, 9216, 128) + linear(64, 128, 10)
    parameters = 320 + 64 * 289 + 9217 * 128 + 1290
    return Work(flops, FLOAT * 64 * 784, 0) + optimizer(parameters, 2)


def resnet(t: Any) -> Any:
    """ResNet-18 as it is used for images of 32 x 32: no first pooling, a first kernel of 3."""
    nn, F = t.nn, t.nn.functional

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Identity()
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x: Any) -> Any:
            y = F.relu(self.norm1(self.conv1(x)))
            return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))

    layers: list[Any] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(channels, width, stride), Block(width, width, 1)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def _resnet(t: Any, compiled: Any) -> Unit:
    net = resnet(t)
    opt = t.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = t.randn(16, 3, 32, 32), t.randint(0, 10, (16,))
    return training(t, compiled(net), t.nn.CrossEntropyLoss(), opt, x, y)


def _resnet_work() -> Work:
    flops = conv(16, 1024, 3, 64, 9, 2) + linear(16, 512, 10)
    parameters = 27 * 64 + 5130
    channels, places = 64, 1024
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        places //= stride * stride
        flops += conv(16, places, channels, width, 9) + 3 * conv(16, places, width, width, 9)
        parameters += 9 * width * (channels + 3 * width)
        if stride != 1:
            flops += conv(16, places, channels, width, 1)
            parameters += channels * width
        channels = width
    return Work(flops) + optimizer(parameters, 1)


def _dcgan(t: Any, compiled: Any) -> Unit:
    nn = t.nn
    generator = nn.Sequential(
        nn.ConvTranspose2d(64, 128, 4, 1, 0, bias=False), nn.BatchNorm2d(128), nn.ReLU(True),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(True),
        nn.ConvTranspose2d(32, 3, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(3, 32, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
        nn.Conv2d(32, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.2, True),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, True),
        nn.Conv2d(128, 1, 4, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0),
    )  # fmt: skip
    opt_g = t.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_c = t.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
    generator, critic = compiled(generator), compiled(critic)
    criterion, real = nn.BCELoss(), t.randn(16, 3, 32, 32)
    true, false = t.ones(16), t.zeros(16)

    def step() -> float:
        opt_c.zero_grad()
        criterion(critic(real), true).backward()
        fake = generator(t.randn(16, 64, 1, 1))
        loss_c = criterion(critic(fake.detach()), false)
        loss_c.backward()
        opt_c.step()
        opt_g.zero_grad()
        loss_g = criterion(critic(fake), true)
        loss_g.backward()
        opt_g.step()
        return float(loss_c.item() + loss_g.item())

    return step


def _dcgan_work() -> Work:
    # (positions of the smaller side, channels of one side and the other), kernels of 4 x 4
    generator = ((1, 64, 128), (16, 128, 64), (64, 64, 32), (256, 32, 3))
    critic = ((256, 3, 32), (64, 32, 64), (16, 64, 128), (1, 128, 1))
    flops = 0.0
    for layers, passes in ((generator, 3), (critic, 3 + 3 + 3)):
        flops += sum(conv(16, p, i, o, 16, passes) for p, i, o in layers)
    parameters = sum(16 * i * o for _, i, o in (*generator, *critic))
    return Work(flops) + optimizer(parameters, 2)


WORKLOADS = [
    Workload(
        "cnn_step",
        "the MNIST example's CNN (2 convolutions, dropout), Adadelta, batch 64: a step",
        _cnn,
        _cnn_work(),
    ),
    Workload(
        "resnet_step",
        "ResNet-18 for 32 x 32 images, SGD with momentum, batch 16: a step",
        _resnet,
        _resnet_work(),
    ),
    Workload(
        "dcgan_step",
        "DCGAN at 32 x 32, two Adams, batch 16: a step of both networks",
        _dcgan,
        _dcgan_work(),
    ),
]
