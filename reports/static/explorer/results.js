// The rows shown, a page at a time: as pictures or as a table.
"use strict";
(() => {
  const { count, decimal, element, percent } = camaudit;
  const PER_PAGE = 48;
  // They tell little beside the others; sorting, addresses and files have them.
  const UNCHARTED = ["label_probability", "lift"];

  function verdict(rows, row) {
    const code = rows.columns.verdict?.[row] ?? -1;
    if (code < 0) return null;
    const { name, title, mark } = rows.facts.verdicts[code];
    const tested = rows.columns.tested[row];
    return element("span", { class: `verdict ${name}${tested ? "" : " untested"}` },
      element("span", { "aria-hidden": "true" }, `${mark} `), title,
      tested ? null : element("span", { class: "visually-hidden" }, " by the first pass"));
  }

  function saying(rows, row) {
    const { label, predicted, probability } = rows.columns;
    const wrong = label[row] >= 0 && label[row] !== predicted[row];
    const name = (c) => element("span", { class: "name" }, rows.className(c));
    return [
      element("span", { class: "said" }, name(predicted[row]), " ",
        element("span", { class: "num" }, percent(probability[row]))),
      element("span", { class: "is" }, ...(label[row] < 0 ? ["no label"]
        : wrong ? ["label ", name(label[row])] : ["as labelled"])),
    ];
  }

  function card(rows, row, href, role) {
    const stack = camaudit.pictures.stackOf(rows, row);
    const wrong = rows.columns.answer[row] === 1;
    camaudit.pictures.layMap(stack, rows, row, role);
    return element("li", { class: wrong ? "thumb wrong" : "thumb" },
      element("a", { href, "data-image": rows.columns.image_id[row] }, stack,
        element("span", { class: "words" }, ...saying(rows, row))),
      verdict(rows, row),
      element("span", { class: "file", title: rows.uri(row) }, rows.name(row)));
  }

  function headings(rows) {
    const numbers = rows.quantities.filter((name) => !UNCHARTED.includes(name));
    return [
      ["image_id", "Image"], ["label", "Label"], ["predicted", "Predicted"],
      ...(rows.columns.verdict ? [["verdict", "Verdict"]] : []),
      ...numbers.map((name) => [name, rows.facts.quantities[name], true]),
    ];
  }

  function heading([key, text, numeric], sort, onSort) {
    const own = sort.replace(/^-/, "") === key;
    const direction = sort.startsWith("-") ? "descending" : "ascending";
    const button = element("button", { type: "button" }, text);
    const first = numeric ? `-${key}` : key;
    const other = numeric ? key : `-${key}`;
    button.addEventListener("click", () => onSort(sort === first ? other : first));
    return element("th", { scope: "col", class: numeric ? "n" : null, "aria-sort": own ? direction : null }, button);
  }

  function line(rows, row, href, role, columns) {
    const stack = camaudit.pictures.stackOf(rows, row);
    camaudit.pictures.layMap(stack, rows, row, role);
    const { image_id: ids, label, predicted } = rows.columns;
    const cells = columns.map(([key, , numeric]) => {
      if (key === "image_id") {
        return element("th", { scope: "row" }, element("a", { href, "data-image": ids[row] }, stack,
          element("span", { class: "words" }, element("span", { class: "file" }, rows.name(row)),
            element("span", { class: "of" }, `image ${ids[row]}`))));
      }
      if (key === "label") return element("td", {}, rows.className(label[row]));
      if (key === "predicted") return element("td", {}, rows.className(predicted[row]));
      if (key === "verdict") return element("td", {}, verdict(rows, row) ?? "–");
      const value = rows.columns[key][row];
      return element("td", { class: numeric ? "n" : null }, camaudit.isShare(key) ? percent(value) : decimal(value));
    });
    return element("tr", { class: rows.columns.answer[row] === 1 ? "wrong" : null }, ...cells);
  }

  function table(rows, shown, { sort, hrefOf, role, onSort }) {
    const columns = headings(rows);
    const made = element("table", { class: "plain images" },
      element("caption", { class: "visually-hidden" }, "Images; a heading sorts them"),
      element("thead", {}, element("tr", {}, ...columns.map((c) => heading(c, sort, onSort)))),
      element("tbody", {}, ...Array.from(shown, (row) => line(rows, row, hrefOf(row), role, columns))));
    return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Images" }, made);
  }

  function gallery(rows, shown, { hrefOf, role }) {
    return element("ul", { class: "gallery" }, ...Array.from(shown, (row) => card(rows, row, hrefOf(row), role)));
  }

  // Buttons to the first, last and neighbouring pages.
  function pager(page, last, onPage) {
    const button = (text, target, name) => {
      const made = element("button", { type: "button", disabled: target < 1 || target > last, "aria-label": name }, text);
      made.addEventListener("click", () => onPage(target));
      return made;
    };
    return [
      button("« First", page > 1 ? 1 : 0, "First page"), button("‹ Back", page - 1, "Back one page"),
      element("span", {}, `page ${count(page)} of ${count(last)}`),
      button("Next ›", page + 1, "Next page"), button("Last »", page < last ? last : 0, "Last page"),
    ];
  }

  camaudit.UNCHARTED = UNCHARTED;
  camaudit.results = { PER_PAGE, gallery, pager, saying, table, verdict };
})();
