// The failure cases of one pair of classes: mistakes-2.html#pair=3-7 shows label 3 taken for 7.
"use strict";
(() => {
  const form = document.getElementById("pair-filter");
  if (!form) return;
  const select = document.getElementById("pair");
  const status = document.getElementById("pair-status");
  const clear = document.getElementById("pair-clear");
  const here = Number(form.dataset.page);
  const cases = document.querySelectorAll("article[data-pair]");

  function pagesOf(option) {
    return option.dataset.pages.split(" ").map((entry) => entry.split(":").map(Number));
  }

  function describe(option) {
    const shown = Array.from(cases).filter((article) => !article.hidden).length;
    status.textContent = `${shown} on this page. `;
    const others = pagesOf(option).filter(([page]) => page !== here);
    if (!others.length) return;
    status.append("Also: ");
    others.forEach(([page, count], position) => {
      const link = document.createElement("a");
      link.href = `mistakes-${page}.html#pair=${option.value}`;
      link.textContent = `${count} on page ${page}`;
      status.append(position ? ", " : "", link);
    });
  }

  function show() {
    const match = /^#pair=(\d+-\d+)$/.exec(location.hash);
    const pair = match ? match[1] : "";
    select.value = pair;
    const option = select.selectedOptions[0];
    for (const article of cases) article.hidden = pair !== "" && article.dataset.pair !== pair;
    clear.hidden = pair === "";
    status.textContent = "";
    if (pair !== "" && option) describe(option);
    else if (pair !== "") status.textContent = "No case of this pair is among those shown.";
  }

  select.addEventListener("change", () => {
    const option = select.selectedOptions[0];
    if (!option.value) {
      location.hash = "";
      return;
    }
    const pages = pagesOf(option).map(([page]) => page);
    const page = pages.includes(here) ? here : pages[0];
    location.href = `mistakes-${page}.html#pair=${option.value}`;
  });
  clear.addEventListener("click", (event) => {
    event.preventDefault();
    location.hash = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", show);
  show();
})();
