// Maps drawn on canvases from their low-resolution cells, as reports/colours.py draws them:
// values are enlarged by cubic convolution (a = -0.75, OpenCV's), then coloured on the one scale
// that all images share. assets/colours.js has the colours.
"use strict";
(() => {
  const [PIXELS_PER_CELL, LONGEST_SIDE, A] = [8, 64, -0.75];
  const tables = {};
  const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  function weights(t) {
    const near = (x) => ((A + 2) * x - (A + 3)) * x * x + 1;
    const far = (x) => ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
    const first = far(1 + t);
    const [second, third] = [near(t), near(1 - t)];
    return [first, second, third, 1 - first - second - third];
  }

  // Along rows of `length` values, `factor` times as many; the edge's value goes on outside.
  function enlarge(values, lines, length, factor, step, stride) {
    const enlarged = new Float32Array(lines * length * factor);
    for (let x = 0; x < length * factor; x += 1) {
      const at = (x + 0.5) / factor - 0.5;
      const left = Math.floor(at);
      const w = weights(at - left);
      for (let line = 0; line < lines; line += 1) {
        let sum = 0;
        for (let k = 0; k < 4; k += 1) {
          const cell = Math.min(length - 1, Math.max(0, left - 1 + k));
          sum += w[k] * values[line * stride + cell * step];
        }
        enlarged[line * length * factor + x] = sum;
      }
    }
    return enlarged;
  }

  function upsample(cells, rows, cols, factor) {
    const wide = enlarge(cells, rows, cols, factor, 1, cols);
    // Now along the columns: the result comes out transposed.
    return enlarge(wide, cols * factor, rows, factor, cols * factor, 1);
  }

  // cells: a byte each; unit: the largest absolute value, 1 for the strongest colour.
  function draw(canvas, { kind, cols, unit, cells }) {
    const signed = kind === "signed";
    const rows = cells.length / cols;
    const factor = Math.max(1, Math.min(PIXELS_PER_CELL, Math.floor(LONGEST_SIDE / Math.max(rows, cols))));
    const values = Float32Array.from(cells,
      signed ? (byte) => (unit * (byte - 128)) / 127 : (byte) => (unit * byte) / 255);
    const large = upsample(values, rows, cols, factor);
    const colours = (tables[kind] ??= bytesOf(camaudit.colours[kind]));
    const steps = colours.length / 4 - 1;
    const [height, width] = [rows * factor, cols * factor];
    const picture = new ImageData(width, height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const value = large[x * height + y];
        const share = signed ? (Math.min(1, Math.max(-1, value)) + 1) / 2 : Math.min(1, Math.max(0, value));
        const colour = 4 * Math.round(share * steps);
        picture.data.set(colours.subarray(colour, colour + 4), 4 * (y * width + x));
      }
    }
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  camaudit.drawMap = draw;
  for (const canvas of document.querySelectorAll("canvas[data-map]")) {
    const [kind, cols, unit, cells] = canvas.dataset.map.split(" ");
    draw(canvas, { kind, cols: Number(cols), unit: Number(unit), cells: bytesOf(cells) });
  }
})();
