// The timeline of the workers: what lies under the mouse, zoom and movement by mouse and keyboard.
// The drawing in the page shows the first window; other windows are drawn here from the same data.
"use strict";

(() => {
  const announcer = document.getElementById("announcer");
  const SPACE = "http://www.w3.org/2000/svg";

  function shape(parent, name, attributes, text) {
    const made = document.createElementNS(SPACE, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, String(value)));
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  // Round moments between `from` and `until`, about six of them.
  function moments(from, until) {
    const rough = (until - from) / 6;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    const first = Math.ceil(from / step);
    return Array.from({ length: Math.floor(until / step) - first + 1 }, (_, i) => (first + i) * step);
  }

  class Timeline {
    constructor(box, data) {
      this.data = data;
      this.svg = box.querySelector("svg.gantt");
      this.axis = this.svg.querySelector("g.axis");
      this.blocks = this.svg.querySelector("g.blocks");
      this.bottom = data.rows.length * data.row;
      [this.from, this.until] = data.window;
      this.share = 0;
      const hidden = { class: "cursor", y1: 0, y2: this.bottom, visibility: "hidden" };
      this.line = shape(this.svg, "line", hidden);
      this.readout = document.createElement("p");
      this.readout.className = "readout";
      this.readout.textContent = "\u00a0";
      box.append(this.buttons(), this.readout);
      this.svg.setAttribute("tabindex", "0");
      const label = this.svg.getAttribute("aria-label");
      const keys = "Arrow keys move through time, plus and minus zoom, 0 shows the first window again";
      this.svg.setAttribute("aria-label", `${label}. ${keys}.`);
      this.listen();
    }

    buttons() {
      const group = document.createElement("div");
      group.className = "choice";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", "Part of the timeline shown");
      const actions = [
        ["Zoom in", () => this.zoom(0.5, 0.5)],
        ["Zoom out", () => this.zoom(2, 0.5)],
        ["Earlier", () => this.pan(-0.5)],
        ["Later", () => this.pan(0.5)],
        ["Reset", () => this.show(...this.data.window)],
      ];
      actions.forEach(([text, act]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = text;
        button.addEventListener("click", () => {
          act();
          this.tell(this.covered());
        });
        group.append(button);
      });
      return group;
    }

    covered() {
      const [from, until] = this.data.reach;
      const time = (seconds) => Numbers.time(seconds, 4);
      return `${time(this.from)} to ${time(this.until)}; the page holds ${time(from)} to ${time(until)}`;
    }

    tell(text) {
      this.readout.textContent = text;
      announcer.textContent = text;
    }

    column(seconds) {
      const [left, right] = this.data.frame;
      return left + ((seconds - this.from) / (this.until - this.from)) * (right - left);
    }

    // Shows a window of at most what the page holds and at least a ten-thousandth of it.
    show(from, until) {
      const [first, last] = this.data.reach;
      const width = Math.min(last - first, Math.max(until - from, (last - first) / 1e4));
      this.from = Math.max(first, Math.min(from, last - width));
      this.until = this.from + width;
      this.draw();
    }

    zoom(factor, share) {
      const centre = this.from + share * (this.until - this.from);
      this.show(centre - (centre - this.from) * factor, centre + (this.until - centre) * factor);
    }

    pan(share) {
      const by = share * (this.until - this.from);
      this.show(this.from + by, this.until + by);
    }

    draw() {
      const { rows, row: height, looks } = this.data;
      this.line.setAttribute("visibility", "hidden");
      this.axis.replaceChildren();
      const ticks = moments(this.from, this.until);
      const labels = Numbers.ticks({ unit: "time", scale: "linear" }, ticks);
      ticks.forEach((tick, index) => {
        const x = this.column(tick);
        shape(this.axis, "line", { class: "mesh", x1: x, x2: x, y1: 0, y2: this.bottom });
        const place = { class: "tick", x, y: this.bottom + 18, "text-anchor": "middle" };
        shape(this.axis, "text", place, labels[index]);
      });
      this.blocks.replaceChildren();
      rows.forEach((row, index) => {
        const paths = looks.map(() => []);
        const [top, tall] = [index * height + 3, height - 6];
        row.spans.forEach(([look, from, until]) => {
          if (until <= this.from || from >= this.until) return;
          const left = this.column(Math.max(from, this.from));
          const right = this.column(Math.min(until, this.until));
          const edge = right - left > 3 ? 0.4 : 0;
          const [above, below] = looks[look].band.map((share) => top + tall * share);
          const end = Math.max(right - edge, left + edge + 0.3);
          paths[look].push(`M${left + edge} ${above}H${end}V${below}H${left + edge}Z`);
        });
        paths.forEach((parts, look) => {
          if (parts.length) shape(this.blocks, "path", { class: looks[look].class, d: parts.join("") });
        });
      });
    }

    spanAt(row, seconds) {
      return row.spans.find(([, from, until]) => from <= seconds && seconds < until);
    }

    describe(row, seconds) {
      const span = this.spanAt(row, seconds);
      if (!span) return `${row.name}: nothing recorded`;
      const [look, from, until, step] = span;
      const time = (value) => Numbers.time(value, 5);
      const number = step === null ? "" : `, step ${step}`;
      const name = this.data.looks[look].name;
      return `${row.name}: ${name}, ${time(from)} to ${time(until)}, ${Numbers.time(until - from, 4)} long${number}`;
    }

    // How many workers do what.
    summary(seconds) {
      const counts = new Map();
      this.data.rows.forEach((row) => {
        const span = this.spanAt(row, seconds);
        const place = span ? span[0] : this.data.looks.length;
        counts.set(place, (counts.get(place) ?? 0) + 1);
      });
      const name = (place) => this.data.looks[place]?.name ?? "not recorded";
      const parts = [...counts].sort((a, b) => a[0] - b[0]).map(([place, count]) => `${count} ${name(place)}`);
      return `${Numbers.time(seconds, 5)}:  ${parts.join("  ·  ")}`;
    }

    move(share, row) {
      this.share = Math.max(0, Math.min(1, share));
      const seconds = this.from + this.share * (this.until - this.from);
      const x = this.column(seconds);
      this.line.setAttribute("x1", String(x));
      this.line.setAttribute("x2", String(x));
      this.line.setAttribute("visibility", "visible");
      const text = row ? this.describe(row, seconds) : this.summary(seconds);
      this.readout.textContent = text;
      return text;
    }

    // Where the mouse is: the share of the window, and the row.
    place(event) {
      const area = this.svg.getBoundingClientRect();
      const scale = this.svg.viewBox.baseVal.width / area.width;
      const [left, right] = this.data.frame;
      const share = ((event.clientX - area.left) * scale - left) / (right - left);
      const index = Math.floor(((event.clientY - area.top) * scale) / this.data.row);
      return { share, row: this.data.rows[index] };
    }

    listen() {
      let dragged = null;
      this.svg.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        dragged = this.place(event).share;
        this.svg.setPointerCapture(event.pointerId);
      });
      const end = () => (dragged = null);
      this.svg.addEventListener("pointerup", end);
      this.svg.addEventListener("pointercancel", end);
      this.svg.addEventListener("pointermove", (event) => {
        const { share, row } = this.place(event);
        if (dragged === null) return this.move(share, row);
        this.pan(dragged - share);
        dragged = share;
      });
      // The wheel alone scrolls the page unless the drawing has the focus.
      this.svg.addEventListener(
        "wheel",
        (event) => {
          if (document.activeElement !== this.svg && !event.ctrlKey) return;
          event.preventDefault();
          const { share } = this.place(event);
          this.zoom(event.deltaY > 0 ? 1.25 : 0.8, Math.max(0, Math.min(1, share)));
        },
        { passive: false },
      );
      this.svg.addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
      const page = { PageUp: -0.5, PageDown: 0.5 }[event.key];
      const factor = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
      if (factor) this.zoom(factor, this.share);
      else if (page) this.pan(page);
      else if (event.key === "0") this.show(...this.data.window);
      else if (!step) return;
      event.preventDefault();
      if (!step) return this.tell(this.covered());
      // At an edge the window moves along.
      const to = this.share + step;
      if (Math.abs(step) < 1 && (to < 0 || to > 1)) this.pan(step);
      announcer.textContent = this.move(to);
    }
  }

  document.querySelectorAll(".drawing").forEach((box) => {
    const script = box.querySelector("script");
    if (script) new Timeline(box, JSON.parse(script.textContent));
  });
})();
