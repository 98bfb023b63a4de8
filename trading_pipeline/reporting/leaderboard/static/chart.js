// Draws equity curves on one SVG: `drawCurves(box, series, options)`; a crosshair tells values.
const SVG_SPACE = document.querySelector("#chart svg").namespaceURI;
const CURVE_DASHES = ["", "", "", "7 3", "2 3", "8 3 2 3"];
const drawCurves = (function () {
  "use strict";
  const HEIGHT = 300, TOP = 10, BOTTOM = 24, LEFT = 52, RIGHT = 12;

  function element(name, attributes, parent) {
    const made = document.createElementNS(SVG_SPACE, name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    if (parent) { parent.appendChild(made); }
    return made;
  }
  function points(curve) {
    let passed = 0;
    return curve.steps.map(function (step, i) {
      passed += step;
      return { at: curve.first + passed * curve.unit, value: curve.values[i] };
    });
  }
  function last(list, at) { // position of the last point at or before a moment, -1 before the first
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].at <= at) { low = middle + 1; } else { high = middle; }
    }
    return low - 1;
  }
  // Curves from the first moment that all have, 100 there; null where there is no such moment.
  function indexed(curves) {
    const lists = curves.map(points);
    const start = Math.max.apply(null, lists.map(function (list) { return list[0].at; }));
    const end = Math.min.apply(null, lists.map(function (list) { return list[list.length - 1].at; }));
    if (!lists.length || end <= start) { return null; }
    return lists.map(function (list) {
      const from = last(list, start), base = list[from].value;
      if (!(base > 0)) { return []; }
      return list.slice(from).map(function (point, i) {
        return { at: i ? point.at : start, value: point.value / base * 100 };
      });
    });
  }
  function steps(low, high, most) {
    const rough = (high - low) / most || 1, power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map(function (n) { return n * power; }).find(function (n) { return n >= rough; });
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) { found.push(value); }
    return found;
  }
  function logSteps(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      [1, 2, 5].forEach(function (n) {
        const value = n * Math.pow(10, power);
        if (value >= low && value <= high) { found.push(value); }
      });
    }
    return found.length > 1 ? found : steps(low, high, 5);
  }
  function day(at, span) {
    const text = new Date(at * 1000).toISOString();
    return span < 10 * 86400 ? text.slice(0, 16).replace("T", " ") : text.slice(0, 10);
  }
  function number(value) { return value >= 1000 ? value.toFixed(0) : value.toFixed(1); }

  return function (box, curves, options) {
    const lists = indexed(curves.map(function (each) { return each.curve; }));
    box.replaceChildren();
    if (!lists || !lists.some(function (list) { return list.length; })) { return false; }
    const all = lists.flat(), width = Math.max(box.clientWidth, 240);
    const start = Math.min.apply(null, all.map(function (p) { return p.at; }));
    const end = Math.max.apply(null, all.map(function (p) { return p.at; })), span = end - start;
    const values = all.map(function (p) { return p.value; });
    let low = Math.min.apply(null, values), high = Math.max.apply(null, values);
    const isLog = options.log && low > 0;
    if (high === low) { high += 1; low -= 1; }
    const scale = isLog ? Math.log : function (value) { return value; };
    function x(at) { return LEFT + (at - start) / span * (width - LEFT - RIGHT); }
    function y(value) { return TOP + (scale(high) - scale(value)) / (scale(high) - scale(low)) * (HEIGHT - TOP - BOTTOM); }
    const svg = element("svg", { viewBox: "0 0 " + width + " " + HEIGHT, height: HEIGHT, role: "img", tabindex: "0" }, box);
    svg.setAttribute("aria-label", "Equity curves, 100 on " + day(start, span) + "; arrow keys move the crosshair");
    (isLog ? logSteps(low, high) : steps(low, high, 6)).forEach(function (value) {
      element("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }, svg);
      element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, svg).textContent = String(+value.toPrecision(6));
    });
    if (low <= 100 && high >= 100) {
      element("line", { class: "base", x1: LEFT, x2: width - RIGHT, y1: y(100), y2: y(100) }, svg);
    }
    const labels = Math.max(2, Math.floor((width - LEFT) / 130));
    for (let i = 0; i <= labels; i += 1) {
      const at = start + span * i / labels, anchor = i === labels ? "end" : i ? "middle" : "start";
      element("text", { x: x(at), y: HEIGHT - 6, "text-anchor": anchor }, svg).textContent = day(at, span);
    }
    lists.forEach(function (list, i) {
      const line = list.map(function (p, n) { return (n ? "L" : "M") + x(p.at).toFixed(1) + " " + y(p.value).toFixed(1); }).join("");
      const slot = curves[i].slot;
      const path = element("path", { d: line, "data-id": curves[i].id, "stroke-dasharray": CURVE_DASHES[slot] }, svg);
      path.style.stroke = "var(--c" + (slot + 1) + ")";
    });
    const cross = element("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }, svg);
    const dots = lists.map(function (list, i) {
      const dot = element("circle", { r: 3.5, visibility: "hidden" }, svg);
      dot.style.fill = "var(--c" + (curves[i].slot + 1) + ")";
      return dot;
    });
    const moments = Array.from(new Set(all.map(function (p) { return p.at; }))).sort(function (a, b) { return a - b; });
    let position = -1;
    function show(place) { // -1 hides the crosshair
      position = place;
      const at = moments[place];
      cross.setAttribute("visibility", place < 0 ? "hidden" : "visible");
      if (place >= 0) { cross.setAttribute("x1", x(at)); cross.setAttribute("x2", x(at)); }
      options.tell(place < 0 ? "" : day(at, span), lists.map(function (list, i) {
        const found = place < 0 || !list.length || at > list[list.length - 1].at ? -1 : last(list, at);
        dots[i].setAttribute("visibility", found < 0 ? "hidden" : "visible");
        if (found >= 0) { dots[i].setAttribute("cx", x(at)); dots[i].setAttribute("cy", y(list[found].value)); }
        return found < 0 ? "" : number(list[found].value);
      }));
    }
    svg.addEventListener("pointermove", function (event) {
      const frame = svg.getBoundingClientRect();
      const at = start + ((event.clientX - frame.left) / frame.width * width - LEFT) / (width - LEFT - RIGHT) * span;
      let place = Math.max(0, last(moments.map(function (m) { return { at: m }; }), at));
      if (place + 1 < moments.length && moments[place + 1] - at < at - moments[place]) { place += 1; }
      show(place);
    });
    svg.addEventListener("pointerleave", function () { show(-1); });
    svg.addEventListener("blur", function () { show(-1); });
    svg.addEventListener("keydown", function (event) {
      const end = moments.length - 1, page = Math.max(1, Math.round(end / 20));
      const now = position < 0 ? end : position;
      const next = { ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - page, PageDown: now + page, Home: 0, End: end, Escape: -1 }[event.key];
      if (next === undefined) { return; }
      event.preventDefault();
      show(event.key === "Escape" ? -1 : Math.min(end, Math.max(0, next)));
    });
    options.tell("", lists.map(function () { return ""; }));
    return true;
  };
})();
