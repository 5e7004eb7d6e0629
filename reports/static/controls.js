// The opacity of all maps and the outlines of objects, kept from page to page.
"use strict";
(() => {
  const remembered = {
    get(key) {
      try { return localStorage.getItem(key); } catch { return null; }
    },
    set(key, value) {
      try { localStorage.setItem(key, value); } catch { /* some browsers forbid it on file:// */ }
    },
  };
  const slider = document.getElementById("opacity");
  const outlines = document.getElementById("outlines");
  if (!slider) return;

  const showOpacity = () => {
    document.documentElement.style.setProperty("--map-opacity", slider.value / 100);
    document.getElementById("opacity-value").textContent = `${slider.value} %`;
  };
  slider.value = remembered.get("camaudit-opacity") ?? slider.value;
  showOpacity();
  slider.addEventListener("input", () => {
    showOpacity();
    remembered.set("camaudit-opacity", slider.value);
  });

  if (!outlines) return;  // a page without objects
  const showOutlines = () => {
    document.documentElement.classList.toggle("no-outlines", !outlines.checked);
  };
  outlines.checked = remembered.get("camaudit-outlines") !== "no";
  showOutlines();
  outlines.addEventListener("change", () => {
    showOutlines();
    remembered.set("camaudit-outlines", outlines.checked ? "yes" : "no");
  });
})();
