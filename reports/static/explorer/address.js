// The page's state in its address: images.html#label=3&answer=mistake&score=0.5..&image=17
"use strict";
(() => {
  const RANGE = /^(-?[\d.eE+-]*?)\.\.(-?[\d.eE+-]*)$/;
  const WORDS = ["q", "sort", "view", "role", "page", "image"];

  function bound(text) {
    return text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  }

  // filters: value by facet; ranges: [low, high] by quantity, null where open.
  function parse(hash, quantities) {
    const state = { filters: {}, ranges: {} };
    for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
      if (WORDS.includes(key)) state[key] = value;
      else if (quantities.includes(key)) {
        const match = RANGE.exec(value);
        const ends = match ? [bound(match[1]), bound(match[2])] : [null, null];
        if (ends.some((end) => end !== null)) state.ranges[key] = ends;
      } else state.filters[key] = value;
    }
    state.page = Math.max(1, Number.parseInt(state.page ?? "1", 10) || 1);
    return state;
  }

  function format(state) {
    const parts = [];
    const add = (key, value) => parts.push(`${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
    for (const [key, value] of Object.entries(state.filters)) add(key, value);
    for (const [key, ends] of Object.entries(state.ranges)) {
      add(key, ends.map((end) => end ?? "").join(".."));
    }
    for (const word of WORDS) {
      const value = state[word];
      if (value !== undefined && value !== null && value !== "" && !(word === "page" && value === 1)) {
        add(word, value);
      }
    }
    return `#${parts.join("&")}`;
  }

  // What the rows depend on; the image that is open does not change them.
  function ofRows(state) {
    return format({ ...state, image: undefined });
  }

  camaudit.address = { format, ofRows, parse };
})();
