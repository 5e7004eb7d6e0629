// A small chart of each number: the rows shown as bars, all rows as a line. Drag over one to keep
// a part of it; the fields below it do the same without a mouse.
"use strict";
(() => {
  const { element, isShare } = camaudit;
  const BINS = 24;
  const HEIGHT = 74;

  function quantile(sorted, share) {
    if (!sorted.length) return NaN;
    const place = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return low + (high - low) * (place - Math.floor(place));
  }

  function finiteSorted(column, rows) {
    const values = rows ? Float32Array.from(rows, (row) => column[row]) : column.slice();
    const kept = values.filter(Number.isFinite);
    return kept.sort();
  }

  // Shares of rows in bins from `low` to `high`; what lies outside goes to the first or last.
  function shares(column, rows, low, high) {
    const counts = new Float64Array(BINS);
    let total = 0;
    const length = rows ? rows.length : column.length;
    for (let i = 0; i < length; i += 1) {
      const value = column[rows ? rows[i] : i];
      if (!Number.isFinite(value)) continue;
      const bin = Math.floor((BINS * (value - low)) / (high - low));
      counts[Math.min(BINS - 1, Math.max(0, bin))] += 1;
      total += 1;
    }
    return counts.map((count) => (total ? count / total : 0));
  }

  class Histogram {
    constructor(rows, name, onRange) {
      Object.assign(this, { name, onRange, column: rows.columns[name], total: rows.length });
      this.title = rows.facts.quantities[name];
      this.factor = isShare(name) ? 100 : 1;
      const sorted = finiteSorted(this.column);
      this.median = quantile(sorted, 0.5);
      [this.low, this.high] = isShare(name) ? [0, 1] : [quantile(sorted, 0.005), quantile(sorted, 0.995)];
      if (!(this.high > this.low)) this.high = this.low + 1;
      this.all = shares(this.column, null, this.low, this.high);
      this.build();
    }

    build() {
      const unit = this.factor === 100 ? " %" : "";
      const field = (label) => element("input", {
        type: "number", step: "any", "aria-label": `${this.title}, ${label}${unit}`, placeholder: label,
      });
      this.fields = [field("from"), field("to")];
      for (const input of this.fields) input.addEventListener("change", () => this.typed());
      this.plot = element("div", { class: "plot", role: "img" });
      this.said = element("p", { class: "said" });
      this.figure = element("figure", { class: "histogram" },
        element("figcaption", {}, this.title), this.plot, this.said,
        element("div", { class: "bounds" }, this.fields[0], element("span", { "aria-hidden": "true" }, "–"),
          this.fields[1], unit.trim()));
    }

    typed() {
      const ends = this.fields.map(({ value }) => (value === "" ? null : Number(value) / this.factor));
      this.onRange(this.name, ends.every((end) => end === null) ? null : ends);
    }

    dragged(chart) {
      if (chart.select.width < 3) return;
      const at = (x) => this.low + ((this.high - this.low) * chart.posToVal(x, "x")) / BINS;
      const round = (value) => Number(value.toPrecision(3));
      const ends = [at(chart.select.left), at(chart.select.left + chart.select.width)];
      const width = (this.high - this.low) / BINS;
      this.onRange(this.name, [
        ends[0] < this.low + width / 2 ? null : round(ends[0]),
        ends[1] > this.high - width / 2 ? null : round(ends[1]),
      ]);
    }

    tick(value) {
      const number = this.low + ((this.high - this.low) * value) / BINS;
      return this.factor === 100 ? `${Math.round(100 * number)} %` : camaudit.decimal(number, 1);
    }

    options(width) {
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).trim();
      return {
        width, height: HEIGHT, padding: [4, 20, 0, 20], legend: { show: false },
        cursor: { points: { show: false }, y: false, drag: { x: true, y: false, setScale: false } },
        scales: { x: { time: false, range: [0, BINS] }, y: { range: (_, __, most) => [0, most || 1] } },
        axes: [
          { stroke: colour("--soft"), size: 20, font: "11px system-ui, sans-serif", gap: 2,
            grid: { show: false }, ticks: { show: false },
            splits: () => [0, BINS / 2, BINS], values: (_, splits) => splits.map((v) => this.tick(v)) },
          { show: false },
        ],
        series: [{},
          { fill: colour("--cool"), width: 0, points: { show: false },
            paths: uPlot.paths.bars({ size: [0.92, 40], align: 1 }) },
          { stroke: colour("--whisker"), width: 1.5, points: { show: false },
            paths: uPlot.paths.stepped({ align: 1 }) }],
        hooks: { setSelect: [(chart) => this.dragged(chart)] },
      };
    }

    draw() {
      const places = Array.from({ length: BINS + 1 }, (_, bin) => bin);
      const closed = (values) => [...values, values[BINS - 1]];
      this.chart?.destroy();
      const width = Math.max(120, this.figure.clientWidth - 2);
      this.chart = new uPlot(this.options(width), [places, [...this.shown, null], closed(this.all)], this.plot);
    }

    update(rows, ends) {
      this.shown = shares(this.column, rows, this.low, this.high);
      const median = quantile(finiteSorted(this.column, rows), 0.5);
      const say = (value) => camaudit.quantity(this.name, value);
      this.said.textContent = `median ${say(median)}, of all ${say(this.median)}`;
      this.plot.setAttribute("aria-label", `${this.title} as a histogram: ${this.said.textContent}`);
      this.fields.forEach((field, place) => {
        const end = ends?.[place] ?? null;
        field.value = end === null ? "" : Number((this.factor * end).toPrecision(6));
      });
      this.figure.classList.toggle("kept", Boolean(ends));
      if (this.chart) this.chart.setData([this.chart.data[0], [...this.shown, null], this.chart.data[2]]);
      else this.draw();
    }
  }

  camaudit.Histogram = Histogram;
})();
