// Writes values in the unit of their axis.
"use strict";

const Numbers = (() => {
  function significant(value, digits) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size < 1e-4 || size >= 1e7) return value.toExponential(Math.max(0, digits - 1));
    return String(Number(value.toPrecision(digits)));
  }

  // Units: the smallest value for which a unit is used, its name, and its size (if that differs).
  const COUNTS = [[1e9, " G"], [1e6, " M"], [1e4, " k", 1e3], [0, "", 1]];
  const TIMES = [
    [172800, " d", 86400],
    [7200, " h", 3600],
    [120, " min", 60],
    [1, " s"],
    [1e-3, " ms"],
    [0, " µs", 1e-6],
  ];

  function unit(units, size) {
    const [from, name, by] = units.find(([least]) => size >= least);
    return { name, by: by ?? from };
  }

  function scaled(units, value, digits, size = Math.abs(value)) {
    if (value === 0) return "0";
    const { name, by } = unit(units, size);
    return significant(value / by, digits) + name;
  }

  function time(seconds, digits) {
    return scaled(TIMES, seconds, digits);
  }

  // A value of `axis` with `digits` significant digits.
  function write(axis, value, digits, size) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (axis.names) return axis.names[Math.round(value)] ?? "";
    switch (axis.unit) {
      case "percent":
        return `${significant(value * 100, digits)} %`;
      case "time":
        return scaled(TIMES, value, digits, size);
      case "count":
        return scaled(COUNTS, value, digits, size);
      default:
        return significant(value, digits);
    }
  }

  // The labels of an axis: all in one unit if the axis is linear, otherwise each in its own unit.
  function ticks(axis, splits) {
    const sizes = splits.filter((v) => v !== null).map(Math.abs);
    const size = axis.scale !== "linear" ? undefined : Math.max(...sizes);
    return splits.map((v) => (v === null ? "" : write(axis, v, 4, size)));
  }

  return { write, ticks, time };
})();
