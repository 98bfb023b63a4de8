"""The page of a card: self-contained, escaped, whole pictures, and the card in it."""

from __future__ import annotations

import base64
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.cards.card import (
    CardPeriod,
    Coefficient,
    Comparison,
    Horizon,
    Importance,
    ModelCard,
    RateBin,
    Score,
)
from trading_pipeline.reporting.model_card import (
    card_in_page,
    card_table,
    reliability_image,
    render_model_card,
)

AUC = Score(name="auc", value=0.51, low=0.48, high=0.54, chance=0.5)
BRIER = Score(name="brier", value=0.2496, low=0.245, high=0.254)
GAIN = Comparison(
    baseline="base_rate",
    loss="brier",
    value=0.2496,
    baseline_value=0.2500,
    gain=0.0004,
    low=-0.001,
    high=0.002,
    skill=0.0016,
    skill_low=-0.004,
    skill_high=0.008,
)


def period(year: int) -> CardPeriod:
    return CardPeriod(
        start=f"{year}-01-02T00:00:00+00:00",
        end=f"{year}-12-31T00:00:00+00:00",
        fits=1,
        model_id=f"direction-AAPL_1d-{year}0101-0123456789ab",
        rows_trained=700,
        rows=250,
        effective_rows=50.0,
        seconds=0.25,
        headline=AUC,
        scores=(AUC, BRIER),
    )


CARD = ModelCard(
    model="direction",
    instrument="AAPL_1d",
    predictor="direction",
    estimator="logistic",
    features="core",
    label="direction",
    verdict="No better than always up: AUC 0.51, 95 % 0.48 to 0.54.",
    judgement="no better",
    headline="auc",
    headline_score=AUC,
    main_loss="brier",
    first="2004-01-02T00:00:00+00:00",
    last="2006-12-31T00:00:00+00:00",
    fits=3,
    refit_dates=4,
    rows_unpredicted=0,
    horizons=(
        Horizon(bars=5, rows=750, effective_rows=150.0, scores=(AUC, BRIER), comparisons=(GAIN,)),
    ),
    periods=(period(2004), period(2005), period(2006)),
    training_seconds=0.75,
    reliability=tuple(
        RateBin(
            lower=at - 0.01,
            upper=at + 0.01,
            rows=250,
            effective_rows=50.0,
            mean_forecast=at,
            observed_rate=0.5,
            low=0.37,
            high=0.63,
        )
        for at in (0.48, 0.52, 0.55)
    ),
    importance=(
        Importance(family="momentum", columns=8, increase=0.001, low=-0.002, high=0.004),
        Importance(family="<returns>", columns=3, increase=-0.0005, low=-0.001, high=0.0),
    ),
    coefficients=(Coefficient(feature="rsi_14", mean=-0.2, deviation=0.05, same_sign=1.0),),
    facts={"last model": "direction-AAPL_1d", "spec": "4205f6"},
    notes=("1 of 4 refit dates has no model.",),
)


def test_the_page_shows_the_verdict_first_and_loads_nothing():
    page = render_model_card(CARD)
    assert page == render_model_card(CARD)
    assert page.index(CARD.verdict) < page.index("0.510")
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    for text in ("0.480 to 0.540", "Beside the baselines", "Reliability", "0.2496", "momentum"):
        assert text in page


def test_the_card_is_read_back_from_its_page():
    assert card_in_page(render_model_card(CARD)) == CARD
    with pytest.raises(DataQualityError, match="holds no model card"):
        card_in_page("<html></html>")


def test_names_of_users_are_escaped():
    bad = "<script>alert(1)</script>"
    page = render_model_card(replace(CARD, verdict=bad, notes=(bad,), model=bad, facts={bad: bad}))
    assert bad not in page
    assert card_in_page(page).notes == (bad,)


def test_every_picture_is_whole():
    page = render_model_card(CARD)
    pictures = page.split("<svg")[1:]
    assert len(pictures) == 3
    for each in pictures:
        picture = "<svg" + each[: each.index("</svg>") + 6]
        assert ElementTree.fromstring(picture).tag == "svg"
        assert "nan" not in picture.lower()


def test_a_card_without_anything_to_score_is_a_page_too():
    empty = replace(
        CARD,
        headline_score=None,
        horizons=(),
        periods=(),
        reliability=(),
        importance=(),
        coefficients=(),
        first=None,
        last=None,
        training_seconds=None,
    )
    page = render_model_card(empty)
    assert CARD.verdict in page
    assert "<svg" not in page
    assert card_in_page(page) == empty


def test_one_period_and_equal_values_can_be_drawn():
    flat = replace(AUC, low=None, high=None, value=0.5)
    one = replace(CARD, periods=(replace(period(2004), headline=flat),))
    assert "nan" not in render_model_card(replace(one, reliability=CARD.reliability[:1])).lower()


def test_horizons_of_a_path_are_beside_each_other():
    drift = replace(GAIN, baseline="drift", loss="mse")
    horizons = tuple(
        replace(CARD.horizons[0], bars=bars, comparisons=(drift,)) for bars in (1, 2, 4)
    )
    page = render_model_card(replace(CARD, horizons=horizons))
    assert "By horizon" in page
    assert "Scores out of sample, 1 bar ahead" in page


def test_what_the_asset_page_shows_is_small_and_whole():
    image = reliability_image(CARD)
    assert len(image) < 20_000
    kind, content = image.split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    assert ElementTree.fromstring(base64.b64decode(content)).tag.endswith("svg")
    assert "| AUC | 0.510 | 0.480 to 0.540 | 0.500 |" in card_table(CARD)
