"""Dense layers behind the principal components of the training spectra, each at unit variance.

Principal components in front of a neural network: Goodacre, Neal, Kell (1996), Zentralbl. Bakteriol. 284, 516-539; dropout: Srivastava et al.
(2014), J. Mach. Learn. Res. 15, 1929-1958. At unit variance a small difference between spectra weighs as much as a large one, which a
convolution on the spectrum learns slowly: where few broad bands differ by little (dried saliva, cells), this network is ahead.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Gt, Interval
from torch import Tensor, nn

from edgespec.errors import Mistake
from edgespec.models import Dense

LEAST = 1e-6  # smallest deviation of a component, as a share of the first one's: below it, what is left is rounding


class Mlp(nn.Module):
    """Components; dense layers, each with batch normalisation, ReLU and dropout; a linear head."""

    def __init__(self, points: int, classes: int, components: int, widths: list[int], dropout: float) -> None:
        super().__init__()
        self.components = nn.Linear(points, components)
        for each in self.components.parameters():
            each.requires_grad_(False)  # they follow from the spectra and are not learnt
        self.dense = nn.ModuleList(
            Dense(inward, out) for inward, out in zip([components, *widths], widths, strict=False)
        )
        self.act, self.drop = nn.ReLU(), nn.Dropout(dropout)
        self.head = nn.Linear([components, *widths][-1], classes)

    def begin(self, x: Tensor) -> None:
        """Take the components from the training spectra, (n, points) as the network sees them.

        Raises Mistake where so few spectra, or spectra so alike, have fewer components.
        """
        wide = x.to(torch.float64)
        mean = wide.mean(0)
        _, deviation, found = torch.linalg.svd(wide - mean, full_matrices=False)
        asked = self.components.out_features
        held = min(int((deviation > LEAST * deviation[:1]).sum()), len(x) - 1)
        if asked > held:
            what = f"model 'mlp': components {asked}, and these {len(x)} training spectra have {held}"
            raise Mistake(what, hint="fewer components")
        found = found[:asked]
        sign = torch.sign(
            found.gather(1, found.abs().argmax(1, keepdim=True))
        )  # so that a library's choice does not show
        weight = sign * found / deviation[:asked, None] * (len(x) - 1) ** 0.5
        with torch.no_grad():
            self.components.weight.copy_(weight)
            self.components.bias.copy_(-(weight @ mean))

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width of the last layer); the components themselves where there is no layer"""
        x = self.components(x)
        for each in self.dense:
            x = self.drop(self.act(each(x)))
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        return {
            "components": self.components.out_features,
            "widths": [each.linear.out_features for each in self.dense],  # type: ignore[union-attr]
            "dropout": self.drop.p,
        }


def build(
    *,
    points: int,
    classes: int,
    components: Annotated[int, Gt(0)] = 30,
    widths: list[Annotated[int, Gt(0)]] = [256, 128],  # noqa: B006
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
) -> Mlp:
    """Dense layers behind the principal components of the training spectra (PCA, whitened). The components are fixed, the rest is learnt.

    components: how many of them, the strongest first.
    widths: of the dense layers; [] leaves the linear head alone (with fuse_lda the classical PCA-LDA).
    dropout: share of each layer's outputs that is dropped in training.
    """
    if components > points:
        raise ValueError(f"components: {components} of spectra of {points} points")
    return Mlp(points, classes, components, widths, dropout)
