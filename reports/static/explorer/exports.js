// The rows shown as files: CSV (d3-dsv), Parquet (hyparquet-writer), a list of uris.
"use strict";
(() => {
  const WRITER = "assets/vendor/hyparquet-writer.min.js";

  // Columns as [name, Parquet type, value of a row]; null where it is missing.
  function columnsOf(rows) {
    const { columns, facts } = rows;
    const known = (place, value) => (place < 0 ? null : value(place));
    const named = (name) => (row) => known(columns[name][row], (c) => facts.classes[c]);
    const list = [
      ["image_id", "INT64", (row) => columns.image_id[row]],
      ["uri", "STRING", (row) => rows.uri(row)],
      ["label", "INT32", (row) => columns.label[row]],
      ["label_name", "STRING", named("label")],
      ["predicted", "INT32", (row) => columns.predicted[row]],
      ["predicted_name", "STRING", named("predicted")],
      ["correct", "BOOLEAN", (row) => (columns.answer[row] === 2 ? null : columns.answer[row] === 0)],
    ];
    for (const name of rows.quantities) {
      list.push([name, "FLOAT", (row) => (Number.isNaN(columns[name][row]) ? null : columns[name][row])]);
    }
    if (columns.verdict) {
      list.push(["verdict", "STRING", (row) => known(columns.verdict[row], (v) => facts.verdicts[v].name)]);
      list.push(["tested", "BOOLEAN", (row) => (columns.verdict[row] < 0 ? null : columns.tested[row] === 1)]);
    }
    if (columns.explanation) {
      list.push(["explanation_cluster", "INT32",
        (row) => known(columns.explanation[row], (place) => facts.clusters[place][1])]);
    }
    const contexts = rows.byKey.get("context");
    if (contexts) {
      const tests = contexts.values.map((_, place) => contexts.test(place));
      list.push(["contexts", "STRING",
        (row) => contexts.values.filter((_, place) => tests[place](row)).join(" ")]);
    }
    Object.entries(facts.tags).forEach(([name, values], place) => {
      list.push([`tag.${name}`, "STRING", (row) => known(columns[`tag_${place}`][row], (v) => values[v])]);
    });
    return list;
  }

  function csv(rows, shown) {
    const columns = columnsOf(rows);
    const lines = Array.from(shown, (row) => columns.map(([, , value]) => value(row)));
    return d3.csvFormatRows([columns.map(([name]) => name), ...lines]);
  }

  function loadScript(source) {
    return new Promise((resolve, reject) => {
      if (window.hyparquetWriter) return resolve();
      const script = document.createElement("script");
      script.src = source;
      script.addEventListener("load", () => resolve());
      script.addEventListener("error", () => reject(new Error(`${source} cannot be loaded`)));
      document.head.append(script);
      return undefined;
    });
  }

  async function parquet(rows, shown) {
    await loadScript(WRITER);
    const columnData = columnsOf(rows).map(([name, type, value]) => ({
      name, type, nullable: true,
      data: Array.from(shown, type === "INT64" ? (row) => BigInt(value(row)) : (row) => value(row)),
    }));
    return hyparquetWriter.parquetWriteBuffer({ columnData });
  }

  function uris(rows, shown) {
    return `${Array.from(shown, (row) => rows.uri(row)).join("\n")}\n`;
  }

  function download(name, type, content) {
    const link = camaudit.element("a", { download: name, href: URL.createObjectURL(new Blob([content], { type })) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const KINDS = {
    csv: ["images.csv", "text/csv", csv],
    parquet: ["images.parquet", "application/vnd.apache.parquet", parquet],
    uris: ["uris.txt", "text/plain", uris],
  };

  camaudit.exportRows = async (kind, rows, shown) => {
    const [name, type, write] = KINDS[kind];
    download(name, type, await write(rows, shown));
  };
})();
