// Sorts a table after a click on a header. Of a cell with a number only the number at its beginning
// is compared: 0.71 of `0.71 ± 0.02`.
"use strict";

(() => {
  const digits = new Intl.Collator("en", { numeric: true });

  function number(text) {
    const value = parseFloat(text.replace(/[\s\u202f]/g, ""));
    return Number.isNaN(value) ? null : value;
  }

  function compare(a, b, numeric) {
    if (!numeric) return digits.compare(a, b);
    const [left, right] = [number(a), number(b)];
    // Cells without a value come last in both orders.
    if (left === null || right === null) return left === right ? 0 : left === null ? Infinity : -Infinity;
    return left - right;
  }

  function sort(table, column, header) {
    const down = header.getAttribute("aria-sort") === "ascending";
    const numeric = header.classList.contains("number");
    const body = table.tBodies[0];
    const text = (row) => row.cells[column].textContent;
    const rows = [...body.rows].map((row, index) => ({ row, index }));
    rows.sort((a, b) => {
      const order = compare(text(a.row), text(b.row), numeric);
      if (!order) return a.index - b.index;
      return Number.isFinite(order) && down ? -order : Math.sign(order);
    });
    [...table.tHead.rows[0].cells].forEach((cell) => cell.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map(({ row }) => row));
  }

  document.querySelectorAll("table").forEach((table) => {
    if (!table.tHead || table.tBodies[0].rows.length < 2) return;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      header.replaceChildren(button);
      button.addEventListener("click", () => sort(table, column, header));
    });
  });
})();
