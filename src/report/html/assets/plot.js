// Makes uPlot's options for one plot from the data in the page. Lines differ not only by colour but
// also by dashes and points.
"use strict";

const PlotOptions = (() => {
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [14, 4], [1, 2, 6, 2]];
  const COLOURS = 7;
  const MOST_BANDS = 4;

  function ink(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function look(series, index) {
    if (series.style === "mark") return { colour: ink("--text"), dash: [], width: 2 };
    if (series.style === "ground") return { colour: faded(ink("--text-2"), 40), dash: [], width: 7 };
    if (series.style === "quiet") return { colour: faded(ink("--text-2"), 45), dash: [], width: 1 };
    if (series.style === "limit") return { colour: ink("--text-2"), dash: [4, 4], width: 1.5 };
    const place = series.colour ?? index;
    const colour = ink(`--series-${place % COLOURS}`);
    const round = Math.floor(place / COLOURS);
    return { colour, dash: DASHES[(place + 3 * round) % DASHES.length], width: 2 };
  }

  function faded(colour, share) {
    return `color-mix(in srgb, ${colour} ${share}%, transparent)`;
  }

  // The columns of uPlot: all positions once, and each line's values there. A line with a band has
  // three columns: the line, its upper and its lower edge.
  function columns(plot) {
    const tables = plot.series.map((s) =>
      s.band ? [s.x, s.y, s.band.high, s.band.low] : [s.x, s.y],
    );
    return uPlot.join(tables);
  }

  // Many bands over each other would hide the lines: then only the band of the line under the
  // cursor is shown.
  function bandFill(u, plot, index, colour) {
    const banded = (s) => s.source !== undefined && plot.series[s.source].band;
    const shown = u.series.filter((s) => banded(s) && !s.edge && s.show);
    if (shown.length <= MOST_BANDS) return faded(colour, 18);
    return u.focused === index ? faded(colour, 25) : null;
  }

  function lines(plot, hidden) {
    const series = [{}];
    const bands = [];
    plot.series.forEach((data, index) => {
      const { colour, dash, width } = look(data, index);
      const mark = data.style === "mark";
      const bare = mark || data.style === "points";
      const points = bare || data.style === "dots";
      const line = {
        label: data.name,
        scale: "y",
        show: !hidden.has(index),
        spanGaps: true,
        stroke: bare ? "transparent" : colour,
        width: bare ? 0 : width,
        dash,
        points: mark
          ? { show: true, size: 15, width: 2, stroke: colour, fill: "transparent" }
          : { show: points, size: bare ? 10 : 6, stroke: colour, fill: colour },
        source: index,
      };
      if (data.style === "steps") {
        line.paths = uPlot.paths.stepped({ align: 1 });
        line.fill = faded(colour, 12);
        line.spanGaps = false;
      }
      series.push(line);
      if (data.band) {
        const edge = { ...line, label: "", width: 0, stroke: "transparent", points: { show: false }, edge: true };
        series.push({ ...edge }, { ...edge });
        if (data.style !== "points") {
          const edges = [series.length - 2, series.length - 1];
          bands.push({ series: edges, fill: (u) => bandFill(u, plot, index, colour) });
        }
      }
    });
    return { series, bands };
  }

  // Upright lines behind the data.
  function uprights(u, plot) {
    if (!plot.uprights) return;
    const { ctx, bbox } = u;
    ctx.save();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([6, 4].map((length) => length * devicePixelRatio));
    plot.uprights.forEach(({ x, colour }) => {
      const at = Math.round(u.valToPos(x, "x", true));
      if (at < bbox.left || at > bbox.left + bbox.width) return;
      ctx.strokeStyle = colour === null ? ink("--edge") : ink(`--series-${colour % COLOURS}`);
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
    });
    ctx.restore();
  }

  // Error bars at values that have an interval, of series drawn with points.
  function bars(u, plot) {
    const { ctx } = u;
    const half = 4 * devicePixelRatio;
    plot.series.forEach((data, index) => {
      const column = u.series.findIndex((s) => s.source === index);
      const single = data.band?.low.filter((low) => low !== null).length === 1;
      const barred = single || ["points", "dots"].includes(data.style);
      if (!data.band || !barred || !u.series[column].show) return;
      ctx.save();
      ctx.strokeStyle = look(data, index).colour;
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.setLineDash([]);
      ctx.beginPath();
      data.x.forEach((x, i) => {
        if (data.band.low[i] === null) return;
        const at = Math.round(u.valToPos(x, "x", true));
        const low = u.valToPos(data.band.low[i], "y", true);
        const high = u.valToPos(data.band.high[i], "y", true);
        if (at < u.bbox.left || at > u.bbox.left + u.bbox.width || low === high) return;
        ctx.moveTo(at, low);
        ctx.lineTo(at, high);
        ctx.moveTo(at - half, low);
        ctx.lineTo(at + half, low);
        ctx.moveTo(at - half, high);
        ctx.lineTo(at + half, high);
      });
      ctx.stroke();
      ctx.restore();
    });
  }

  // Round values between `low` and `high` for an axis of ratios.
  function ratios(low, high) {
    const decades = Math.log10(high / low);
    const steps = decades > 4 ? [1] : decades > 1.2 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
    const splits = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      steps.forEach((step) => splits.push(Number(`${step}e${power}`)));
    }
    return splits.filter((value) => value >= low && value <= high);
  }

  const LABEL_FONT = "13px system-ui, sans-serif";
  const FONT = "12px system-ui, sans-serif";
  const ruler = document.createElement("canvas").getContext("2d");

  function measured(text, font) {
    ruler.font = font;
    return ruler.measureText(text).width;
  }

  // A title that does not fit loses what stands behind its first colon or comma, and then its end.
  function fitted(title, room) {
    const whole = [title, title.split(/[:,]/)[0]].find((text) => measured(text, LABEL_FONT) <= room);
    if (whole !== undefined) return whole;
    let length = title.length;
    while (length > 1 && measured(`${title.slice(0, length)}…`, LABEL_FONT) > room) length -= 1;
    return `${title.slice(0, length)}…`;
  }

  // Of the values whose labels would touch, only the first keeps its label.
  function apart(u, splits, data) {
    const labels = Numbers.ticks(data, splits);
    let end = -Infinity;
    return splits.map((split, index) => {
      const half = measured(labels[index], FONT) / 2;
      const place = u.valToPos(split, "x");
      if (place - half < end + 6) return null;
      end = place + half;
      return split;
    });
  }

  // Titles that fit into a plot of this size.
  function titles(plot, size, ends) {
    return [fitted(plot.x.title, size.width - 82 - (ends ? ends.room : 0)), fitted(plot.y.title, size.height - 60)];
  }

  function axis(data, vertical, title) {
    const text = ink("--text-2");
    const options = {
      label: title,
      labelSize: 18,
      labelGap: vertical ? 6 : 0,
      labelFont: LABEL_FONT,
      font: FONT,
      stroke: text,
      grid: { stroke: ink("--mesh"), width: 1 },
      ticks: { stroke: ink("--mesh"), width: 1, size: 5 },
      size: vertical ? 66 : 30,
      values: (u, splits) => Numbers.ticks(data, splits),
    };
    if (data.scale === "ratios") options.splits = (u, index, low, high) => ratios(low, high);
    if (data.scale === "doublings") {
      options.splits = (u, index, low, high) =>
        [0, ...ratios(1, Math.max(10, high))].filter((value) => value >= low && value <= high);
    }
    if (data.scale !== "linear" || data.names) {
      options.filter = (u, splits) => (vertical ? splits : apart(u, splits, data));
    }
    if (data.ticks) options.splits = () => data.ticks;
    if (data.names) {
      options.splits = () => data.names.map((_, index) => index);
      options.grid = { show: false };
    }
    return options;
  }

  function scale(data) {
    if (data.names) return { time: false, range: [-0.5, data.names.length - 0.5] };
    if (data.scale === "ratios") return { time: false, distr: 3, log: 10 };
    // Equal ratios of 1 + x at equal distances. No value is less than -0.5, the lower edge of the
    // bin of 0.
    if (data.scale === "doublings") {
      const range = (u, low, high) => (low === null ? [0, 1] : [low, high]);
      return { time: false, distr: 100, fwd: (x) => Math.log2(1 + Math.max(x, -0.5)), bwd: (y) => 2 ** y - 1, range };
    }
    return { time: false };
  }

  // The lowest and the highest value of a plot.
  function extent(plot) {
    const values = plot.series.flatMap((s) => [s.y, s.band?.low ?? [], s.band?.high ?? []].flat());
    const known = values.filter((value) => value !== null);
    return [Math.min(...known), Math.max(...known)];
  }

  // The range of the values with some room above and below, so that lines do not touch the frame.
  // If the plot has a range of its own, that is shown until the reader zooms into a part without
  // values beyond it, unless `whole`.
  function vertical(plot, whole) {
    const data = plot.y;
    const base = scale(data);
    if (data.scale !== "linear") return base;
    const all = extent(plot);
    const range = (u, low, high) => {
      if (low === null || high === null) return [0, 1];
      if (data.range && !whole) {
        const beyond = low < data.range[0] || high > data.range[1];
        if (beyond || (low <= all[0] && high >= all[1])) return data.range;
      }
      const pad = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
      const least = low >= 0 && low - pad < 0 ? 0 : low - pad;
      return [data.unit === "percent" ? 0 : least, high + pad];
    };
    return { ...base, range };
  }

  function horizontal(plot) {
    const base = scale(plot.x);
    if (plot.x.names || !plot.series.some((s) => ["points", "dots", "mark"].includes(s.style))) return base;
    const range = (u, low, high) => {
      if (low === null || high === null) return [0, 1];
      if (plot.x.scale === "ratios") return [low / 1.15, high * 1.15];
      if (plot.x.scale === "doublings") return [(1 + low) / 1.15 - 1, (1 + high) * 1.15 - 1];
      const pad = (high - low) * 0.03 || 0.5;
      return [low - pad, high + pad];
    };
    return { ...base, range };
  }

  function focus(u, column, state) {
    if (state.focus === undefined) return;
    const source = column === null || !state.focus ? undefined : u.series[column].source;
    if (source === u.focused) return;
    u.focused = source;
    u.redraw(false);
  }

  // The names of lines that stand at their ends: only if there is room for them.
  function endsOf(plot, size) {
    const named = plot.series.map((data, index) => {
      const last = data.y.findLastIndex((value) => value !== null);
      const text = last < 0 ? "" : `${data.name} ${Numbers.write(plot.y, data.said ?? data.y[last], 4)}`;
      return { index, text, x: data.x[last], y: data.y[last], width: measured(text, FONT) };
    });
    const shown = named.filter(({ text }) => text !== "");
    const room = Math.max(...shown.map(({ width }) => width)) + 26;
    const title = measured(plot.x.title.split(/[:,]/)[0], LABEL_FONT);
    const fits = room <= size.width * 0.42 && title + room <= size.width - 82;
    return fits ? { shown, room } : null;
  }

  // Each name beside the end of its line, moved if names would overlap.
  function names(u, plot, { shown }) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    const gap = 15 * ratio;
    const [top, bottom] = [bbox.top + 6 * ratio, bbox.top + bbox.height - 6 * ratio];
    const visible = shown.filter(({ index }) => u.series.find((s) => s.source === index).show);
    const placed = visible.map((end) => {
      const wanted = u.valToPos(end.y, "y", true);
      return { ...end, from: wanted, to: Math.max(top, Math.min(bottom, wanted)) };
    });
    placed.sort((a, b) => a.to - b.to);
    placed.forEach((end, i) => i && (end.to = Math.max(end.to, placed[i - 1].to + gap)));
    placed.reverse().forEach((end, i) => (end.to = Math.min(end.to, i ? placed[i - 1].to - gap : bottom)));
    ctx.save();
    ctx.font = FONT.replace("12px", `${12 * ratio}px`);
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    const edge = bbox.left + bbox.width;
    placed.forEach(({ index, text, from, to }) => {
      const { colour } = look(plot.series[index], index);
      ctx.strokeStyle = colour;
      ctx.lineWidth = ratio;
      ctx.beginPath();
      ctx.moveTo(edge + 2 * ratio, Math.max(bbox.top, Math.min(bbox.top + bbox.height, from)));
      ctx.lineTo(edge + 14 * ratio, to);
      ctx.stroke();
      ctx.fillStyle = plot.series[index].style === "ground" ? ink("--text-2") : colour;
      ctx.fillText(text, edge + 18 * ratio, to);
    });
    ctx.restore();
  }

  function options(plot, hidden, size, hooks, { whole, ends }) {
    const { series, bands } = lines(plot, hidden);
    const [below, beside] = titles(plot, size, ends);
    return {
      width: size.width,
      height: size.height,
      legend: { show: false },
      cursor: {
        focus: { prox: 24 },
        points: { size: 9 },
        drag: { x: true, y: false },
        // A line without a value at the cursor gets no dot, rather than one at another position.
        dataIdx: (u, column, index) => (column > 0 && u.data[column][index] == null ? null : index),
      },
      focus: { alpha: 0.35 },
      scales: { x: horizontal(plot), y: vertical(plot, whole) },
      axes: [axis(plot.x, false, below), axis(plot.y, true, beside)],
      series,
      bands,
      padding: [12, ends ? ends.room : 16, 0, 0],
      hooks: {
        ...hooks,
        drawAxes: [(u) => uprights(u, plot)],
        draw: [(u) => bars(u, plot), (u) => ends && names(u, plot, ends)],
        setSeries: [focus],
      },
    };
  }

  return { options, columns, look, endsOf };
})();
