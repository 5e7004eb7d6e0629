// The filters: a list for each facet, its numbers those of the other filters' rows.
"use strict";
(() => {
  const { count, element } = camaudit;
  const MOST_OPTIONS = 2000;
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function orderOf(facet) {
    const order = facet.values.map((_, place) => place);
    if (["answer", "verdict", "tested", "map", "context"].includes(facet.key)) return order;
    return order.sort((a, b) => collator.compare(facet.labels[a], facet.labels[b]) || a - b);
  }

  class Control {
    constructor(facet, onChange) {
      this.facet = facet;
      // Patterns belong to a class, which narrows them; other long lists are typed.
      this.listed = facet.values.length <= MOST_OPTIONS || facet.key === "explanation";
      this.field = element(this.listed ? "select" : "input", this.listed ? {} : { type: "search" });
      this.order = this.listed ? orderOf(facet) : [];
      this.field.dataset.facet = facet.key;
      this.field.addEventListener("change", () => onChange(facet.key, this.field.value || null));
      this.node = element("label", { class: "facet" }, element("span", {}, facet.name), this.field);
    }

    update(counts, value) {
      if (!this.listed) {
        this.field.value = value ?? "";
        return;
      }
      const { values, labels } = this.facet;
      const options = [element("option", { value: "" }, "all")];
      const offered = this.order.filter((place) => counts[place] || values[place] === value);
      const tooMany = offered.length > MOST_OPTIONS;
      if (tooMany) options.push(element("option", { disabled: true }, "choose a predicted class first"));
      for (const place of offered) {
        if (tooMany && values[place] !== value) continue;
        const option = element("option", { value: values[place] }, `${labels[place]} (${count(counts[place])})`);
        options.push(option);
      }
      if (value && !values.includes(value)) options.push(element("option", { value }, `${value} (0)`));
      this.field.replaceChildren(...options);
      this.field.value = value ?? "";
      this.node.classList.toggle("kept", Boolean(value));
    }
  }

  // The filters in force, each with a button that lifts it.
  function chips(rows, state, onLift) {
    const chip = (text, kind, key) => {
      const button = element("button", { type: "button", class: "chip-button" }, text,
        element("span", { "aria-hidden": "true" }, " ×"), element("span", { class: "visually-hidden" }, ": lift"));
      button.addEventListener("click", () => onLift(kind, key));
      return button;
    };
    const found = [];
    for (const [key, value] of Object.entries(state.filters)) {
      const facet = rows.byKey.get(key);
      const place = facet ? facet.values.indexOf(value) : -1;
      const label = place < 0 ? `${value}, which is nowhere` : facet.labels[place];
      found.push(chip(`${facet ? facet.name : key}: ${label}`, "filters", key));
    }
    for (const [name, [low, high]] of Object.entries(state.ranges)) {
      const say = (value) => camaudit.quantity(name, value);
      const text = low === null ? `at most ${say(high)}` : high === null ? `at least ${say(low)}`
        : `${say(low)} to ${say(high)}`;
      found.push(chip(`${rows.facts.quantities[name]}: ${text}`, "ranges", name));
    }
    if (state.q?.trim()) found.push(chip(`“${state.q.trim()}”`, "q"));
    return found;
  }

  camaudit.Control = Control;
  camaudit.chips = chips;
})();
