// The parcel's number: typed, or from a scanner that types. Checked at once, then written to the parcel.

import { Lost, Refusal, call } from "./api.js";
import { byId, setText } from "./dom.js";
import { checkItemId } from "./item_id.js";
import { word } from "./words.js";

const field = () => byId("item-id");

/** @param {{parcel: () => object | null, named: (itemId: string) => void}} desk */
export function barcodeField(desk) {
  byId("barcode").addEventListener("submit", (event) => {
    event.preventDefault();
    scanned(field().value, desk);
  });
  field().addEventListener("input", () => tell(field().value.trim().length >= 13 ? checkItemId(field().value) : ""));
  field().addEventListener("keydown", (event) => { if (event.key === "Escape") byId("viewer").focus(); });
}

export function showItemId(parcel) {
  field().value = parcel?.item_id ?? "";
  field().disabled = !parcel;
  tell(parcel?.item_id ? checkItemId(parcel.item_id) : "");
}

/** What a scanner typed, wherever the focus was. */
export async function scanned(text, desk) {
  const parcel = desk.parcel();
  if (!parcel || !text.trim()) return;
  field().value = text.trim().toUpperCase();
  if (checkItemId(text) === "misread") {
    tell("misread");
    field().select();
    return;
  }
  try {
    const answer = await call("POST", `/api/parcels/${parcel.id}/item-id`, { scanned: text });
    field().value = answer.item_id;
    tell(answer.is_s10 ? "good" : "other");
    desk.named(answer.item_id);
    if (document.activeElement === field()) byId("viewer").focus();
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Lost)) throw error;
    tell("refused", error instanceof Lost ? word("numberLost") : `${error.error}. ${error.remedy}`);
  }
}

function tell(kind, text = kind ? word(`number.${kind}`) : "") {
  const told = byId("item-id-told");
  told.dataset.kind = kind;
  setText(told, text);
  const wrong = kind === "misread" || kind === "refused";
  if (wrong) field().setAttribute("aria-invalid", "true");
  else field().removeAttribute("aria-invalid");
}
