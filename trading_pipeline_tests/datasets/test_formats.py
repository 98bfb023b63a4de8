"""Files as providers write them: each is profiled rightly and read back to the very same bars."""

import pandas as pd
import pytest

from trading_pipeline.datasets import profile_dataset, read_dataset_bars
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import bars_at, lines, rows_of, session_bars

HEADER = ["Date", "Open", "High", "Low", "Close", "Volume"]


@pytest.fixture(scope="module")
def daily():
    return session_bars("2024-01-01", "2024-04-01", "1d", "XNYS")


@pytest.fixture(scope="module")
def minutes():
    """Three New York sessions of five-minute bars."""
    return session_bars("2024-01-02", "2024-01-05", "5m", "XNYS")


@pytest.fixture(scope="module")
def hours():
    """Two weeks of hourly bars around the clock."""
    return session_bars("2024-01-01", "2024-01-15", "1h", "24/7", level=42_000.0)


@pytest.fixture
def write(tmp_path):
    def written(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return written


def read(path, answers=None, **knobs):
    profile = profile_dataset(path, answers)
    assert profile.accept, profile.reason
    return profile, read_dataset_bars(path, profile, answers, **knobs)


def same(found, expected, volume=True):
    columns = list(expected.columns) if volume else ["open", "high", "low", "close"]
    pd.testing.assert_frame_equal(found[columns], expected[columns], check_freq=False)


def test_yahoo(write, daily):
    rows = [[*r[:5], r[4], r[5]] for r in rows_of(daily, "%Y-%m-%d")]
    path = write(lines([["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"], *rows]))
    profile, bars = read(path)
    same(bars, daily)
    shown = profile.to_json()
    assert shown["columns"] == {
        "timestamp": ["Date"],
        "open": "Open",
        "high": "High",
        "low": "Low",
        "close": "Close",
        "volume": "Volume",
    }
    assert shown["timestamp"] == {"kind": "date", "unit": None, "format": "%Y-%m-%d"}
    assert (shown["tz"], shown["timeframe"], shown["calendar"]) == ("naive", "1d", "XNYS")
    assert (shown["first"], shown["last"]) == ("2024-01-02", "2024-03-28")
    assert (shown["rows"], shown["valid_rows"], shown["missing_bars"]) == (61, 61, 0)
    assert shown["problems"] == {}
    assert profile.open_questions == ()


def klines(hours, factor):
    rows = []
    for (ts, row), cells in zip(hours.iterrows(), rows_of(hours), strict=True):
        opened = int(ts.value) // 1000 * factor // 1000
        closed = opened + 3_600_000 * factor // 1 - 1
        rows.append([str(opened), *cells[1:], str(closed), f"{row['volume'] * 2:.2f}", "812",
                     f"{row['volume'] / 2:.8f}", f"{row['volume']:.8f}", "0"])  # fmt: skip
    return lines(rows)


@pytest.mark.parametrize(("factor", "unit"), [(1, "ms"), (1000, "us")])
def test_binance_klines_without_a_header(write, hours, factor, unit):
    profile, bars = read(write(klines(hours, factor)))
    same(bars, hours)
    shown = profile.to_json()
    assert shown["header"] is False
    assert shown["columns"] == {
        "timestamp": [0],
        "open": 1,
        "high": 2,
        "low": 3,
        "close": 4,
        "volume": 5,
    }
    assert shown["timestamp"] == {"kind": "epoch", "unit": unit, "format": None}
    assert (shown["tz"], shown["timeframe"], shown["calendar"]) == ("UTC", "1h", "24/7")
    assert shown["first"] == "2024-01-01T00:00:00+00:00"
    assert profile.open_questions == ()


def test_klines_that_change_from_ms_to_us_in_one_file(write, hours):
    text = klines(hours.iloc[:200], 1) + klines(hours.iloc[200:], 1000)
    _, bars = read(write(text))
    same(bars, hours)


def test_metatrader_4(write, hours):
    weekdays = hours[hours.index.day_of_week < 5]
    rows = [[*r[0].split(" "), *r[1:]] for r in rows_of(weekdays, "%Y.%m.%d %H:%M")]
    answers = DatasetAnswers(tz="UTC")
    profile, bars = read(write(lines(rows)), answers)
    same(bars, weekdays)
    assert profile.columns["timestamp"] == [0, 1]
    assert profile.timestamp["kind"] == "date+time"
    assert profile.timestamp["format"] == "%Y.%m.%d %H:%M"
    assert profile.calendar == "24/5"


def test_metatrader_5_takes_the_tick_volume_where_the_real_one_is_zero(write, hours):
    rows = [[*r[0].split(" "), *r[1:], "0", "12"] for r in rows_of(hours, "%Y.%m.%d %H:%M:%S")]
    names = [
        "<DATE>",
        "<TIME>",
        "<OPEN>",
        "<HIGH>",
        "<LOW>",
        "<CLOSE>",
        "<TICKVOL>",
        "<VOL>",
        "<SPREAD>",
    ]
    profile, bars = read(write(lines([names, *rows], "\t")), DatasetAnswers(tz="UTC"))
    same(bars, hours)
    assert profile.delimiter == "\t"
    assert profile.columns["timestamp"] == ["<DATE>", "<TIME>"]
    assert profile.columns["volume"] == "<TICKVOL>"


def test_tradingview_epoch(write, minutes):
    rows = [
        [str(int(ts.timestamp())), *r[1:]]
        for ts, r in zip(minutes.index, rows_of(minutes), strict=True)
    ]
    profile, bars = read(write(lines([["time", "open", "high", "low", "close", "Volume"], *rows])))
    same(bars, minutes)
    assert profile.timestamp["unit"] == "s"
    assert (profile.tz, profile.calendar, profile.timeframe) == ("UTC", "XNYS", "5m")


def test_tradingview_iso_with_an_offset(write, minutes):
    rows = [
        [ts.tz_convert("America/New_York").isoformat(), *r[1:]]
        for ts, r in zip(minutes.index, rows_of(minutes), strict=True)
    ]
    profile, bars = read(write(lines([["time", "open", "high", "low", "close", "Volume"], *rows])))
    same(bars, minutes)
    assert (profile.tz, profile.calendar) == ("offset", "XNYS")
    assert profile.first == "2024-01-02T14:30:00+00:00"
    assert profile.timestamp["format"] == "%Y-%m-%dT%H:%M:%S%z"


def test_tradingview_daily_bars_stamped_at_the_open_get_the_session_date(write, daily):
    opens = [
        str(int(pd.Timestamp(f"{day.date()} 09:30", tz="America/New_York").timestamp()))
        for day in daily.index
    ]
    rows = [[when, *r[1:]] for when, r in zip(opens, rows_of(daily), strict=True)]
    profile, bars = read(write(lines([["time", "open", "high", "low", "close", "Volume"], *rows])))
    same(bars, daily)
    assert (profile.timeframe, profile.calendar, profile.missing_bars) == ("1d", "XNYS", 0)


def test_cryptodatadownload_with_a_banner_and_newest_first(write, hours):
    rows = [
        [str(int(ts.timestamp())), r[0], "BTC/USD", *r[1:5], r[5], f"{float(r[5]) * 42_000:.2f}"]
        for ts, r in zip(hours.index, rows_of(hours), strict=True)
    ]
    names = "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD"
    text = f"https://www.CryptoDataDownload.com\n{names}\n" + lines(rows[::-1])
    profile, bars = read(write(text))
    same(bars, hours)
    assert (profile.skip_rows, profile.header) == (1, True)
    assert profile.columns["volume"] == "Volume BTC"
    assert profile.columns["timestamp"] == ["unix"]
    assert profile.symbols == ("BTC/USD",)
    assert dict(profile.problems) == {"descending": 1}


def test_european_semicolons_and_decimal_commas(write, daily):
    rows = [
        [
            r[0],
            *("1." + cell.replace(".", ",") for cell in r[1:5]),
            r[5],
        ]
        for r in rows_of(daily, "%d.%m.%Y")
    ]  # fmt: skip
    names = ["Datum", "Eröffnung", "Hoch", "Tief", "Schluss", "Volumen"]
    path = write(lines([names, *rows], ";"), encoding="cp1252")
    profile, bars = read(path)
    expected = daily.copy()
    expected[["open", "high", "low", "close"]] = [
        [float(cell.replace(".", "").replace(",", ".")) for cell in row[1:5]] for row in rows
    ]
    same(bars, expected)
    shown = profile.to_json()
    assert (shown["encoding"], shown["delimiter"]) == ("cp1252", ";")
    assert (shown["decimal"], shown["thousands"]) == (",", ".")
    assert shown["timestamp"]["format"] == "%d.%m.%Y"


def test_stooq_daily_and_its_long_form(write, daily):
    rows = [["AAPL.US", "D", r[0], "000000", *r[1:], "0"] for r in rows_of(daily, "%Y%m%d")]
    names = [
        "<TICKER>",
        "<PER>",
        "<DATE>",
        "<TIME>",
        "<OPEN>",
        "<HIGH>",
        "<LOW>",
        "<CLOSE>",
        "<VOL>",
        "<OPENINT>",
    ]
    profile, bars = read(write(lines([names, *rows]), "aapl.us.txt"))
    same(bars, daily)
    assert profile.timestamp["kind"] == "date+time"
    assert profile.symbols == ("AAPL.US",)
    _, bars = read(write(lines([HEADER, *rows_of(daily, "%Y-%m-%d")]), "short.csv"))
    same(bars, daily)


def test_nasdaq_com_with_dollar_signs_and_month_first(write, daily):
    rows = [
        [r[0], f"${r[4]}", r[5], f"${r[1]}", f"${r[2]}", f"${r[3]}"]
        for r in rows_of(daily, "%m/%d/%Y")
    ]
    names = ["Date", "Close/Last", "Volume", "Open", "High", "Low"]
    profile, bars = read(write(lines([names, *rows[::-1]])))
    same(bars, daily)
    assert profile.columns["close"] == "Close/Last"
    assert profile.timestamp["format"] == "%m/%d/%Y"
    assert dict(profile.problems) == {"descending": 1}


def test_investing_com_with_quotes_and_millions(write, daily):
    rounded = daily.assign(volume=(daily["volume"] / 1e4).round() * 1e4)
    rows = [
        [r[0], f"1,{float(r[4]):06.2f}", f"1,{float(r[1]):06.2f}", f"1,{float(r[2]):06.2f}",
         f"1,{float(r[3]):06.2f}", f"{float(r[5]) / 1e6:.2f}M", "-0.52%"]
        for r in rows_of(rounded, "%b %d, %Y")
    ]  # fmt: skip
    quoted = [[f'"{cell}"' for cell in row] for row in rows[::-1]]
    names = [f'"{name}"' for name in ("Date", "Price", "Open", "High", "Low", "Vol.", "Change %")]
    profile, bars = read(write("\ufeff" + lines([names, *quoted])))
    expected = rounded.copy()
    expected[["open", "high", "low", "close"]] += 1000.0
    pd.testing.assert_frame_equal(bars, expected, check_freq=False, rtol=1e-12)
    assert profile.thousands == ","
    assert profile.columns["close"] == "Price"
    assert dict(profile.problems) == {"bom": 1, "descending": 1}


def test_excel_unicode_text_is_utf_16_with_tabs(write, daily):
    text = lines([HEADER, *rows_of(daily, "%d/%m/%Y")], "\t").replace("\n", "\r\n")
    profile, bars = read(write(text, "sheet.txt", "utf-16"))
    same(bars, daily)
    assert (profile.encoding, profile.delimiter) == ("utf-16-le", "\t")
    assert profile.problems["bom"] == 1


def test_yfinance_header_of_three_lines(write, daily):
    rows = [[r[0], r[4], r[2], r[3], r[1], r[5]] for r in rows_of(daily, "%Y-%m-%d")]
    head = "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n"
    profile, bars = read(write(head + lines(rows)))
    same(bars, daily)
    assert profile.header == "multi"
    assert profile.columns["timestamp"] == ["Date"]
    assert profile.symbols == ("AAPL",)


def test_yfinance_of_two_tickers_asks_for_one_and_reads_each(write, daily):
    other = bars_at(daily.index, seed=8, level=300.0)
    one, two = rows_of(daily, "%Y-%m-%d"), rows_of(other, "%Y-%m-%d")
    rows = [
        [a[0], *(cell for i in (4, 2, 3, 1, 5) for cell in (a[i], b[i]))]
        for a, b in zip(one, two, strict=True)
    ]
    fields = [name for name in ("Close", "High", "Low", "Open", "Volume") for _ in range(2)]
    head = lines([["Price", *fields], ["Ticker", *["AAPL", "MSFT"] * 5], ["Date", *[""] * 10]])
    path = write(head + lines(rows))
    profile = profile_dataset(path)
    assert profile.problems["multiple_symbols"] == 2
    with pytest.raises(DatasetFormatError, match="--symbol"):
        read_dataset_bars(path, profile)
    same(read_dataset_bars(path, profile, symbol="MSFT"), other)
    same(read_dataset_bars(path, profile, DatasetAnswers(symbol="AAPL")), daily)


@pytest.mark.parametrize("interleaved", [True, False])
def test_a_long_file_of_several_symbols(write, daily, interleaved):
    symbols = {name: bars_at(daily.index, seed=i) for i, name in enumerate(("AAPL", "IBM", "MSFT"))}
    rows = [[name, *r] for name, bars in symbols.items() for r in rows_of(bars, "%Y-%m-%d")]
    if interleaved:
        rows.sort(key=lambda row: row[1])
    path = write(lines([["symbol", "date", "open", "high", "low", "close", "volume"], *rows]))
    profile = profile_dataset(path)
    assert profile.symbols == ("AAPL", "IBM", "MSFT")
    assert dict(profile.problems) == {"multiple_symbols": 3}
    assert (profile.timeframe, profile.missing_bars) == ("1d", 0)
    assert [question.key for question in profile.open_questions] == ["symbol"]
    for name, bars in symbols.items():
        same(read_dataset_bars(path, profile, symbol=name), bars)
    with pytest.raises(DatasetFormatError, match="Did you mean 'AAPL'"):
        read_dataset_bars(path, profile, symbol="AAPLE")


def test_parquet_with_aware_stamps_and_as_pandas_writes_an_index(tmp_path, minutes):
    path = tmp_path / "bars.parquet"
    minutes.to_parquet(path)
    profile, bars = read(path)
    same(bars, minutes)
    assert (profile.encoding, profile.delimiter, profile.tz) == ("parquet", None, "UTC")
    assert profile.calendar == "XNYS"


def test_parquet_with_naive_stamps_asks_for_the_zone(tmp_path, minutes):
    path = tmp_path / "bars.parquet"
    naive = minutes.set_axis(minutes.index.tz_convert("America/New_York").tz_localize(None), axis=0)
    naive.rename_axis("timestamp").reset_index().to_parquet(path, index=False)
    profile = profile_dataset(path)
    assert (profile.tz, profile.suggest_tz) == ("naive", "America/New_York")
    same(read_dataset_bars(path, profile, DatasetAnswers(tz="America/New_York")), minutes)


def test_weekly_bars_are_named_by_their_first_session(write):
    weekly = session_bars("2023-01-01", "2024-01-01", "1w", "XNYS")
    fridays = [
        (day - pd.Timedelta(days=day.day_of_week) + pd.Timedelta(days=4)) for day in weekly.index
    ]
    rows = [[f"{day:%Y-%m-%d}", *r[1:]] for day, r in zip(fridays, rows_of(weekly), strict=True)]
    answers = DatasetAnswers(calendar="XNYS")
    profile, bars = read(write(lines([HEADER, *rows])), answers)
    same(bars, weekly)
    assert (profile.timeframe, profile.missing_bars) == ("1w", 0)
