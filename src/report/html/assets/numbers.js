// Values as their axis writes them.
"use strict";

const Numbers = (() => {
  function significant(value, digits) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size < 1e-4 || size >= 1e7) return value.toExponential(Math.max(0, digits - 1));
    return String(Number(value.toPrecision(digits)));
  }

  function count(value, digits) {
    const size = Math.abs(value);
    if (size >= 1e9) return `${significant(value / 1e9, digits)} G`;
    if (size >= 1e6) return `${significant(value / 1e6, digits)} M`;
    if (size >= 1e4) return `${significant(value / 1e3, digits)} k`;
    return significant(value, digits);
  }

  function time(seconds, digits) {
    const size = Math.abs(seconds);
    if (size === 0) return "0 s";
    if (size < 1e-3) return `${significant(seconds * 1e6, digits)} µs`;
    if (size < 1) return `${significant(seconds * 1e3, digits)} ms`;
    if (size < 120) return `${significant(seconds, digits)} s`;
    if (size < 7200) return `${significant(seconds / 60, digits)} min`;
    if (size < 172800) return `${significant(seconds / 3600, digits)} h`;
    return `${significant(seconds / 86400, digits)} d`;
  }

  // A value of `axis` with so many digits.
  function write(axis, value, digits) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (axis.names) return axis.names[Math.round(value)] ?? "";
    switch (axis.unit) {
      case "percent":
        return `${significant(value * 100, digits)} %`;
      case "time":
        return time(value, digits);
      case "count":
        return count(value, digits);
      default:
        return significant(value, digits);
    }
  }

  return { write, time };
})();
