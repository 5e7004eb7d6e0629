// The maps of an image: from the files of all maps to canvases.
"use strict";
(() => {
  const ROLES = ["predicted", "label", "runner_up", "contrast"];

  function draw(canvas, map, facts) {
    const kind = map.role === "contrast" ? "signed" : "positive";
    const unit = map.scale / facts.scales[kind];
    camaudit.drawMap(canvas, { kind, cols: facts.grid[1], unit, cells: map.cells });
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

  camaudit.maps = { ROLES, draw, mapsOf, missing };
})();
