// Looks at every page sample in Chromium, in both themes and at three widths: axe-core finds nothing (contrast
// included), nothing overflows or shifts, nothing is asked of another host, the policy stops nothing, and the
// page works with scripts switched off.
//
// How tests/run calls it (needs Node and Debian's `chromium`):
//   PLUGINRY_PAGES=target/pages cargo test --lib http::web::audit::samples_can_be_written_out_for_browsers
//   npm ci --prefix tests/browser && node tests/browser/pages.mjs target/pages [DIRECTORY FOR SCREENSHOTS]
// Exit 0: nothing found. CHROMIUM names another browser than /usr/bin/chromium.

import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [pages, screenshots] = process.argv.slice(2);
if (!pages) {
  console.error("usage: node pages.mjs DIRECTORY [SCREENSHOTS]");
  process.exit(2);
}
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// As src/http/manners.rs sends it.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const WIDTHS = [320, 768, 1280];
const THEMES = ["light", "dark"];
const REQUESTS_MAX = 8;

const server = http.createServer((request, response) => {
  const file = path.join(pages, path.normalize(decodeURIComponent(request.url.split("?")[0])));
  if (!fs.existsSync(file) || fs.statSync(file).isDirectory()) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream", "content-security-policy": POLICY });
  fs.createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://127.0.0.1:${server.address().port}`;

const profile = fs.mkdtempSync(path.join(os.tmpdir(), "pluginry-browser-"));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  userDataDir: profile,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const findings = [];
let looked = 0;

async function look(name, width) {
  const page = await browser.newPage();
  const found = (what) => findings.push(`${name} ${width}: ${what}`);
  let requests = 0;
  page.on("request", (request) => {
    requests += 1;
    if (!request.url().startsWith(origin)) found(`asks ${request.url()}`);
  });
  page.on("console", (message) => found(`console says: ${message.text()}`));
  page.on("pageerror", (error) => found(`script fails: ${error.message}`));
  await page.evaluateOnNewDocument(() => {
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.value; }))
      .observe({ type: "layout-shift", buffered: true });
  });
  await page.setViewport({ width, height: 900 });
  await page.goto(`${origin}/${name}.html`, { waitUntil: "networkidle0" });

  const { overflow, shift } = await page.evaluate(() => ({
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    shift: window.shift,
  }));
  if (overflow > 0) found(`overflows by ${overflow} px`);
  if (shift > 0) found(`shifts its layout by ${shift}`);
  if (requests > REQUESTS_MAX) found(`makes ${requests} requests`);

  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
  await page.evaluate(axe);
  for (const theme of THEMES) await lookInTheme(page, theme, (what) => found(`${theme}: ${what}`), `${name}-${width}`);
  await page.close();
}

async function lookInTheme(page, theme, found, shot) {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] }));
  for (const violation of violations) {
    const places = violation.nodes.map((node) => `${node.target.join(" ")} ${node.any.map((check) => check.message).join("; ")}`);
    found(`${violation.id}: ${violation.help}\n    ${places.slice(0, 3).join("\n    ")}`);
  }
  if (screenshots) await page.screenshot({ path: path.join(screenshots, `${shot}-${theme}.png`), fullPage: true });
  looked += 1;
}

async function checkKeyboard() {
  const page = await browser.newPage();
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName);
  await page.goto(`${origin}/release.html`);
  await page.keyboard.press("Tab");
  if ((await focused()) !== "skip") findings.push("keyboard: the first stop is not the skip link");
  await page.keyboard.press("Enter");
  if ((await focused()) !== "content") findings.push("keyboard: the skip link does not lead to the content");
  await page.keyboard.press("/");
  if ((await focused()) !== "q") findings.push("keyboard: / does not lead to the search box");
  await page.keyboard.type("a/b");
  if ((await page.$eval("#q", (box) => box.value)) !== "a/b") findings.push("keyboard: / cannot be typed into the search box");
  await page.click("#slash-switch");
  await page.focus(".wordmark");
  await page.keyboard.press("/");
  if ((await focused()) === "q") findings.push("keyboard: the / shortcut cannot be switched off");
  await page.evaluate(() => localStorage.clear());
  await page.close();
}

async function checkWithoutScript() {
  const page = await browser.newPage();
  await page.setJavaScriptEnabled(false);
  await page.goto(`${origin}/search.html`);
  const filters = await page.$$(".filters a[href^='/search']");
  const form = await page.$("form[action='/search'] input[name=q]");
  if (filters.length === 0 || !form) findings.push("without script: search or its filters are missing");
  await page.goto(`${origin}/release.html`);
  const copyIsShown = await page.$eval(".copy", (button) => getComputedStyle(button).visibility !== "hidden");
  if (copyIsShown) findings.push("without script: a copy button is shown that does nothing");
  await page.close();
}

try {
  if (screenshots) fs.mkdirSync(screenshots, { recursive: true });
  const names = fs.readdirSync(pages).filter((file) => file.endsWith(".html")).map((file) => path.basename(file, ".html"));
  for (const name of names) for (const width of WIDTHS) await look(name, width);
  await checkKeyboard();
  await checkWithoutScript();
} catch (error) {
  findings.push(String(error));
} finally {
  await browser.close();
  server.close();
  fs.rmSync(profile, { recursive: true, force: true });
}
for (const finding of findings) console.error(finding);
console.log(`${looked} looks, ${findings.length} findings`);
process.exit(findings.length === 0 && looked > 0 ? 0 : 1);
