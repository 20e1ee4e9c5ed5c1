"""DeepLabV3+ (Chen et al. 2018, arXiv:1802.02611) in plain torch, and nothing else.

One decoder and three encoders, each with output stride 16: ResNet18 and ResNet50 (He
et al. 2015, arXiv:1512.03385), MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.results import Structure

LUMBOSACRAL = 1 + len(Structure)  # the disc L5/S1 has a class of its own
CLASSES = LUMBOSACRAL + 1  # background, the structures, the disc L5/S1
ATROUS_RATES = (6, 12, 18)  # arXiv:1802.02611, output stride 16
DECODER_CHANNELS = 128  # our choice: half of arXiv:1802.02611, for five classes
LOW_LEVEL_CHANNELS = 48  # arXiv:1802.02611


def convolution(  # noqa: PLR0913  the arguments of Conv2d
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Return convolution, batch normalization and activation in this order."""
    layers: list[nn.Module] = [
        nn.Conv2d(
            inputs,
            outputs,
            kernel,
            stride=stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def separable(inputs: int, outputs: int, *, dilation: int = 1) -> nn.Sequential:
    """Return a 3x3 depthwise convolution followed by a 1x1 one."""
    return nn.Sequential(
        convolution(inputs, inputs, 3, dilation=dilation, groups=inputs),
        convolution(inputs, outputs, 1),
    )


class Residual(nn.Module):
    """Basic (two 3x3) or bottleneck (1x1, 3x3, 1x1) block of a ResNet."""

    def __init__(
        self, inputs: int, width: int, *, bottleneck: bool, stride: int, dilation: int
    ) -> None:
        super().__init__()
        outputs = width * 4 if bottleneck else width
        first = 1 if bottleneck else 3
        self.body = nn.Sequential(
            convolution(inputs, width, first, stride=1 if bottleneck else stride),
            convolution(
                width,
                width,
                3,
                stride=stride if bottleneck else 1,
                dilation=dilation,
                activation=nn.ReLU if bottleneck else None,
            ),
            *([convolution(width, outputs, 1, activation=None)] if bottleneck else []),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else convolution(inputs, outputs, 1, stride=stride, activation=None)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(n, inputs, h, w)`` to ``(n, outputs, h / stride, w / stride)``."""
        return functional.relu(self.body(features) + self.shortcut(features))


class ResNet(nn.Module):
    """ResNet encoder for one-channel images; its last stage is dilated, not strided."""

    def __init__(self, blocks: tuple[int, int, int, int], *, bottleneck: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            convolution(1, 64, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)
        )
        stages, inputs = [], 64
        for index, count in enumerate(blocks):
            width, stage = 64 * 2**index, []
            for block in range(count):
                stride = 2 if block == 0 and index in (1, 2) else 1
                stage.append(
                    Residual(
                        inputs,
                        width,
                        bottleneck=bottleneck,
                        stride=stride,
                        dilation=2 if index == len(blocks) - 1 else 1,
                    )
                )
                inputs = width * 4 if bottleneck else width
            stages.append(nn.Sequential(*stage))
        self.low_level = stages[0]
        self.high_level = nn.Sequential(*stages[1:])
        self.low_channels = 256 if bottleneck else 64
        self.high_channels = inputs

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features at stride 4 and at stride 16."""
        low = self.low_level(self.stem(images))
        return low, self.high_level(low)


class InvertedResidual(nn.Module):
    """Expand, depthwise 3x3, project: the block of MobileNetV2."""

    def __init__(
        self, inputs: int, outputs: int, *, expansion: int, stride: int, dilation: int
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [convolution(inputs, hidden, 1, activation=nn.ReLU6)]
        self.body = nn.Sequential(
            *(expand if expansion > 1 else []),
            convolution(
                hidden,
                hidden,
                3,
                stride=stride,
                dilation=dilation,
                groups=hidden,
                activation=nn.ReLU6,
            ),
            convolution(hidden, outputs, 1, activation=None),
        )
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(n, inputs, h, w)`` to ``(n, outputs, h / stride, w / stride)``."""
        result: Tensor = self.body(features)
        return features + result if self.is_residual else result


class MobileNetV2(nn.Module):
    """MobileNetV2 encoder; its last stages are dilated, not strided."""

    #: expansion, outputs, repeats, stride (arXiv:1801.04381, table 2).
    STAGES = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    LOW_LEVEL_STAGES = 2

    def __init__(self) -> None:
        super().__init__()
        inputs, total_stride, stages = 32, 2, []
        for expansion, outputs, repeats, wanted in self.STAGES:
            is_dilated = total_stride * wanted > 16  # noqa: PLR2004  output stride 16
            stride = 1 if is_dilated else wanted
            total_stride *= stride
            stage = []
            for repeat in range(repeats):
                stage.append(
                    InvertedResidual(
                        inputs,
                        outputs,
                        expansion=expansion,
                        stride=stride if repeat == 0 else 1,
                        dilation=2 if outputs >= 160 else 1,  # noqa: PLR2004  as above
                    )
                )
                inputs = outputs
            stages.append(nn.Sequential(*stage))
        split = self.LOW_LEVEL_STAGES
        self.low_level = nn.Sequential(
            convolution(1, 32, 3, stride=2, activation=nn.ReLU6), *stages[:split]
        )
        self.high_level = nn.Sequential(*stages[split:])
        self.low_channels = self.STAGES[split - 1][1]
        self.high_channels = inputs

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features at stride 4 and at stride 16."""
        low = self.low_level(images)
        return low, self.high_level(low)


ENCODERS: dict[str, Callable[[], ResNet | MobileNetV2]] = {
    "resnet18": lambda: ResNet((2, 2, 2, 2), bottleneck=False),
    "resnet50": lambda: ResNet((3, 4, 6, 3), bottleneck=True),
    "mobilenetv2": MobileNetV2,
}


class AtrousPyramid(nn.Module):
    """Atrous spatial pyramid pooling with separable convolutions."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        width = DECODER_CHANNELS
        self.branches = nn.ModuleList(
            [
                convolution(inputs, width, 1),
                *(separable(inputs, width, dilation=rate) for rate in ATROUS_RATES),
            ]
        )
        self.pooled = nn.Sequential(nn.Conv2d(inputs, width, 1), nn.ReLU())
        self.project = convolution(width * (len(self.branches) + 1), width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(n, inputs, h, w)`` to ``(n, DECODER_CHANNELS, h, w)``."""
        pooled = self.pooled(features.mean((2, 3), keepdim=True))
        branches = [branch(features) for branch in self.branches]
        context = torch.cat([*branches, pooled.expand_as(branches[0])], dim=1)
        result: Tensor = self.project(context)
        return result


class DeepLabV3Plus(nn.Module):
    """Per-pixel class scores of one-channel images.

    Args:
        encoder: One of ``ENCODERS``.

    """

    def __init__(self, encoder: str) -> None:
        super().__init__()
        self.encoder = ENCODERS[encoder]()
        self.pyramid = AtrousPyramid(self.encoder.high_channels)
        self.low = convolution(self.encoder.low_channels, LOW_LEVEL_CHANNELS, 1)
        self.decoder = nn.Sequential(
            separable(DECODER_CHANNELS + LOW_LEVEL_CHANNELS, DECODER_CHANNELS),
            separable(DECODER_CHANNELS, DECODER_CHANNELS),
            nn.Conv2d(DECODER_CHANNELS, CLASSES, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(n, 1, h, w)`` to scores ``(n, CLASSES, h, w)``.

        Height and width must be multiples of 16.
        """
        low, high = self.encoder(images)
        context = functional.interpolate(
            self.pyramid(high), scale_factor=4.0, mode="bilinear", align_corners=False
        )
        scores = self.decoder(torch.cat([context, self.low(low)], dim=1))
        return functional.interpolate(
            scores, scale_factor=4.0, mode="bilinear", align_corners=False
        )
