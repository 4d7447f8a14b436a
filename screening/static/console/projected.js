// What is said at once when a picture carried a projected threat: hit, miss, or taken away.

import { byId, make, setText } from "./dom.js";
import { term, word } from "./words.js";

/** @param {{outcome: string, late: boolean, class: string, places: {view: string, picture: string}[]}} told */
export function showProjected(told) {
  const card = byId("projected");
  const fields = { what: term(told.class) };
  card.dataset.outcome = told.outcome;
  setText(byId("projected-title"), word(`projected.${told.outcome}`));
  setText(byId("projected-text"), word(`projected.text.${told.late ? "late" : told.outcome}`, fields));
  const pictures = told.places.filter((place) => place.picture).map((place) =>
    make("figure", {}, make("img", { src: place.picture, alt: word("projected.where", { ...fields, view: term(place.view) }) }),
      told.places.length > 1 ? make("figcaption", {}, term(place.view)) : null));
  byId("projected-places").replaceChildren(...pictures);
  card.hidden = false;
}

export function hideProjected() {
  byId("projected").hidden = true;
}
