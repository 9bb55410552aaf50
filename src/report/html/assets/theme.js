// Light or dark colours: the system's choice, or the reader's choice with the button. The reader's
// choice is kept for the next page if the browser allows it.
"use strict";

const Theme = (() => {
  const root = document.documentElement;
  const listeners = [];
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem("straggler-theme");
    } catch {
      return null;
    }
  }

  function store(theme) {
    try {
      localStorage.setItem("straggler-theme", theme);
    } catch {
      // A page from disk may have no storage. Then the choice ends with the page.
    }
  }

  function current() {
    return root.dataset.theme || (system.matches ? "dark" : "light");
  }

  function set(theme) {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    listeners.forEach((listener) => listener());
  }

  const before = stored();
  if (before === "light" || before === "dark") root.dataset.theme = before;
  system.addEventListener("change", () => listeners.forEach((listener) => listener()));

  // Pages are printed in light colours.
  let onScreen = null;
  window.addEventListener("beforeprint", () => {
    onScreen = root.dataset.theme || null;
    if (current() === "dark") set("light");
  });
  window.addEventListener("afterprint", () => {
    if ((root.dataset.theme || null) !== onScreen) set(onScreen);
  });

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "theme";
    const label = () => {
      button.textContent = current() === "dark" ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} colours`);
    };
    button.addEventListener("click", () => {
      const theme = current() === "dark" ? "light" : "dark";
      store(theme);
      set(theme);
    });
    listeners.push(label);
    label();
    document.querySelector("header.top").append(button);
  });

  return { onChange: (listener) => listeners.push(listener) };
})();
