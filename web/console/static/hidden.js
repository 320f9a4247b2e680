// A page in a hidden tab does not refresh its parts by itself. Once it is shown again, they are refreshed at once.
"use strict";

function refreshes(part) {
  return (part.getAttribute("hx-headers") || "").includes("X-Refresh");
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && refreshes(event.detail.elt)) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[hx-headers]")) {
    if (refreshes(part)) htmx.ajax("GET", part.getAttribute("hx-get"), { source: part, target: part, swap: "innerHTML" });
  }
});
