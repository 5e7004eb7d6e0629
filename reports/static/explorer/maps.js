// Maps drawn on canvases from their low-resolution cells, as reports/colours.py draws them:
// values are enlarged by cubic convolution (a = -0.75, OpenCV's), then coloured on the one scale
// that all images share.
"use strict";
(() => {
  const ROLES = ["predicted", "label", "runner_up", "contrast"];
  const [PIXELS_PER_CELL, LONGEST_SIDE, A] = [8, 64, -0.75];
  const tables = {};

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

  function coloursOf(facts, kind) {
    tables[kind] ??= camaudit.bytesOf(facts.colours[kind]);
    return tables[kind];
  }

  function draw(canvas, map, facts) {
    const signed = map.role === "contrast";
    const [rows, cols] = facts.grid;
    const factor = Math.max(1, Math.min(PIXELS_PER_CELL, Math.floor(LONGEST_SIDE / Math.max(rows, cols))));
    const kind = signed ? "signed" : "positive";
    const unit = map.scale / facts.scales[kind];
    const values = Float32Array.from(map.cells,
      signed ? (byte) => (unit * (byte - 128)) / 127 : (byte) => (unit * byte) / 255);
    const large = upsample(values, rows, cols, factor);
    const colours = coloursOf(facts, kind);
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

  // scale: NaN where no map of the role is stored, 0 where it is no evidence.
  async function mapsOf(rows, row) {
    const perFile = rows.facts.mapsPerFile;
    const { table } = await camaudit.load(`maps-${Math.floor(row / perFile)}`);
    const at = (name) => table.getChild(name).at(row % perFile);
    const maps = {};
    for (const role of ROLES) {
      maps[role] = {
        role, cells: at(`${role}_cells`), scale: at(`${role}_scale`), classIdx: at(`${role}_class`),
      };
    }
    maps.contrast.against = at("against");
    // The label's map is stored where it is another one than the prediction's.
    if (rows.columns.label[row] === rows.columns.predicted[row]) {
      maps.label = { ...maps.predicted, role: "label" };
    }
    return maps;
  }

  function missing(map) {
    if (!(map.scale >= 0)) return "no map stored";
    if (map.cells) return "";
    return map.role === "contrast" ? "no evidence either way" : "no positive evidence";
  }

  camaudit.maps = { ROLES, draw, mapsOf, missing, upsample };
})();
