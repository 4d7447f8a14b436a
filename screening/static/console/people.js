// The link to hand over: copied by one key.

import { byId } from "./dom.js";

const link = byId("link");
if (link) {
  link.focus();
  link.select();
  byId("copy").addEventListener("click", async (event) => {
    link.select();
    await navigator.clipboard?.writeText(link.value);
    event.target.textContent = event.target.dataset.done;
  });
}
