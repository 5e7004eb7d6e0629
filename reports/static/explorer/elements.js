// Elements and numbers. Text is only ever set as text, so that no name is read as markup.
"use strict";
(() => {
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  // What is zero as written has no sign.
  const minus = (text) => text.replace("-", Number(text) === 0 ? "" : "−");
  const isShare = (name) => /probability|score|energy/.test(name);

  function percent(value) {
    if (!Number.isFinite(value)) return "–";
    const share = 100 * value;
    return share > 0 && share < 0.05 ? "< 0.1 %" : `${share.toFixed(1)} %`;
  }

  function decimal(value, digits = 2) {
    return Number.isFinite(value) ? minus(value.toFixed(digits)) : "–";
  }

  function signed(value, digits = 2) {
    if (!Number.isFinite(value)) return "–";
    const text = decimal(value, digits);
    return (value > 0 && Number(text) !== 0 ? "+" : "") + text;
  }

  const count = (value) => value.toLocaleString("en");
  const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
  const quantity = (name, value) => (isShare(name) ? percent(value) : decimal(value));

  Object.assign(camaudit, { count, decimal, element, isShare, percent, plural, quantity, signed });
})();
