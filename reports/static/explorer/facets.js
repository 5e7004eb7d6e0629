// What images can be filtered by: each facet has values as addresses write them, labels as pages
// show them, and knows which rows have which.
"use strict";
(() => {
  const BITS = 32;

  // A column of places in a list of values.
  function coded(key, name, codes, values, labels) {
    return {
      key, name, values, labels,
      test: (value) => (value < 0 ? () => false : (row) => codes[row] === value),
      count: (row, counts) => { if (codes[row] >= 0) counts[codes[row]] += 1; },
    };
  }

  // Sets of up to 32 members in the bits of each column.
  function bits(key, name, words, values, labels) {
    return {
      key, name, values, labels,
      test: (value) => {
        if (value < 0) return () => false;
        const [word, mask] = [words[Math.floor(value / BITS)], 1 << (value % BITS)];
        return (row) => (word[row] & mask) !== 0;
      },
      count: (row, counts) => {
        for (let value = 0; value < values.length; value += 1) {
          if (words[Math.floor(value / BITS)][row] & (1 << (value % BITS))) counts[value] += 1;
        }
      },
    };
  }

  camaudit.facetsOf = ({ facts, columns }) => {
    const places = facts.classes.map((_, place) => String(place));
    const facets = [
      coded("answer", "Answer", columns.answer, ["right", "mistake", "unlabelled"],
        ["right", "mistake", "no label"]),
      coded("label", "Label", columns.label, places, facts.classes),
      coded("predicted", "Predicted", columns.predicted, places, facts.classes),
    ];
    if (columns.verdict) {
      facets.push(coded("verdict", "Verdict", columns.verdict, facts.verdicts.map((v) => v.name),
        facts.verdicts.map((v) => `${v.mark} ${v.title}`)));
      facets.push(coded("tested", "Tested", columns.tested, ["no", "yes"],
        ["by the first pass only", "changed and run again"]));
    }
    if (columns.explanation) {
      facets.push(coded("explanation", "Pattern of evidence", columns.explanation,
        facts.clusters.map(([c, k]) => `${c}.${k}`),
        facts.clusters.map(([c, , name]) => `${facts.classes[c]}: ${name}`)));
    }
    if (facts.contexts.length) {
      const words = [];
      while (columns[`contexts_${words.length}`]) words.push(columns[`contexts_${words.length}`]);
      facets.push(bits("context", "Context", words, facts.contexts.map(String),
        facts.contexts.map((cluster) => `context ${cluster}`)));
    }
    facets.push(coded("map", "Map", columns.map, ["ok", "empty", "not_finite"],
      ["with evidence", "no positive evidence", "not finite"]));
    Object.entries(facts.tags).forEach(([name, values], place) => {
      facets.push(coded(`tag.${name}`, `Tag: ${name}`, columns[`tag_${place}`], values, values));
    });
    return facets;
  };
})();
