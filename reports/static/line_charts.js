// Draws the table of numbers in each chart as lines; the table then folds away.
"use strict";
(() => {
  const FONT = "11.5px system-ui, sans-serif";

  function read(figure) {
    const [head, ...rows] = [...figure.querySelectorAll("tr")].map((row) => [...row.cells]);
    const number = (cell) => (Number.isFinite(Number(cell.textContent)) ? Number(cell.textContent) : null);
    return {
      axis: head[0].textContent.replace(/, %$/, ""),
      lines: head.slice(1),
      columns: head.map((_, column) => rows.map((row) => number(row[column]))),
    };
  }

  // A line looks as its sample in the table's heading does; the style sheet alone knows colours.
  function series(heading) {
    const style = getComputedStyle(heading.querySelector(".line"));
    const dash = style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat);
    return {
      stroke: style.stroke, width: parseFloat(style.strokeWidth), dash, spanGaps: true, points: { show: false },
    };
  }

  function axes(axis, unit) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const shared = { stroke: colour("--soft"), font: FONT, ticks: { show: false }, gap: 4 };
    const number = (value) => String(Number(value.toPrecision(3)));
    return [
      { ...shared, label: axis, labelFont: FONT, labelSize: 18, size: 22, gap: 7, grid: { show: false },
        splits: () => [0, 25, 50, 75, 100], values: (_, splits) => splits.map((value) => `${value} %`) },
      { ...shared, size: unit ? 46 : 36, grid: { stroke: colour("--line"), width: 1 },
        splits: (chart) => [0, 1, 2, 3, 4].map((step) => (chart.scales.y.max * step) / 4),
        values: (_, splits) => splits.map((value) => `${number(value)}${unit && ` ${unit}`}`) },
    ];
  }

  // The line nearest to the pointer, in words below the chart.
  function say(figure, table, chart, unit) {
    const said = figure.querySelector(".said");
    const { idx, top } = chart.cursor;
    if (idx === null || idx === undefined || top < 0) return said.replaceChildren();
    const away = table.lines.map((_, line) => {
      const value = table.columns[line + 1][idx];
      return value === null ? Infinity : Math.abs(chart.valToPos(value, "y") - top);
    });
    const line = away.indexOf(Math.min(...away));
    const heading = table.lines[line];
    const name = heading.textContent.trim().replace(/, %$/, "");
    const value = `${table.columns[line + 1][idx]}${unit && ` ${unit}`}`;
    said.replaceChildren(heading.querySelector("svg").cloneNode(true),
      `${name}: ${value} at ${table.columns[0][idx]} %`);
  }

  function draw(figure) {
    const table = read(figure);
    // What is drawn last lies above the others.
    const [places, ...values] = table.columns;
    const { top, unit } = figure.dataset;
    const place = figure.querySelector(".plot");
    const options = {
      width: place.clientWidth, height: place.clientHeight, padding: [8, 20, 0, 0], legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
      scales: { x: { time: false, range: [0, 100] }, y: { range: [0, Number(top)] } },
      axes: axes(table.axis, unit),
      series: [{}, ...table.lines.map(series).reverse()],
      hooks: { setCursor: [(chart) => say(figure, table, chart, unit)] },
    };
    figure.chart?.destroy();
    figure.chart = new uPlot(options, [places, ...values.reverse()], place);
  }

  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = () => figures.forEach(draw);
  for (const figure of figures) {
    figure.classList.add("drawn");
    figure.querySelector("details").open = false;
    new ResizeObserver(() => draw(figure)).observe(figure.querySelector(".plot"));
  }
  // Paper is light, and narrower than the window.
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", drawAll);
  }
})();
