"""The specification of a label: what is to be predicted, and its name."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = ["LabelKind", "LabelSpec"]

LabelKind = Literal[
    "direction",
    "forward_return",
    "three_way",
    "scaled_return",
    "triple_barrier",
    "meta_label",
    "ohlc_path",
    "volatility",
]
# Parameters beside horizon_bars and dead_zone_bps, with the kinds that have them and their
# defaults.
_OPTIONS: Mapping[str, Mapping[str, JsonValue]] = {
    "scaled_return": {"volatility_bars": 20},
    "triple_barrier": {
        "volatility_bars": 20,
        "profit_volatilities": 1.0,
        "loss_volatilities": 1.0,
        "untouched": "zero",
    },
    "meta_label": {
        "volatility_bars": 20,
        "profit_volatilities": 1.0,
        "loss_volatilities": 1.0,
        "side_features": "core",
        "side_column": "macd_histogram",
    },
}
_OPTIONAL = tuple(dict.fromkeys(name for options in _OPTIONS.values() for name in options))
_LETTERS = {"volatility_bars": "v", "profit_volatilities": "u", "loss_volatilities": "l"}
_LONGEST_PATH = 300


class LabelSpec(SpecModel):
    """What is to be predicted: entered at the next open, held `horizon_bars` bars at most.

    `type`: see `features.labels.compute_labels`. `dead_zone_bps`: forward returns within it have no
    direction, or are the middle class of `three_way`, where it must be as wide as the costs of a
    round trip, so above 0. `volatility_bars`: number of one-bar log returns from which the
    volatility is measured that scales returns and barriers. `profit_volatilities`,
    `loss_volatilities`: distance of the barriers from the entry, in volatilities of one bar times
    the root of `horizon_bars`. `untouched`: a `triple_barrier` that touched neither is 0 or the
    sign of its return. `side_features`, `side_column`: the sign of this feature is the side of a
    `meta_label`. A parameter that a type does not have is refused; the others get their defaults.
    """

    type: LabelKind = "direction"
    horizon_bars: int = Field(default=5, ge=1, le=5000)
    dead_zone_bps: float = Field(default=0.0, ge=0.0)
    volatility_bars: int | None = Field(default=None, ge=2, le=1000)
    profit_volatilities: float | None = Field(default=None, gt=0.0)
    loss_volatilities: float | None = Field(default=None, gt=0.0)
    untouched: Literal["zero", "sign"] | None = None
    side_features: Name | None = None
    side_column: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        given = {name: value for name, value in data.items() if value is not None}
        return {**_OPTIONS.get(str(given.get("type", "direction")), {}), **given}

    @model_validator(mode="after")
    def _fits_its_type(self) -> LabelSpec:
        given = (name for name in _OPTIONAL if getattr(self, name) is not None)
        name = next((each for each in given if each not in _OPTIONS.get(self.type, {})), None)
        if name is not None:
            kinds = [kind for kind, options in _OPTIONS.items() if name in options]
            raise ValueError(
                f"'{name}' means nothing to a label of type '{self.type}'; "
                f"it belongs to {', '.join(kinds)}"
            )
        if self.dead_zone_bps and self.type not in ("direction", "forward_return", "three_way"):
            raise ValueError(
                f"'dead_zone_bps' means nothing to a label of type '{self.type}'; "
                "it belongs to direction and three_way"
            )
        if self.type == "three_way" and not self.dead_zone_bps:
            raise ValueError(
                "'dead_zone_bps' of a three_way label must be above 0: give the costs of a round "
                "trip"
            )
        if self.type == "ohlc_path" and self.horizon_bars > _LONGEST_PATH:
            raise ValueError(f"'horizon_bars' of an ohlc_path is at most {_LONGEST_PATH}")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        # so that a new parameter of one type does not change the hashes of the others
        values = handler(self).items()
        return {name: value for name, value in values if value is not None or name not in _OPTIONAL}

    @property
    def name(self) -> str:
        """Name of the label asset; labels with different parameters have different names.

        >>> LabelSpec().name, LabelSpec(horizon_bars=20).name, LabelSpec(dead_zone_bps=10).name
        ('direction', 'direction_h20', 'direction_h5_z10')
        >>> LabelSpec(type="triple_barrier", horizon_bars=10, profit_volatilities=2).name
        'triple_barrier_h10_v20_u2_l1'
        """
        if self.type != "three_way" and self == LabelSpec(type=self.type):
            return self.type
        numbers = {"z": self.dead_zone_bps or None}
        numbers |= {letter: getattr(self, option) for option, letter in _LETTERS.items()}
        shown = [f"{letter}{_digits(n)}" for letter, n in numbers.items() if n is not None]
        parts = [self.type, f"h{self.horizon_bars}", *shown]
        if self.untouched == "sign":
            parts.append("sign")
        if self.side_column is not None:
            parts.append(f"by_{self.side_features}__{self.side_column}")
        return "_".join(parts)


def _digits(value: float) -> str:
    return f"{Decimal(repr(value)).normalize():f}".replace(".", "p")
