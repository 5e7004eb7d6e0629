// All audited images as columns: filtered, counted and sorted by walking over typed arrays.
"use strict";
(() => {
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  class Rows {
    constructor({ facts, table }, names) {
      this.facts = facts;
      this.length = table.numRows;
      this.columns = {};
      for (const { name } of table.schema.fields) this.columns[name] = table.getChild(name).toArray();
      this.names = names.table;
      this.quantities = Object.keys(facts.quantities).filter((name) => this.columns[name]);
      this.facets = camaudit.facetsOf(this);
      this.byKey = new Map(this.facets.map((facet) => [facet.key, facet]));
    }

    className(classIdx) {
      return classIdx < 0 ? "no label" : this.facts.classes[classIdx];
    }

    uri(row) {
      return this.names.getChild("folder").at(row) + this.names.getChild("name").at(row);
    }

    name(row) {
      return this.names.getChild("name").at(row);
    }

    picture(row) {
      return this.names.getChild("picture").at(row);
    }

    // -1 where no audited image has this id.
    rowOf(imageId) {
      const ids = this.columns.image_id;
      let [low, high] = [0, this.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (ids[middle] < imageId) low = middle + 1;
        else high = middle;
      }
      return ids[low] === imageId ? low : -1;
    }

    // The rows that pass all filters, in row order, and what `counts` needs.
    filter(state) {
      const tests = this.tests(state);
      const failed = new Uint8Array(this.length);
      const last = new Uint8Array(this.length);
      tests.forEach(({ passes }, number) => {
        for (let row = 0; row < this.length; row += 1) {
          if (!passes(row)) {
            failed[row] += 1;
            last[row] = number;
          }
        }
      });
      const shown = [];
      for (let row = 0; row < this.length; row += 1) if (!failed[row]) shown.push(row);
      return { rows: Uint32Array.from(shown), failed, last, tests };
    }

    tests(state) {
      const tests = [];
      for (const [key, value] of Object.entries(state.filters)) {
        const facet = this.byKey.get(key);
        if (facet) tests.push({ key, passes: facet.test(facet.values.indexOf(value)) });
      }
      for (const [name, [low, high]] of Object.entries(state.ranges)) {
        const column = this.columns[name];
        if (!column) continue;
        // The bounds are written with a few digits, the numbers are single precision.
        const [from, to] = [Math.fround(low ?? -Infinity), Math.fround(high ?? Infinity)];
        tests.push({ key: name, passes: (row) => column[row] >= from && column[row] <= to });
      }
      if (state.q?.trim()) tests.push({ key: "q", passes: this.search(state.q) });
      return tests;
    }

    search(text) {
      const wanted = text.trim().toLowerCase();
      this.lowered ??= Array.from({ length: this.length }, (_, row) => this.uri(row).toLowerCase());
      const named = this.facts.classes.map((name) => name.toLowerCase().includes(wanted));
      const { image_id: ids, label, predicted } = this.columns;
      const id = /^\d+$/.test(wanted) ? Number(wanted) : -1;
      return (row) => this.lowered[row].includes(wanted) || ids[row] === id
        || named[predicted[row]] || (label[row] >= 0 && named[label[row]]);
    }

    // How many rows each value of a facet would show, the other filters staying as they are.
    counts(facet, { failed, last, tests }) {
      const counts = new Uint32Array(facet.values.length);
      const own = tests.findIndex((test) => test.key === facet.key);
      for (let row = 0; row < this.length; row += 1) {
        if (failed[row] === 0 || (failed[row] === 1 && last[row] === own)) facet.count(row, counts);
      }
      return counts;
    }

    // Missing values come last, whichever way; ties stay in row order.
    sort(rows, order) {
      const descending = order.startsWith("-");
      const keys = this.sortKeys(descending ? order.slice(1) : order);
      if (!keys) return rows;
      const sign = descending ? -1 : 1;
      return rows.slice().sort((a, b) => {
        const [x, y] = [keys[a], keys[b]];
        if (x !== x || y !== y) return (x !== x) - (y !== y) || a - b;
        return sign * (x - y) || a - b;
      });
    }

    sortKeys(name) {
      if (this.quantities.includes(name)) return this.columns[name];
      if (name === "image_id") return this.columns.image_id;
      if (name === "label" || name === "predicted") {
        this.classRanks ??= ranks(this.facts.classes);
        return Float64Array.from(this.columns[name], (c) => (c < 0 ? NaN : this.classRanks[c]));
      }
      if (name === "verdict" && this.columns.verdict) {
        return Float64Array.from(this.columns.verdict, (code) => (code < 0 ? NaN : code));
      }
      return null;
    }
  }

  function ranks(names) {
    const order = names.map((_, place) => place).sort((a, b) => collator.compare(names[a], names[b]));
    const rank = new Float64Array(names.length);
    order.forEach((place, position) => { rank[place] = position; });
    return rank;
  }

  camaudit.Rows = Rows;
})();
