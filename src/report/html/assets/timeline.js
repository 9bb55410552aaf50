// A line over the timeline of the workers, moved by mouse or keyboard, and the activities of the
// workers at its time.
"use strict";

(() => {
  const announcer = document.getElementById("announcer");

  function activityAt(row, seconds) {
    const span = row.spans.find(([, from, until]) => from <= seconds && seconds < until);
    return span ? span[0] : "nothing recorded";
  }

  function summary(data, seconds) {
    const counts = new Map();
    data.rows.forEach((row) => {
      const activity = activityAt(row, seconds);
      counts.set(activity, (counts.get(activity) ?? 0) + 1);
    });
    const parts = [...counts].sort().map(([activity, count]) => `${count} ${activity}`);
    return `${Numbers.time(seconds, 5)}:  ${parts.join("  ·  ")}`;
  }

  function follow(box, data) {
    const svg = box.querySelector("svg.gantt");
    const height = svg.viewBox.baseVal.height;
    const [from, until] = data.window;
    const [left, right] = data.frame.map((share) => share * svg.viewBox.baseVal.width);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    line.setAttribute("class", "cursor");
    line.setAttribute("y1", "0");
    line.setAttribute("y2", String(height));
    line.setAttribute("visibility", "hidden");
    svg.append(line);
    const readout = document.createElement("p");
    readout.className = "readout";
    readout.textContent = "\u00a0";
    box.append(readout);
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")}. Arrow keys move through time.`);
    let share = 0;

    function move(to, row) {
      share = Math.max(0, Math.min(1, to));
      const x = left + share * (right - left);
      line.setAttribute("x1", String(x));
      line.setAttribute("x2", String(x));
      line.setAttribute("visibility", "visible");
      const seconds = from + share * (until - from);
      const text = summary(data, seconds);
      readout.textContent = row ? `${text}  ·  ${row.name}: ${activityAt(row, seconds)}` : text;
      return text;
    }

    svg.addEventListener("mousemove", (event) => {
      const area = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / area.width;
      const x = (event.clientX - area.left) * scale;
      const index = Math.floor(((event.clientY - area.top) * scale) / (height / data.rows.length));
      move((x - left) / (right - left), data.rows[index]);
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.01, ArrowRight: 0.01, Home: -1, End: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      announcer.textContent = move(share + step);
    });
  }

  document.querySelectorAll(".drawing").forEach((box) => {
    const script = box.querySelector("script");
    if (script) follow(box, JSON.parse(script.textContent));
  });
})();
