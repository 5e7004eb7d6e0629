// images.html: its state is its address, so that a link shows what its sender saw.
"use strict";
(() => {
  const { address, count, element, plural } = camaudit;
  const $ = (id) => document.getElementById(id);
  const perPage = () => camaudit.results.PER_PAGE;

  class Explorer {
    constructor(rows) {
      this.rows = rows;
      this.defaults = rows.columns.loss ? { sort: "-loss", role: "contrast" }
        : { sort: "probability", role: "predicted" };
      this.shownFor = null;
      this.change = this.change.bind(this);
      this.buildControls();
      this.viewer = new camaudit.Viewer($("viewer"), rows, {
        hrefOf: (row) => this.hrefOf(row),
        move: (step) => this.move(step),
        close: () => this.closed(),
        setRole: (role) => this.go({ ...this.state, role }, true),
      });
      window.addEventListener("hashchange", () => this.render());
      document.addEventListener("keydown", (event) => this.key(event));
      this.render();
    }

    buildControls() {
      const { rows } = this;
      // A facet with one value filters nothing.
      const everything = rows.filter({ filters: {}, ranges: {} });
      const useful = rows.facets.filter((facet) => {
        const counts = rows.counts(facet, everything);
        return counts.some((n) => n > 0 && n < rows.length);
      });
      this.controls = useful.map((facet) => new camaudit.Control(facet, (key, value) => {
        const filters = { ...this.state.filters };
        if (value === null) delete filters[key];
        else filters[key] = value;
        this.change({ filters });
      }));
      $("facets").append(...this.controls.map((control) => control.node));
      this.histograms = rows.quantities.filter((name) => !camaudit.UNCHARTED.includes(name)).map((name) => new camaudit.Histogram(rows, name, (key, ends) => {
        const ranges = { ...this.state.ranges };
        if (ends === null || ends.every((end) => end === null)) delete ranges[key];
        else ranges[key] = ends;
        this.change({ ranges });
      }));
      $("charts").append(...this.histograms.map(({ figure }) => figure));
      this.buildFields();
    }

    buildFields() {
      const { rows } = this;
      const sorts = [["image_id", "Image"], ["label", "Label"], ["predicted", "Predicted"],
        ...(rows.columns.verdict ? [["verdict", "Verdict"]] : []),
        ...rows.quantities.map((name) => [name, rows.facts.quantities[name]])];
      for (const [key, text] of sorts) {
        $("sort").append(element("option", { value: `-${key}` }, `${text} ↓`), element("option", { value: key }, `${text} ↑`));
      }
      $("sort").addEventListener("change", () => this.change({ sort: $("sort").value }));
      $("role").addEventListener("change", () => this.go({ ...this.state, role: $("role").value }));
      // Each letter is a state, but not one to go back to.
      $("search").addEventListener("input", () => this.go({ ...this.state, q: $("search").value, page: 1 }, true));
      for (const button of document.querySelectorAll("[data-view]")) {
        button.addEventListener("click", () => this.go({ ...this.state, view: button.dataset.view }));
      }
      for (const button of document.querySelectorAll("[data-export]")) {
        button.addEventListener("click", () => this.save(button.dataset.export));
      }
      $("clear").addEventListener("click", () => this.change({ filters: {}, ranges: {}, q: "" }));
      $("filters").addEventListener("submit", (event) => event.preventDefault());
    }

    async save(kind) {
      await camaudit.exportRows(kind, this.rows, this.shown);
      $("export").open = false;
      $("saved").textContent = `${plural(this.shown.length, "row")} saved`;
    }

    hrefOf(row) {
      return address.format({ ...this.state, image: this.rows.columns.image_id[row] });
    }

    change(parts) {
      this.go({ ...this.state, ...parts, page: 1 });
    }

    go(state, replace = false) {
      const kept = { ...state };
      for (const [key, value] of Object.entries(this.defaults)) if (kept[key] === value) delete kept[key];
      if (kept.view === "pictures") delete kept.view;
      const hash = address.format(kept);
      if (hash === (location.hash || "#")) return;
      if (replace) {
        history.replaceState(null, "", hash);
        this.render();
      } else location.hash = hash;
    }

    move(step) {
      const target = this.shown[this.position + step];
      if (this.position < 0 || target === undefined) return;
      const page = 1 + Math.floor((this.position + step) / perPage());
      this.go({ ...this.state, image: String(this.rows.columns.image_id[target]), page }, true);
    }

    // By a person, or because the address no longer names an image of this audit.
    closed() {
      const { image } = this.state;
      if (image && this.rows.rowOf(Number(image)) >= 0) this.go({ ...this.state, image: undefined });
    }

    // In the gallery the arrow keys go from picture to picture.
    key(event) {
      const link = event.target.closest?.("#results a[data-image]");
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!link || !step || event.altKey || event.ctrlKey || event.metaKey) return;
      const links = [...document.querySelectorAll("#results a[data-image]")];
      links[links.indexOf(link) + step]?.focus();
      event.preventDefault();
    }

    render() {
      const { rows } = this;
      this.state = { ...this.defaults, view: "pictures", ...address.parse(location.hash, rows.quantities) };
      if (!camaudit.maps.ROLES.includes(this.state.role)) {
        if (this.state.role !== "none") this.state.role = this.defaults.role;
      }
      const wanted = address.ofRows(this.state);
      if (wanted !== this.shownFor) this.renderRows();
      else this.settled = location.hash;
      this.shownFor = wanted;
      this.renderImage();
    }

    renderRows() {
      const { rows, state } = this;
      const found = rows.filter(state);
      this.shown = rows.sort(found.rows, state.sort);
      const last = Math.max(1, Math.ceil(this.shown.length / perPage()));
      const page = Math.min(state.page, last);
      const part = this.shown.slice((page - 1) * perPage(), page * perPage());
      const options = {
        sort: state.sort, role: state.role, hrefOf: (row) => this.hrefOf(row), onSort: (sort) => this.change({ sort }),
      };
      const empty = element("p", { class: "empty" }, "No image passes these filters.");
      $("results").replaceChildren(part.length ? camaudit.results[state.view === "table" ? "table" : "gallery"](rows, part, options) : empty);
      $("pager").replaceChildren(...(last > 1 ? camaudit.results.pager(page, last, (target) => {
        this.go({ ...this.state, page: target });
        $("count").scrollIntoView();
      }) : []));
      const all = this.shown.length === rows.length;
      $("count").textContent = all ? `All ${plural(rows.length, "image")}` : `${count(this.shown.length)} of ${plural(rows.length, "image")}`;
      $("saved").textContent = "";
      this.renderFields();
      performance.mark("camaudit-rows");
      // Lists and charts follow once the rows stand.
      requestAnimationFrame(() => setTimeout(() => this.renderControls(found)));
    }

    renderFields() {
      const { state } = this;
      if ($("search").value !== (state.q ?? "")) $("search").value = state.q ?? "";
      $("sort").value = state.sort;
      $("role").value = state.role;
      for (const button of document.querySelectorAll("[data-view]")) {
        button.setAttribute("aria-pressed", String(button.dataset.view === (state.view === "table" ? "table" : "pictures")));
      }
      const chips = camaudit.chips(this.rows, state, (kind, key) => {
        if (kind === "q") return this.change({ q: "" });
        const rest = { ...this.state[kind] };
        delete rest[key];
        return this.change({ [kind]: rest });
      });
      $("chips").replaceChildren(...chips);
      $("clear").hidden = !chips.length;
      $("active").textContent = chips.length ? `(${chips.length})` : "";
    }

    renderControls(found) {
      for (const control of this.controls) {
        control.update(this.rows.counts(control.facet, found), this.state.filters[control.facet.key]);
      }
      for (const histogram of this.histograms) histogram.update(found.rows, this.state.ranges[histogram.name]);
      this.settled = location.hash;
    }

    renderImage() {
      const { rows, state } = this;
      const dialog = $("viewer");
      $("unknown").textContent = "";
      if (!state.image) {
        if (dialog.open) dialog.close();
        this.focusOn(this.left);
        this.left = undefined;
        return;
      }
      const row = rows.rowOf(Number(state.image));
      if (row < 0) {
        $("unknown").textContent = `This audit has no image ${state.image}.`;
        if (dialog.open) dialog.close();
        return;
      }
      this.left = state.image;
      this.position = this.shown.indexOf(row);
      this.viewer.show(row, this.position, this.shown.length, state.role);
    }

    focusOn(imageId) {
      if (imageId) document.querySelector(`#results a[data-image="${CSS.escape(imageId)}"]`)?.focus();
    }
  }

  async function start() {
    if (window.innerWidth < 700) $("filters").querySelector("details").open = false;
    try {
      const [data, names] = await Promise.all([camaudit.load("rows"), camaudit.load("names")]);
      camaudit.explorer = new Explorer(new camaudit.Rows(data, names));
    } catch (error) {
      $("count").textContent = `The images cannot be shown: ${error.message}`;
      throw error;
    }
  }
  start();
})();
