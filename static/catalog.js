// The catalog works without this file. It adds two comforts: copy buttons, and `/` for the search box.
"use strict";

const root = document.documentElement;
root.classList.add("scripted");
const announcer = document.getElementById("announcer");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    said = "Not copied: select the text instead";
  }
  button.classList.toggle("done", said === "Copied");
  announcer.textContent = "";
  announcer.textContent = said;
  setTimeout(() => button.classList.remove("done"), 2000);
});

// A single-key shortcut must be possible to switch off (WCAG 2.1.4); the switch is in the footer.
const KEY = "pluginry-slash";
const remembered = () => { try { return localStorage.getItem(KEY) !== "off"; } catch { return true; } };
let slash = remembered();

const toggle = document.getElementById("slash-switch");
const label = () => { if (toggle) toggle.setAttribute("aria-pressed", String(slash)); };
if (toggle) {
  toggle.addEventListener("click", () => {
    slash = !slash;
    try { localStorage.setItem(KEY, slash ? "on" : "off"); } catch { /* storage is switched off: lasts for this page */ }
    label();
  });
  label();
}

document.addEventListener("keydown", (event) => {
  if (!slash || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const box = document.querySelector("input[type=search]");
  if (!box) return;
  event.preventDefault();
  box.focus();
  box.select();
});
