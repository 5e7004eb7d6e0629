// One image in full: its picture under its map, what the model said, and what was found out.
"use strict";
(() => {
  const { count, decimal, element, percent, signed } = camaudit;
  const ROLE_NAMES = {
    predicted: "Predicted", label: "Label", runner_up: "Runner-up", contrast: "Contrast",
  };

  class Viewer {
    // rows: all images; hrefOf(row): address of an image; move(step), close(), setRole(role).
    constructor(dialog, rows, actions) {
      Object.assign(this, { dialog, rows, actions, row: -1 });
      this.part = (name) => dialog.querySelector(`[data-part="${name}"]`);
      this.blend = dialog.querySelector("input[type=range]");
      this.blend.addEventListener("input", () => this.fade());
      this.part("previous").addEventListener("click", () => actions.move(-1));
      this.part("next").addEventListener("click", () => actions.move(1));
      this.part("close").addEventListener("click", () => dialog.close());
      dialog.addEventListener("close", () => actions.close());
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
      dialog.addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      if (event.target.matches("input") || event.altKey || event.ctrlKey || event.metaKey) return;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.actions.move(step);
    }

    // At 0 the image alone, at 100 the map alone, in the middle both.
    fade() {
      const share = Number(this.blend.value) / 100;
      this.dialog.style.setProperty("--map-opacity", Math.min(1, 2 * share));
      this.dialog.style.setProperty("--view-opacity", Math.min(1, 2 - 2 * share));
      this.blend.setAttribute("aria-valuetext",
        share === 0 ? "image alone" : share === 1 ? "map alone" : `${Math.round(100 * share)} % map`);
    }

    async show(row, position, total, role) {
      const changed = row !== this.row;
      Object.assign(this, { row, role });
      const { rows } = this;
      const { image_id: ids } = rows.columns;
      this.part("position").textContent = position < 0 ? "not among the rows shown"
        : `${count(position + 1)} of ${count(total)}`;
      this.part("previous").disabled = position <= 0;
      this.part("next").disabled = position < 0 || position >= total - 1;
      this.dialog.setAttribute("aria-label", `Image ${ids[row]}`);
      if (changed) this.summary();
      if (!this.dialog.open) {
        this.dialog.showModal();
        this.part("title").focus();
      }
      this.fade();
      const maps = await camaudit.maps.mapsOf(rows, row);
      if (this.row !== row) return;
      this.picture(maps, changed);
      const detail = await this.detail(row);
      if (this.row === row && changed) this.facts(detail);
    }

    async detail(row) {
      const perFile = this.rows.facts.detailsPerFile;
      const { table } = await camaudit.load(`details-${Math.floor(row / perFile)}`);
      return (name) => {
        const value = table.getChild(name)?.at(row % perFile);
        return value && typeof value !== "string" ? Array.from(value) : value;
      };
    }

    classLink(classIdx) {
      const { rows } = this;
      if (!rows.facts.classPages.includes(classIdx)) return rows.className(classIdx);
      return element("a", { href: `classes/${classIdx}.html` }, rows.className(classIdx));
    }

    summary() {
      const { rows, row } = this;
      const { columns } = rows;
      const [label, predicted] = [columns.label[row], columns.predicted[row]];
      const words = label < 0 ? ["Taken for ", this.classLink(predicted), ", no label"]
        : label === predicted ? [this.classLink(label), ", as labelled"]
          : [this.classLink(label), " taken for ", this.classLink(predicted)];
      this.part("title").replaceChildren(...words);
      const stack = camaudit.pictures.stackOf(rows, row);
      this.part("picture").replaceChildren(stack);
      this.part("uri").textContent = rows.uri(row);
      const facts = [["Image", `${columns.image_id[row]}, ${columns.width[row]} × ${columns.height[row]} pixels`]];
      for (const name of rows.quantities) {
        facts.push([rows.facts.quantities[name], camaudit.quantity(name, columns[name][row])]);
      }
      for (const facet of rows.facets) {
        if (!facet.key.startsWith("tag.") && facet.key !== "explanation" && facet.key !== "context") continue;
        const own = facet.labels.filter((_, place) => facet.test(place)(row));
        if (own.length) facts.push([facet.name, own.join(", ")]);
      }
      this.part("facts").replaceChildren(
        ...facts.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
      for (const part of ["verdict", "top", "units", "neighbours", "changes"]) this.part(part).replaceChildren();
    }

    roleWords(map) {
      const name = (c) => this.rows.className(c);
      return map.role === "contrast" ? `red for ${name(map.classIdx)}, blue for ${name(map.against)}`
        : `evidence for ${name(map.classIdx)}`;
    }

    picture(maps) {
      const stored = camaudit.maps.ROLES.filter((role) => maps[role].scale >= 0);
      const role = stored.includes(this.role) ? this.role : stored[0];
      this.part("roles").replaceChildren(...stored.map((name) => {
        const button = element("button", {
          type: "button", "aria-pressed": String(name === role), "data-role": name,
        }, ROLE_NAMES[name]);
        button.addEventListener("click", () => this.actions.setRole(name));
        return button;
      }));
      const stack = this.part("picture").firstElementChild;
      if (!role) {
        this.part("explained").textContent = "No map of this image is stored.";
        return;
      }
      camaudit.pictures.layMap(stack, this.rows, this.row, role);
      this.part("explained").textContent = `${ROLE_NAMES[role]} map: ${this.roleWords(maps[role])}`;
      for (const kind of ["positive", "signed"]) {
        this.part(kind).hidden = (role === "contrast") !== (kind === "signed");
      }
    }

    section(part, heading, ...content) {
      this.part(part).replaceChildren(element("h3", {}, heading), ...content);
    }

    facts(detail) {
      this.verdict(detail);
      this.top(detail);
      this.units(detail);
      this.neighbours(detail);
      this.changes(detail);
    }

    verdict(detail) {
      const { rows, row } = this;
      const mark = camaudit.results.verdict(rows, row);
      const links = [["strip", "Its strip, with all numbers"], ["case", "Its page among the mistakes"]]
        .filter(([name]) => detail(name))
        .map(([name, text]) => element("a", { href: detail(name) }, text));
      if (!mark) {
        if (links.length) this.section("verdict", "More", element("p", { class: "links" }, ...links));
        return;
      }
      const { tested, untested } = rows.facts.verdicts[rows.columns.verdict[row]];
      this.section("verdict", "Verdict on the background",
        element("p", {}, mark, " ", element("span", { class: "of" }, rows.columns.tested[row] ? tested : untested)),
        element("ul", { class: "trail" }, ...(detail("trail") ?? []).map((text) => element("li", {}, text))),
        element("p", { class: "links" }, ...links));
    }

    top(detail) {
      const probabilities = detail("top_probability");
      const label = this.rows.columns.label[this.row];
      this.section("top", `Top ${probabilities.length}`, element("ol", { class: "bars" },
        ...detail("top_class").map((classIdx, place) => {
          const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("i"));
          bar.style.setProperty("--v", `${100 * probabilities[place]}%`);
          return element("li", {}, element("span", { class: "name" }, this.classLink(classIdx),
            classIdx === label ? element("span", { class: "of" }, " label") : null),
          element("span", { class: "num" }, percent(probabilities[place])), bar);
        })));
    }

    units(detail) {
      const [units, strengths] = [detail("units") ?? [], detail("strengths") ?? []];
      if (!units.length || !this.rows.facts.units) return;
      this.section("units", "Strongest units", element("ol", { class: "plain-list" },
        ...units.map((unit, place) => element("li", {},
          element("a", { href: `layers/0.html#unit-${unit}` }, `Unit ${unit}`), " ",
          element("span", { class: "of" }, `${signed(strengths[place], 1)} σ`)))),
      element("p", { class: "of" }, "Standard deviations above the unit’s mean over all images."));
    }

    neighbours(detail) {
      const [near, similar] = [detail("neighbours") ?? [], detail("similarities") ?? []];
      if (!near.length) return;
      const { rows, actions } = this;
      this.section("neighbours", "Taken for the same class on like evidence", element("ul", { class: "gallery small" },
        ...near.map((row, place) => {
          const stack = camaudit.pictures.stackOf(rows, row);
          camaudit.pictures.layMap(stack, rows, row, this.role);
          return element("li", { class: "thumb" }, element("a", { href: actions.hrefOf(row) }, stack,
            element("span", { class: "words" }, ...camaudit.results.saying(rows, row),
              element("span", { class: "of" }, `cosine ${decimal(similar[place])}`))));
        })));
    }

    changes(detail) {
      const kinds = detail("change_kind") ?? [];
      if (!kinds.length) return;
      const { rows, row } = this;
      const { label, predicted } = rows.columns;
      const top = detail("top_class");
      const wrong = label[row] >= 0 && label[row] !== predicted[row];
      const names = { predicted: predicted[row], against: wrong ? label[row] : top[1] ?? -1 };
      const fill = (text) => text.replace(/\{(\w+)\}/g, (_, key) => rows.className(names[key]));
      const columns = ["change_donor", "change_predicted", "change_margin", "change_picture"].map(detail);
      const groups = new Map();
      kinds.forEach((kind, place) => {
        const [heading, caption] = rows.facts.changes[kind].map(fill);
        const entry = this.change(caption, columns.map((column) => column[place]), names);
        groups.set(heading, [...(groups.get(heading) ?? []), entry]);
      });
      this.section("changes", "Changed and run again",
        element("p", { class: "about" }, `Margin: logit of ${rows.className(names.predicted)} less that of ${rows.className(names.against)}.`),
        element("div", { class: "change-groups" }, ...Array.from(groups, ([heading, entries]) => element("div", {},
          element("h4", {}, heading), element("ul", { class: "gallery small" }, ...entries)))));
    }

    change(caption, [donor, said, margin, picture], names) {
      const outcome = { [names.predicted]: "same", [names.against]: "against" }[said] ?? "other";
      const text = outcome === "same" ? "stays" : outcome === "against" ? "turns" : "another class";
      const stack = element("span", { class: "stack" }, picture
        ? element("img", { class: "view", src: picture, alt: caption, loading: "lazy" })
        : element("span", { class: "ground", "aria-hidden": "true" }));
      if (!picture) stack.append(element("span", { class: "badge" }, "no picture kept"));
      return element("li", { class: `thumb ${outcome}` }, stack,
        element("span", { class: "words" },
          element("span", { class: "said" }, element("span", { class: "name" }, this.rows.className(said)), `, ${text}`),
          element("span", { class: "is" }, caption), element("span", { class: "num" }, `margin ${signed(margin)}`),
          donor >= 0 ? element("a", { href: this.actions.hrefOf(donor) }, `lent by image ${this.rows.columns.image_id[donor]}`) : null));
    }
  }

  camaudit.Viewer = Viewer;
})();
