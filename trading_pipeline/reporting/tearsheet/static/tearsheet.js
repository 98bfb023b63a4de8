(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const L = window.LightweightCharts;
  const charts = [];
  const styled = [];
  const removed = new Set();

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }
  function layout() {
    return {
      layout: { background: { type: "solid", color: "transparent" }, textColor: color("muted"), attributionLogo: false },
      grid: { vertLines: { color: color("line") }, horzLines: { color: color("line") } },
      rightPriceScale: { borderColor: color("line") },
      timeScale: { borderColor: color("line") },
    };
  }
  function chart(id) {
    const box = document.getElementById(id);
    const made = L.createChart(box, Object.assign(layout(), { autoSize: true, crosshair: { mode: 0 } }));
    made.timeScale().applyOptions({ timeVisible: data.intraday, secondsVisible: false, minBarSpacing: 0.01 });
    made.applyOptions({ rightPriceScale: { minimumWidth: 84, entireTextOnly: true } });
    charts.push(made);
    return made;
  }
  function add(owner, kind, values, options) {
    const series = owner.addSeries(kind, options());
    series.setData(values);
    styled.push(function () { if (!removed.has(series)) { series.applyOptions(options()); } });
    return series;
  }
  function line(values) {
    return data.time.map(function (time, i) {
      return values[i] === null ? { time: time } : { time: time, value: values[i] };
    });
  }

  // The chart joins the points on both sides of a gap; hidden points on its edges break the line.
  function broken(values) {
    return data.time.map(function (time, i) {
      const next = i + 1 < values.length ? values[i + 1] : null;
      if (values[i] !== null && next !== null) { return { time: time, value: values[i] }; }
      const edge = values[i] !== null ? values[i] : next;
      return edge === null ? { time: time } : { time: time, value: edge, color: "transparent" };
    });
  }

  function drawLines() {
    const kinds = { line: L.LineSeries, step: L.LineSeries, histogram: L.HistogramSeries };
    shown.lines.forEach(function (one) {
      const options = { color: one.color, priceLineVisible: false, lastValueVisible: false };
      if (one.style === "histogram") { options.color = one.color + "88"; }
      else { options.lineWidth = 1; options.lineType = one.style === "step" ? 1 : 0; options.crosshairMarkerVisible = false; }
      const series = price.addSeries(kinds[one.style], options, one.pane);
      drawn.push(series);
      series.setData(one.style === "histogram" ? line(one.values) : broken(one.values));
      one.levels.forEach(function (level) {
        series.createPriceLine({ price: level, color: one.color, lineWidth: 1, lineStyle: 2, axisLabelVisible: false, title: "" });
      });
    });
    price.panes().forEach(function (pane, i) { pane.setStretchFactor(i ? 11 : 38); });
  }

  const price = document.getElementById("price-chart") ? chart("price-chart") : null;
  const choice = document.getElementById("instrument");
  let shown = null;
  let drawn = [];
  let markNow = function () {};
  styled.push(function () { markNow(); });
  if (price) {
    drawInstrument();
    if (choice) { choice.addEventListener("change", drawInstrument); }
    price.timeScale().subscribeVisibleLogicalRangeChange(function () { markNow(); });
  }
  function drawInstrument() {
    drawn.forEach(function (series) { removed.add(series); price.removeSeries(series); });
    drawn = [];
    shown = choice ? data.instruments[choice.value] : data;
    drawPrices();
    drawLines();
  }
  function drawPrices() {
    const candles = add(price, L.CandlestickSeries, data.time.map(function (time, i) {
      return shown.open[i] === null ? { time: time }
        : { time: time, open: shown.open[i], high: shown.high[i], low: shown.low[i], close: shown.close[i] };
    }), function () {
      return { upColor: color("up"), downColor: color("down"), wickUpColor: color("up"),
        wickDownColor: color("down"), borderVisible: false, priceLineVisible: false };
    });
    drawn.push(candles);
    const most = 400;
    const hint = document.getElementById("markers-hint");
    function markers() {
      const range = price.timeScale().getVisibleLogicalRange();
      const seen = shown.markers.filter(function (m) {
        return range === null || (m[0] >= range.from && m[0] <= range.to);
      });
      hint.hidden = seen.length <= most;
      return seen.length > most ? [] : seen.map(function (m) {
        const buys = m[1] > 0;
        return { time: data.time[m[0]], position: buys ? "belowBar" : "aboveBar",
          shape: buys ? "arrowUp" : "arrowDown", color: m[2] ? color(buys ? "up" : "down") : color("muted"),
          text: "" };
      });
    }
    const marks = L.createSeriesMarkers(candles, []);
    let pending = false;
    function mark() {
      if (pending) { return; }
      pending = true;
      setTimeout(function () { pending = false; marks.setMarkers(markers()); }, 60);
    }
    markNow = mark;
    mark();
  }

  const money = {
    type: "custom", minMove: 0.01,
    formatter: function (v) {
      return v.toLocaleString("en-US", { maximumFractionDigits: Math.abs(v) < 1000 ? 2 : 0 });
    },
  };
  const percent = { type: "custom", minMove: 0.0001, formatter: function (v) { return (100 * v).toFixed(1) + " %"; } };
  const equity = chart("equity-chart");
  if (data.benchmark) {
    add(equity, L.LineSeries, line(data.benchmark), function () {
      return { color: color("benchmark"), lineWidth: 1, priceLineVisible: false, priceFormat: money };
    });
  }
  add(equity, L.LineSeries, line(data.equity), function () {
    return { color: color("accent"), lineWidth: 2, priceLineVisible: false, priceFormat: money };
  });

  const drawdown = chart("drawdown-chart");
  drawdown.priceScale("right").applyOptions({ scaleMargins: { top: 0.06, bottom: 0.06 } });
  if (data.benchmarkDrawdown) {
    add(drawdown, L.LineSeries, line(data.benchmarkDrawdown), function () {
      return { color: color("benchmark"), lineWidth: 1, priceLineVisible: false, lastValueVisible: false, priceFormat: percent };
    });
  }
  add(drawdown, L.BaselineSeries, line(data.drawdown), function () {
    return { baseValue: { type: "price", price: 0 }, bottomLineColor: color("down"),
      bottomFillColor1: color("down") + "11", bottomFillColor2: color("down") + "44",
      topLineColor: color("down"), topFillColor1: "transparent", topFillColor2: "transparent",
      lineWidth: 1, priceLineVisible: false, priceFormat: percent };
  });

  let moving = false;
  charts.forEach(function (source) {
    source.timeScale().fitContent();
    source.timeScale().subscribeVisibleLogicalRangeChange(function (range) {
      if (moving || range === null) { return; }
      moving = true;
      charts.forEach(function (other) {
        if (other !== source) { other.timeScale().setVisibleLogicalRange(range); }
      });
      moving = false;
    });
  });

  document.addEventListener("themechange", function () {
    charts.forEach(function (made) { made.applyOptions(layout()); });
    styled.forEach(function (restyle) { restyle(); });
  });
  const log = document.getElementById("log");
  function setLog(on) {
    log.setAttribute("aria-pressed", String(on));
    [price, equity].filter(Boolean).forEach(function (made) { made.priceScale("right").applyOptions({ mode: on ? 1 : 0 }); });
  }
  log.addEventListener("click", function () { setLog(log.getAttribute("aria-pressed") !== "true"); });
  setLog(data.logScale);
})();
