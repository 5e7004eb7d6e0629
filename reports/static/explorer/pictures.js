// The model's view of an image: the report's own picture, else the original, cut as the model
// saw it; over it the map.
"use strict";
(() => {
  const { element } = camaudit;
  const SHOWN = /\.(jpe?g|png|webp|gif|bmp|avif|svg)$/i;

  // Python rounds halves to even.
  function roundEven(value) {
    const whole = Math.floor(value);
    const rest = value - whole;
    if (rest !== 0.5) return Math.round(value);
    return whole % 2 === 0 ? whole : whole + 1;
  }

  // As tasks/images/geometry.py places the view, in shares of its side.
  function placement(width, height, { resize, crop }) {
    const longer = Math.trunc((resize * Math.max(width, height)) / Math.min(width, height));
    const [w, h] = width <= height ? [resize, longer] : [longer, resize];
    const [left, top] = [roundEven((w - crop) / 2), roundEven((h - crop) / 2)];
    return { width: w / crop, height: h / crop, left: left / crop, top: top / crop };
  }

  // An address that a browser can open, or why there is none.
  function addressOf(uri) {
    if (/\.parquet#\d+$/i.test(uri)) return { note: "stored inside a Parquet file" };
    if (/^https?:\/\//.test(uri)) return { href: uri };
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(uri) && !uri.startsWith("file://")) {
      return { note: `${uri.split(":")[0]}:// is not for browsers` };
    }
    const path = uri.replace(/^file:\/\//, "").replaceAll("\\", "/");
    const safe = path.split("/").map(encodeURIComponent).join("/");
    if (/^[A-Za-z]:\//.test(path)) return { href: `file:///${safe.replace("%3A", ":")}` };
    return { href: path.startsWith("/") ? `file://${safe}` : safe };
  }

  function original(rows, row) {
    const { href, note } = addressOf(rows.uri(row));
    if (!href) return { note };
    const { left, top, width, height } = placement(
      rows.columns.width[row], rows.columns.height[row], rows.facts.view,
    );
    const image = element("img", { class: "original", src: href, loading: "lazy" });
    const place = { left: -left, top: -top, width, height };
    for (const [side, share] of Object.entries(place)) image.style[side] = `${100 * share}%`;
    return { image, note: "" };
  }

  function describe(rows, row) {
    return `${rows.name(row)} as the model sees it`;
  }

  function unreadable(stack, note) {
    stack.querySelector("img")?.remove();
    stack.prepend(element("span", { class: "ground", "aria-hidden": "true" }));
    stack.append(element("span", { class: "badge", title: note }, "image cannot be read here"));
  }

  // A stack with the picture; `describe` is its alternative text. The map is laid over it later.
  function stackOf(rows, row) {
    const stack = element("span", { class: "stack" });
    const stored = rows.picture(row);
    const { image, note } = stored
      ? { image: element("img", { src: stored, loading: "lazy" }) } : original(rows, row);
    if (!image) {
      unreadable(stack, note);
      return stack;
    }
    image.classList.add("view");
    image.alt = describe(rows, row);
    const format = SHOWN.test(rows.uri(row)) ? "moved, gone" : "in a format that browsers do not show";
    image.addEventListener("error", () => unreadable(stack, `${rows.uri(row)} is ${format}`));
    stack.append(image);
    return stack;
  }

  // Draw the map of a role over a stack; says why where there is none.
  async function layMap(stack, rows, row, role) {
    if (role === "none") return null;
    const map = (await camaudit.maps.mapsOf(rows, row))[role];
    stack.querySelectorAll("canvas, .badge.low").forEach((old) => old.remove());
    const why = camaudit.maps.missing(map);
    if (why) {
      stack.append(element("span", { class: "badge low" }, why));
      return map;
    }
    const canvas = element("canvas", { class: "map", "aria-hidden": "true" });
    camaudit.maps.draw(canvas, map, rows.facts);
    stack.append(canvas);
    return map;
  }

  camaudit.pictures = { addressOf, layMap, placement, stackOf };
})();
