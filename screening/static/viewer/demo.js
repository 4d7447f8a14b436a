// The demo page: parcels to leaf through, and the belt at the scanner's own pace.

import "./belt.js";
import "./toolbar.js";
import "./viewer.js";

const LINE_RATE_HZ = 500;
const byId = (id) => document.getElementById(id);
const [viewer, belt, list, counts] = ["viewer", "belt", "parcel", "counts"].map(byId);

const json = async (path) => (await fetch(path)).json();

async function show(name) {
  list.value = name;
  if (!(await viewer.load(`pictures/${encodeURIComponent(name)}`))) return;
  viewer.alarms = await json(`boxes/${encodeURIComponent(name)}`);
  counts.textContent = `${list.selectedIndex + 1} of ${list.length}`;
}

const next = () => show(list.options[(list.selectedIndex + 1) % list.length].value);

async function runBelt({ blocks, blockLines }) {
  let number = 0;
  let due = performance.now();
  while (blocks) {
    if (belt.standing) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      due = performance.now();
      continue;
    }
    const response = await fetch(`belt/${number}`);
    belt.push(await response.arrayBuffer());
    number += 1;
    due += (blockLines / LINE_RATE_HZ) * 1000;
    const wait = Math.max(0, due - performance.now());
    await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}

const site = await json("pictures.json");
viewer.looks = await json("looks.json");
list.append(...site.parcels.map((name) => new Option(name, name)));
list.addEventListener("change", () => show(list.value));
byId("next").addEventListener("click", next);
byId("run").addEventListener("click", () => {
  belt.standing = !belt.standing;
  byId("run").setAttribute("aria-pressed", String(!belt.standing));
});
const asked = new URLSearchParams(location.search).get("parcel");
await show(site.parcels.includes(asked) ? asked : site.parcels[0]);
runBelt(site);
