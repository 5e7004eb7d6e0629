// Tables that sort by a click on a heading, and the search for a class.
"use strict";
(() => {
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function compare(a, b, kind, direction) {
    // A missing value stays last, whichever way the column is sorted.
    if (a === "" || b === "") return (a === "") - (b === "");
    return direction * (kind === "text" ? collator.compare(a, b) : Number(a) - Number(b));
  }

  function sort(table, heading, button) {
    const column = heading.cellIndex;
    const kind = button.dataset.kind;
    const before = heading.getAttribute("aria-sort");
    const first = kind === "text" ? "ascending" : "descending";
    const other = first === "ascending" ? "descending" : "ascending";
    const next = before === first ? other : first;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", next);
    const body = table.tBodies[0];
    const direction = next === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows, (row) => [row.cells[column].dataset.sort ?? "", row]);
    rows.sort(([a], [b]) => compare(a, b, kind, direction));
    body.append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const button of table.querySelectorAll("thead button")) {
      button.addEventListener("click", () => sort(table, button.closest("th"), button));
    }
  }
  for (const field of document.querySelectorAll("input[data-filters]")) {
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLocaleLowerCase();
      for (const row of document.getElementById(field.dataset.filters).tBodies[0].rows) {
        row.hidden = !row.cells[0].textContent.toLocaleLowerCase().includes(wanted);
      }
    });
  }
})();
