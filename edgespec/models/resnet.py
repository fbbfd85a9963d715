"""One-dimensional ResNet-18 and ResNet-50: the network that most papers on spectra compare with.

He, Zhang, Ren, Sun (2016), Deep residual learning for image recognition, CVPR, arXiv:1512.03385; Table 1, shortcuts of option B.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Gt
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Channels, Pool

# kind of layers: blocks of the four stages, whether a block is a bottleneck (Table 1)
LAYERS = {18: ((2, 2, 2, 2), False), 50: ((3, 4, 6, 3), True)}
EXPANSION, STEM = 4, 7


class Block(nn.Module):
    """y = relu(F(x) + shortcut(x)): two convolutions, or a bottleneck of three (Fig. 5); each with batch normalisation (eqs. 1, 2)."""

    def __init__(self, inward: int, width: int, kernel: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        out = width * EXPANSION if bottleneck else width
        if (
            bottleneck
        ):  # the stride is in the middle convolution, where every implementation has it; the paper has it in the first
            parts = [*_conv(inward, width, 1, 1), nn.ReLU(), *_conv(width, width, kernel, stride), nn.ReLU()]
            self.layers = nn.Sequential(*parts, *_conv(width, out, 1, 1))
        else:
            parts = [*_conv(inward, width, kernel, stride), nn.ReLU()]
            self.layers = nn.Sequential(*parts, *_conv(width, width, kernel, 1))
        same = stride == 1 and inward == out
        self.shortcut = nn.Identity() if same else nn.Sequential(*_conv(inward, out, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, length) -> (n, out, length / stride)"""
        return functional.relu(self.layers(x) + self.shortcut(x))


class ResNet(nn.Module):
    """Stem, max-pooling, four stages of blocks, mean over a few positions, a linear head."""

    def __init__(self, points: int, classes: int, layers: int, width: int, kernel: int, positions: int) -> None:
        super().__init__()
        depths, bottleneck = LAYERS[layers]
        self.channels = Channels()
        self.stem = nn.Sequential(*_conv(1, width, STEM, 2), nn.ReLU(), nn.MaxPool1d(3, 2, padding=1))
        blocks, inward = [], width
        for i, depth in enumerate(depths):
            for b in range(depth):
                blocks.append(Block(inward, width * 2**i, kernel, 2 if b == 0 and i else 1, bottleneck))
                inward = width * 2**i * (EXPANSION if bottleneck else 1)
        self.body = nn.Sequential(*blocks)
        length = points
        for _ in range(len(depths) + 1):
            length = (length - 1) // 2 + 1
        self.positions = positions
        self.places = nn.Sequential(Pool(length, min(positions, length)), nn.Flatten())
        self.head = nn.Linear(inward * min(positions, length), classes)
        self._keys = {"layers": layers, "kernel": kernel}

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width of the last stage * positions)"""
        return self.places(self.body(self.stem(self.channels(x))))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        stem: Any = self.stem[0]
        return {**self._keys, "width": stem.out_channels, "positions": self.positions}


def build(
    *,
    points: int,
    classes: int,
    layers: Literal[18, 50] = 18,
    width: Annotated[int, Gt(0)] = 16,
    kernel: Annotated[int, Gt(0)] = 3,
    positions: Annotated[int, Gt(0)] = 4,
) -> ResNet:
    """ResNet-18 or ResNet-50 (He et al. 2016) along the axis: kernels of 3 points for 3 x 3, of 7 for 7 x 7.

    layers: 18, two convolutions a block, or 50, bottlenecks.
    width: channels of the first stage, doubled from each stage to the next; 64 as published.
    kernel: points that a block's convolution sees; odd; 3 as published.
    positions: places along the axis that the head tells apart; 1 is the global average, as published.
    """
    if kernel % 2 == 0:
        raise ValueError(f"kernel {kernel} is even; an odd one keeps bands in their place")
    return ResNet(points, classes, layers, width, kernel, positions)


def _conv(inward: int, out: int, kernel: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv1d(inward, out, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm1d(out)]
