// The table of a layer's units: drawn a hundred rows at a time, sorted and searched here.
// layers/0.html#unit-12 shows unit 12 alone, opened.
"use strict";
(() => {
  const table = document.getElementById("unit-table");
  if (!table) return;
  const { rows, classes, owners, top, least } = JSON.parse(table.dataset.units);
  const root = table.dataset.root;
  const withPage = new Set(JSON.parse(table.dataset.classPages));
  const body = table.tBodies[0];
  const status = document.getElementById("unit-status");
  const more = document.getElementById("unit-more");
  const search = document.getElementById("unit-search");
  const kind = document.getElementById("unit-kind");
  const buttons = Array.from(table.tHead.querySelectorAll("button"));
  const columns = buttons.map((button) => Number(button.dataset.sorts));
  const STEP = 100;
  const [UNIT, CLASS, SILENT, RISE, RISING, DEAD] = [0, 1, 3, 10, 11, 12];
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const state = { column: UNIT, direction: 1, shown: STEP };

  const nameOf = (number) => (number < 0 ? "" : classes[number][1]);
  const count = (number) => number.toLocaleString("en");

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function format(value, column) {
    if (value === null) return "–";
    if (column === SILENT) return `${(100 * value).toFixed(1)} %`;
    if (column === RISE) return `+${value.toFixed(2)}`;
    const text = Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
    return text.replace("-", "−");
  }

  function compare(a, b) {
    let [x, y] = [a[state.column], b[state.column]];
    if (state.column === CLASS) [x, y] = [nameOf(x) || null, nameOf(y) || null];
    // A missing value stays last, whichever way the column is sorted.
    if (x === null || y === null) return (x === null) - (y === null) || a[UNIT] - b[UNIT];
    const order = state.column === CLASS ? collator.compare(x, y) : x - y;
    return state.direction * order || a[UNIT] - b[UNIT];
  }

  function matches(row) {
    const unit = row[UNIT];
    if (kind.value === "pictured" && !top[unit]) return false;
    if (kind.value === "owned" && !owners[unit]) return false;
    if (kind.value === "dead" && !row[DEAD]) return false;
    if (kind.value === "driven" && row[RISE] === null) return false;
    const wanted = search.value.trim().toLocaleLowerCase().replace(/^unit\s+(?=\d)/, "");
    if (!wanted) return true;
    if (/^\d+$/.test(wanted)) return String(unit) === wanted;
    const names = [row[CLASS], ...(owners[unit] ?? [])].map(nameOf);
    return names.some((name) => name.toLocaleLowerCase().includes(wanted));
  }

  function crop([number, activation, label, file, box], what) {
    const figure = element("figure", undefined, "crop");
    const stack = element("span", undefined, "stack");
    if (number < 0) {
      stack.append(element("span", undefined, "ground"), element("span", "image cannot be read", "badge"));
    } else {
      const image = element("img", undefined, "view");
      Object.assign(image, { src: `${root}crops/${number}.jpg`, width: 128, height: 128, loading: "lazy", alt: `${what} in ${file}` });
      stack.append(image);
    }
    if (number >= 0 && box) stack.append(outline(box));
    stack.title = file;
    const caption = element("figcaption");
    caption.append(element("span", format(activation), "num"), element("span", nameOf(label) || "no label", "under"));
    figure.append(stack, caption);
    return figure;
  }

  function outline([x, y, width, height]) {
    const SVG = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "found");
    svg.setAttribute("viewBox", "0 0 1 1");
    svg.setAttribute("aria-hidden", "true");
    for (const name of ["halo", "line"]) {
      const rect = document.createElementNS(SVG, "rect");
      rect.setAttribute("class", name);
      for (const [key, value] of Object.entries({ x, y, width, height })) rect.setAttribute(key, value);
      svg.append(rect);
    }
    return svg;
  }

  function classLinks(numbers) {
    const line = element("p", "Class-specific for ", "of");
    numbers.forEach((number, position) => {
      const [classIdx, name] = classes[number];
      const link = element("a", name);
      const folder = withPage.has(classIdx) ? "patterns" : "classes";
      link.href = `${root}${folder}/${classIdx}.html`;
      line.append(position ? ", " : "", link);
    });
    return line;
  }

  function detail(row) {
    const unit = row[UNIT];
    const opened = element("tr", undefined, "opened");
    const cell = element("td");
    cell.colSpan = columns.length;
    if (owners[unit]) cell.append(classLinks(owners[unit]));
    if (row[RISE] !== null) cell.append(element("p", `Rises over mistakes driven by the background and taken for ${nameOf(row[RISING])}.`, "of"));
    const groups = element("div", undefined, "ends");
    for (const [title, crops, what] of [["Most", top[unit], "Around the peak"], ["Least", least[unit], "All that the model saw"]]) {
      if (!crops?.length) continue;
      const part = element("div");
      const grid = element("div", undefined, "crops");
      grid.append(...crops.map((entry) => crop(entry, what)));
      part.append(element("h3", title), grid);
      groups.append(part);
    }
    cell.append(groups);
    opened.append(cell);
    return opened;
  }

  function draw(row) {
    const drawn = element("tr");
    const unit = row[UNIT];
    columns.forEach((column, position) => {
      const cell = element(position ? "td" : "th", undefined, column === CLASS ? "" : "n");
      if (!position) cell.scope = "row";
      if (column === UNIT && top[unit]) {
        const button = element("button", String(unit), "opens");
        button.type = "button";
        button.setAttribute("aria-expanded", "false");
        button.addEventListener("click", () => toggle(drawn, row, button));
        cell.append(button);
      } else if (column === UNIT) cell.textContent = unit;
      else if (column === CLASS) cell.textContent = nameOf(row[CLASS]) || "–";
      else cell.textContent = format(row[column], column);
      drawn.append(cell);
    });
    if (row[DEAD]) drawn.firstChild.append(" ", element("span", "dead", "pill"));
    return drawn;
  }

  function toggle(drawn, row, button) {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) drawn.nextElementSibling.remove();
    else drawn.after(detail(row));
  }

  function show() {
    const found = rows.filter(matches).sort(compare);
    body.replaceChildren(...found.slice(0, state.shown).map(draw));
    status.textContent = `${count(found.length)} of ${count(rows.length)} units${found.length > state.shown ? `, the first ${count(state.shown)} shown` : ""}. Click a heading to sort, a unit to open it.`;
    more.hidden = found.length <= state.shown;
    more.textContent = `Show ${count(Math.min(STEP, found.length - state.shown))} more`;
  }

  function restart() {
    state.shown = STEP;
    show();
  }

  function sortBy(button) {
    const heading = button.closest("th");
    const first = button.dataset.kind === "text" || button.dataset.sorts === "0" ? "ascending" : "descending";
    const other = first === "ascending" ? "descending" : "ascending";
    const next = heading.getAttribute("aria-sort") === first ? other : first;
    for (const each of buttons) each.closest("th").removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", next);
    state.column = Number(button.dataset.sorts);
    state.direction = next === "ascending" ? 1 : -1;
    restart();
  }

  function follow() {
    const match = /^#unit-(\d+)$/.exec(location.hash);
    if (!match) return;
    search.value = match[1];
    kind.value = "all";
    restart();
    body.querySelector("button.opens")?.click();
    table.closest("section").scrollIntoView();
  }

  for (const button of buttons) button.addEventListener("click", () => sortBy(button));
  search.addEventListener("input", restart);
  kind.addEventListener("change", restart);
  more.addEventListener("click", () => {
    state.shown += STEP;
    show();
  });
  document.getElementById("unit-filter").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", follow);
  show();
  follow();
})();
