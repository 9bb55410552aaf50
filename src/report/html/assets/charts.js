// The charts of a page: choice of plot, legend, cursor for mouse and keyboard, text for screen
// readers.
"use strict";

(() => {
  const announcer = document.getElementById("announcer");
  const charts = [];
  let speaking = null;

  function say(text) {
    clearTimeout(speaking);
    speaking = setTimeout(() => (announcer.textContent = text), 250);
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function swatch(series, index) {
    const { colour, dash, width } = PlotOptions.look(series, index);
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 30 12");
    svg.setAttribute("width", "30");
    svg.setAttribute("height", "12");
    svg.setAttribute("aria-hidden", "true");
    const shape = (name, attributes) => {
      const part = document.createElementNS(space, name);
      Object.entries(attributes).forEach(([key, value]) => part.setAttribute(key, value));
      svg.append(part);
    };
    if (series.style === "mark") {
      shape("circle", { cx: 15, cy: 6, r: 5, fill: "none", stroke: colour, "stroke-width": 1.5 });
      return svg;
    }
    if (series.style !== "points") {
      const line = { x1: 1, x2: 29, y1: 6, y2: 6, stroke: colour, "stroke-width": width };
      shape("line", { ...line, "stroke-dasharray": dash.join(" ") });
    }
    if (series.style === "points" || series.style === "dots") {
      shape("circle", { cx: 15, cy: 6, r: series.style === "points" ? 5 : 3, fill: colour });
    }
    return svg;
  }

  class Chart {
    constructor(figure, box, plots) {
      Object.assign(this, { box, plots, shown: 0, hidden: new Set(), line: 0, u: null });
      this.named = "ends" in box.dataset;
      this.title = figure.querySelector("h3").textContent;
      this.choice = element("div", "choice");
      this.stage = element("div", "stage");
      this.legend = element("div", "legend");
      this.readout = element("p", "readout", "\u00a0");
      this.cut = element("p", "cut");
      this.whole = false;
      this.stage.tabIndex = 0;
      this.stage.setAttribute("role", "img");
      box.append(this.choice, this.cut, this.stage, this.readout, this.legend);
      this.choose();
      this.stage.addEventListener("keydown", (event) => this.key(event));
      this.stage.addEventListener("blur", () => this.u.setCursor({ left: -10, top: -10 }));
      new ResizeObserver(() => this.resize()).observe(box);
    }

    plot() {
      return this.plots[this.shown];
    }

    // Buttons for the plots of the figure.
    choose() {
      if (this.plots.length < 2) return this.choice.remove();
      this.choice.setAttribute("role", "group");
      this.choice.setAttribute("aria-label", `Plots of: ${this.title}`);
      this.plots.forEach((plot, index) => {
        const button = element("button", "", plot.label);
        button.type = "button";
        button.addEventListener("click", () => {
          this.shown = index;
          this.hidden.clear();
          this.line = 0;
          this.whole = false;
          this.draw();
        });
        this.choice.append(button);
      });
    }

    size() {
      const width = Math.max(280, Math.floor(this.box.clientWidth));
      return { width, height: Math.round(Math.min(360, Math.max(250, width * 0.5))) };
    }

    resize() {
      const printing = window.matchMedia("print").matches;
      const size = this.size();
      if (this.u && !printing && this.u.width !== size.width) this.draw(size);
    }

    draw(size = this.size()) {
      const plot = this.plot();
      if (this.u) this.u.destroy();
      const hooks = { setCursor: [(u) => this.moved(u)] };
      this.ends = this.named ? PlotOptions.endsOf(plot, size) : null;
      const { whole, ends } = this;
      const options = PlotOptions.options(plot, this.hidden, size, hooks, { whole, ends });
      this.u = new uPlot(options, PlotOptions.columns(plot), this.stage);
      [...this.choice.children].forEach((button, index) =>
        button.setAttribute("aria-pressed", String(index === this.shown)),
      );
      this.stage.setAttribute(
        "aria-label",
        `${this.title}: ${plot.y.title} against ${plot.x.title}. Arrow keys move through the values.`,
      );
      this.drawLegend();
      this.sayCut();
    }

    // What is out of view, with a button that shows it.
    sayCut() {
      const { cut } = this.plot();
      this.cut.replaceChildren();
      if (!cut) return;
      const button = element("button", "", this.whole ? "Show less" : "Show all");
      button.type = "button";
      button.addEventListener("click", () => {
        this.whole = !this.whole;
        this.draw();
        this.cut.querySelector("button").focus();
      });
      this.cut.append(this.whole ? "All values are in view. " : `${cut[0].toUpperCase()}${cut.slice(1)}. `, button);
    }

    drawLegend() {
      const all = this.plot().series;
      this.legend.replaceChildren();
      if (all.length < 2 || this.ends) return;
      all.forEach((series, index) => {
        const button = element("button", "entry");
        button.type = "button";
        button.setAttribute("aria-pressed", String(!this.hidden.has(index)));
        button.title = "Show or hide this line";
        button.append(swatch(series, index), element("span", "", series.name));
        button.addEventListener("click", () => this.toggle(index, button));
        this.legend.append(button);
      });
    }

    toggle(index, button) {
      if (!this.hidden.delete(index)) this.hidden.add(index);
      const show = !this.hidden.has(index);
      button.setAttribute("aria-pressed", String(show));
      this.u.series.forEach((series, column) => {
        if (series.source === index) this.u.setSeries(column, { show });
      });
    }

    // What the reader is told of a line at `x`: its value there, or the one on the line between its
    // neighbours. Single values and values beyond the ends of a line are not told.
    valueAt(series, x) {
      const exact = series.x.indexOf(x);
      if (exact >= 0) return this.describe(series, exact);
      const after = series.x.findIndex((at) => at > x);
      if (after < 1 || ["mark", "points"].includes(series.style)) return null;
      const [low, high] = [series.y[after - 1], series.y[after]];
      if (series.style === "steps") return this.describe(series, after - 1);
      if (low === null || high === null || series.labels) return null;
      const share = (x - series.x[after - 1]) / (series.x[after] - series.x[after - 1]);
      const value = Numbers.write(this.plot().y, low + share * (high - low), 4);
      return { name: series.name, value, at: Numbers.write(this.plot().x, x, 5) };
    }

    describe(series, i) {
      const plot = this.plot();
      const name = series.labels ? series.labels[i] : series.name;
      let value = Numbers.write(plot.y, series.y[i], 5);
      if (series.band && series.band.low[i] !== series.band.high[i]) {
        const edge = (edges) => Numbers.write(plot.y, edges[i], 4);
        value += ` (${edge(series.band.low)} to ${edge(series.band.high)})`;
      }
      return { name, value, at: Numbers.write(plot.x, series.x[i], 5) };
    }

    moved(u) {
      const { left, idx } = u.cursor;
      if (left < 0 || idx === null || idx === undefined) {
        this.readout.textContent = "\u00a0";
        return;
      }
      const x = u.data[0][idx];
      const all = this.plot().series;
      const visible = all.filter((_, index) => !this.hidden.has(index) && all[index].style !== "limit");
      const parts = visible.map((series) => this.valueAt(series, x));
      const same = parts.filter((part) => part && part.name && part.value !== "–").slice(0, 8);
      const where = Numbers.write(this.plot().x, x, 5);
      this.readout.textContent = `${where}:  ${same.map((p) => `${p.name} ${p.value}`).join("  ·  ")}`;
    }

    // Left and right move along a line, up and down change the line, + - 0 zoom.
    key(event) {
      const all = this.plot().series;
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      const other = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      const ends = { Home: -Infinity, End: Infinity }[event.key];
      if (["+", "=", "-", "0"].includes(event.key)) this.zoom(event.key);
      else if (other) this.line = (this.line + other + all.length) % all.length;
      else if (!step && !ends) return;
      event.preventDefault();
      const series = all[this.line];
      const last = series.x.length - 1;
      this.at = Math.max(0, Math.min(last, (this.at ?? -1) + (step ?? 0)));
      if (ends) this.at = ends > 0 ? last : 0;
      const left = this.u.valToPos(series.x[this.at], "x");
      const top = this.u.valToPos(series.y[this.at] ?? 0, "y");
      this.u.setCursor({ left, top });
      const { name, value, at } = this.describe(series, this.at);
      this.readout.textContent = `${at}:  ${name} ${value}`;
      say(`${name}, ${at}: ${value}`);
    }

    zoom(key) {
      const x = this.u.data[0];
      if (key === "0") return this.u.setScale("x", { min: x[0], max: x[x.length - 1] });
      const { min, max } = this.u.scales.x;
      const centre = this.plot().series[this.line].x[this.at ?? 0] ?? (min + max) / 2;
      const factor = key === "-" ? 1.5 : 1 / 1.5;
      this.u.setScale("x", {
        min: Math.max(x[0], centre - (centre - min) * factor),
        max: Math.min(x[x.length - 1], centre + (max - centre) * factor),
      });
    }
  }

  document.querySelectorAll("figure").forEach((figure) => {
    const box = figure.querySelector(".plot");
    if (!box) return;
    const chart = new Chart(figure, box, JSON.parse(box.querySelector("script").textContent));
    chart.draw();
    charts.push(chart);
  });
  Theme.onChange(() => charts.forEach((chart) => chart.draw()));

  // On paper two charts stand side by side.
  const paper = { width: 320, height: 200 };
  window.addEventListener("beforeprint", () => charts.forEach((chart) => chart.draw(paper)));
  window.addEventListener("afterprint", () => charts.forEach((chart) => chart.draw()));
})();
