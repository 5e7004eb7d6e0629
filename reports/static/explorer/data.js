// Data that come as scripts, since a page opened from disk may not fetch: each file calls
// camaudit.receive(name, facts, table), the table an Arrow stream, gzipped, in base64.
"use strict";
window.camaudit = (() => {
  const files = new Map();
  // Deferred scripts, the reader of Arrow among them, have run by then.
  const parsed = new Promise((resolve) => {
    if (document.readyState !== "loading") resolve();
    else document.addEventListener("DOMContentLoaded", resolve);
  });

  function file(name) {
    if (!files.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      files.set(name, entry);
    }
    return files.get(name);
  }

  function bytesOf(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  async function unpack(text) {
    const zipped = new Blob([bytesOf(text)]).stream();
    const stream = zipped.pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    await parsed;
    return fl.tableFromIPC(bytes);
  }

  function receive(name, facts, text) {
    const { resolve, reject } = file(name);
    unpack(text).then((table) => resolve({ facts, table }), reject);
  }

  function load(name) {
    const entry = file(name);
    const source = `explorer/${name}.js`;
    if (!entry.asked) {
      const script = document.createElement("script");
      script.src = source;
      script.addEventListener("error", () => {
        entry.reject(new Error(`${source} cannot be loaded: the report's folder is not whole`));
      });
      document.head.append(script);
    }
    entry.asked = true;
    return entry.promise;
  }

  return { bytesOf, load, receive };
})();
// Every view needs these: they come while the other scripts do.
camaudit.load("rows");
camaudit.load("names");
