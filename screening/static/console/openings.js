// What was found in opened parcels. The same form sent twice counts once.

import { Lost, call, requestId } from "./api.js";
import { byId } from "./dom.js";
import { word } from "./words.js";

for (const item of document.querySelectorAll("[data-parcel]")) begin(item);

function begin(item) {
  const form = item.querySelector("form");
  const rows = form.querySelector(".found-rows");
  const request = requestId();
  const save = form.querySelector(".save");
  const nothing = form.querySelector(".nothing");

  function changed() {
    const some = rows.children.length > 0;
    save.hidden = !some;
    nothing.hidden = some;
  }

  form.querySelector(".add").addEventListener("click", () => {
    const row = form.querySelector("template").content.cloneNode(true);
    row.querySelector(".drop").addEventListener("click", (event) => {
      event.target.closest("fieldset").remove();
      changed();
      form.querySelector(".add").focus();
    });
    rows.append(row);
    rows.lastElementChild.querySelector("select").focus();
    changed();
  });
  nothing.addEventListener("click", () => send([]));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (rows.children.length) send([...rows.children].map(readRow));
  });

  async function send(found) {
    const sent = { request_id: request, parcel_id: Number(item.dataset.parcel), found, note: form.elements.note.value };
    try {
      await call("POST", "/api/openings", sent);
    } catch (error) {
      tell(error instanceof Lost ? word("notSaved") : `${error.error}. ${error.remedy}`, true);
      return;
    }
    tell(word("openingSaved", { parcel: item.querySelector("h2 a").textContent }));
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    (next?.querySelector(".add") ?? byId("main")).focus();
  }
}

function readRow(row) {
  const value = (name) => row.querySelector(`[name=${name}]`).value.trim();
  const texts = Object.fromEntries(["what", "type", "condition", "marks", "route"].map((name) => [name, value(name)]));
  return { ...texts, amount: Number(value("amount")) };
}

function tell(text, bad = false) {
  const told = byId("told");
  told.hidden = false;
  told.textContent = text;
  told.classList.toggle("bad", bad);
}
