// Sorts, filters and compares the rows; what is chosen stands in the address of the page.
(function () {
  "use strict";
  const MOST = 6, HELD = 4; // rows that are compared; first columns that always show
  const table = document.getElementById("results"), body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const curves = JSON.parse(document.getElementById("curves").textContent);
  const filter = document.getElementById("filter"), logarithmic = document.getElementById("log");
  const comparison = document.getElementById("comparison"), chart = document.getElementById("chart");
  const choosable = heads.slice(HELD), usual = choosable.filter(function (h) { return !h.dataset.off; });
  const rule = document.head.appendChild(document.createElement("style"));
  const rows = Array.from(body.rows), byId = new Map();
  const state = { filter: "", sort: "", columns: usual.map(name), picked: [], log: false };

  rows.forEach(function (row) { if (row.dataset.id && !byId.has(row.dataset.id)) { byId.set(row.dataset.id, row); } });
  function name(head) { return head.dataset.name; }
  function box(row) { return row.cells[0].querySelector("input"); }
  function title(row) { return row.cells[1].querySelector("a, .below") ? row.cells[1].firstChild.textContent + " · " + row.cells[2].textContent : row.cells[1].textContent; }
  function value(row, column) { return row.cells[column].dataset.value || ""; }

  function applySort() {
    const parts = state.sort.split(":"), column = heads.findIndex(function (h) { return h.dataset.sort && name(h) === parts[0]; });
    heads.forEach(function (head) { head.removeAttribute("aria-sort"); });
    if (column < 0) { rows.forEach(function (row) { body.appendChild(row); }); return; }
    const numeric = heads[column].dataset.sort === "number", ascending = parts[1] === "up";
    heads[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
    rows.slice().sort(function (a, b) {
      const x = value(a, column), y = value(b, column);
      if (x === "" || y === "") { return (x === "") - (y === ""); }
      const order = numeric ? Number(x) - Number(y) : x.localeCompare(y);
      return ascending ? order : -order;
    }).forEach(function (row) { body.appendChild(row); });
  }
  function applyFilter() {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach(function (row) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(function (word) { return text.includes(word); });
    });
  }
  function applyColumns() {
    rule.textContent = choosable.map(function (head, i) {
      const place = "#results tr > :nth-child(" + (i + HELD + 1) + ")";
      return state.columns.includes(name(head)) ? "" : place + " { display: none; }";
    }).join("\n");
    document.querySelectorAll("#columns input").forEach(function (input) { input.checked = state.columns.includes(input.value); });
  }
  function swatch(slot) {
    const svg = document.createElementNS(SVG_SPACE, "svg"), line = document.createElementNS(SVG_SPACE, "path");
    svg.setAttribute("width", "22"); svg.setAttribute("height", "8"); svg.setAttribute("aria-hidden", "true");
    line.setAttribute("d", "M0 4H22"); line.setAttribute("stroke-width", "3"); line.setAttribute("stroke-dasharray", CURVE_DASHES[slot]);
    line.style.stroke = "var(--c" + (slot + 1) + ")";
    svg.appendChild(line);
    return svg;
  }
  function made(kind, text, parent) {
    const found = document.createElement(kind);
    found.textContent = text;
    parent.appendChild(found);
    return found;
  }
  function applyPicked() {
    rows.forEach(function (row) {
      const tick = box(row);
      tick.checked = state.picked.includes(row.dataset.id) && byId.get(row.dataset.id) === row;
      tick.disabled = !tick.checked && (state.picked.length >= MOST || !row.dataset.id);
      tick.title = tick.disabled && row.dataset.id ? "At most " + MOST + " are compared; untick one first" : "";
    });
    comparison.hidden = !state.picked.length;
    const picked = state.picked.map(function (id, slot) { return { id: id, slot: slot, row: byId.get(id), curve: curves[id] }; });
    const legend = document.getElementById("legend"), metrics = document.getElementById("metrics");
    legend.replaceChildren(); metrics.replaceChildren();
    const told = picked.map(function (each) {
      const item = made("li", "", legend);
      item.appendChild(swatch(each.slot));
      made("span", title(each.row), item);
      const shown = made("b", "", item), remove = made("button", "×", item);
      remove.type = "button"; remove.setAttribute("aria-label", "Untick " + title(each.row));
      remove.addEventListener("click", function () { pick(each.id, false); });
      return shown;
    });
    if (picked.length) {
      const top = metrics.createTHead().insertRow(), lines = metrics.createTBody();
      made("th", "", top).scope = "col";
      picked.forEach(function (each) { const head = made("th", title(each.row), top); head.scope = "col"; head.style.color = "var(--c" + (each.slot + 1) + ")"; });
      heads.slice(HELD - 1).forEach(function (head, i) {
        if (i && !state.columns.includes(name(head))) { return; }
        const line = lines.insertRow(), first = made("th", head.textContent, line);
        first.scope = "row"; first.title = head.title;
        picked.forEach(function (each) { const cell = each.row.cells[i + HELD - 1]; made("td", cell.textContent, line).className = cell.className.replace(/text|wrap/g, ""); });
      });
    }
    draw(picked, told);
  }
  function draw(picked, told) {
    const drawn = picked.filter(function (each) { return each.curve; });
    const without = picked.filter(function (each) { return !each.curve; }).map(function (each) { return title(each.row); });
    const moment = document.getElementById("moment");
    const done = drawn.length > 0 && drawCurves(chart, drawn, {
      log: state.log,
      tell: function (day, values) {
        told.forEach(function (each) { each.textContent = ""; });
        drawn.forEach(function (each, i) { told[each.slot].textContent = values[i]; });
        moment.textContent = day ? day + ": " + drawn.map(function (each, i) { return title(each.row) + " " + (values[i] || "–"); }).join(", ") : "";
      },
    });
    if (!drawn.length) { chart.replaceChildren(); moment.textContent = ""; }
    const notes = [];
    if (done) { notes.push("Equity, 100 at the first moment that all of them have."); }
    if (drawn.length && !done) { notes.push("These results have no time in common, so their curves cannot be laid over each other."); }
    if (without.length) { notes.push("No equity curve here: " + without.join(", ") + "."); }
    document.getElementById("overlap").textContent = notes.join(" ");
  }
  function apply() { filter.value = state.filter; logarithmic.setAttribute("aria-pressed", String(state.log)); applySort(); applyFilter(); applyColumns(); applyPicked(); }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1)), known = choosable.map(name);
    state.filter = given.get("q") || "";
    state.sort = given.get("sort") || "";
    state.log = given.get("log") === "1";
    state.columns = given.has("columns") ? given.get("columns").split(",").filter(function (n) { return known.includes(n); }) : usual.map(name);
    state.picked = Array.from(new Set((given.get("compare") || "").split(","))).filter(function (id) { return byId.has(id); }).slice(0, MOST);
  }
  function keep() {
    const given = new URLSearchParams();
    if (state.filter) { given.set("q", state.filter); }
    if (state.sort) { given.set("sort", state.sort); }
    if (state.columns.join() !== usual.map(name).join()) { given.set("columns", state.columns.join()); }
    if (state.picked.length) { given.set("compare", state.picked.join()); }
    if (state.log) { given.set("log", "1"); }
    const text = given.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }
  function pick(id, ticked) {
    state.picked = state.picked.filter(function (other) { return other !== id; }).concat(ticked ? [id] : []).slice(0, MOST);
    applyPicked(); keep();
  }

  rows.forEach(function (row) { box(row).addEventListener("change", function (event) { pick(row.dataset.id, event.target.checked); }); });
  heads.forEach(function (head) {
    if (!head.dataset.sort) { return; }
    head.tabIndex = 0;
    function sort() {
      const now = head.getAttribute("aria-sort");
      const up = now ? now === "descending" : head.dataset.sort !== "number";
      state.sort = name(head) + (up ? ":up" : ":down");
      applySort(); keep();
    }
    head.addEventListener("click", sort);
    head.addEventListener("keydown", function (event) { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
  });
  const menu = document.getElementById("columns"), choices = menu.querySelector("div");
  choosable.forEach(function (head) {
    const label = document.createElement("label"), input = document.createElement("input");
    input.type = "checkbox"; input.value = name(head);
    label.append(input, " " + head.textContent);
    input.addEventListener("change", function () {
      state.columns = choosable.map(name).filter(function (n) { return n === input.value ? input.checked : state.columns.includes(n); });
      applyColumns(); applyPicked(); keep();
    });
    choices.appendChild(label);
  });
  menu.addEventListener("keydown", function (event) { if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); } });
  document.addEventListener("click", function (event) { if (menu.open && !menu.contains(event.target)) { menu.open = false; } });
  filter.addEventListener("input", function () { state.filter = filter.value; applyFilter(); keep(); });
  logarithmic.addEventListener("click", function () { state.log = !state.log; logarithmic.setAttribute("aria-pressed", String(state.log)); applyPicked(); keep(); });
  document.getElementById("clear").addEventListener("click", function () { state.picked = []; applyPicked(); keep(); });
  window.addEventListener("hashchange", function () { read(); apply(); });
  let width = chart.clientWidth;
  new ResizeObserver(function () { if (chart.clientWidth && chart.clientWidth !== width) { width = chart.clientWidth; applyPicked(); } }).observe(chart);
  read(); apply();
})();
