(function () {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  }
  const button = document.getElementById("theme");
  button.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    document.dispatchEvent(new Event("themechange"));
  });
  dark.addEventListener("change", function () {
    document.dispatchEvent(new Event("themechange"));
  });
})();
