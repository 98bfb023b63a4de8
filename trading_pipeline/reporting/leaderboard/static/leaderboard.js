(function () {
  "use strict";
  const table = document.getElementById("results");
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);

  function value(row, column) {
    const text = row.cells[column].dataset.value;
    return text === undefined ? "" : text;
  }
  function compare(numeric, ascending, column) {
    return function (a, b) {
      const x = value(a, column), y = value(b, column);
      if (x === "" || y === "") { return (x === "") - (y === ""); }
      const order = numeric ? Number(x) - Number(y) : x.localeCompare(y);
      return ascending ? order : -order;
    };
  }
  heads.forEach(function (head, column) {
    if (!head.dataset.sort) { return; }
    head.tabIndex = 0;
    function sort() {
      const numeric = head.dataset.sort === "number";
      const now = head.getAttribute("aria-sort");
      const ascending = now ? now === "descending" : !numeric;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      Array.from(body.rows).sort(compare(numeric, ascending, column)).forEach(function (row) { body.appendChild(row); });
    }
    head.addEventListener("click", sort);
    head.addEventListener("keydown", function (event) { if (event.key === "Enter") { sort(); } });
  });

  const filter = document.getElementById("filter");
  filter.addEventListener("input", function () {
    const wanted = filter.value.toLowerCase();
    Array.from(body.rows).forEach(function (row) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  });
})();
