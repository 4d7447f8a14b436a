// The column of what waits and of what this person decided last.

import { byId, make, setText } from "./dom.js";
import { number, term, word } from "./words.js";

const SIGNS = { ALARM: "▲", REVIEW: "◆", NO_ALARM: "○", UNSCREENED: "□" };
const DECIDED = { release: "✓", "second look": "◎", hold: "‖", open: "✂" };
const MOST = 12;
/** The server tells no more of those that wait. */
const MOST_TOLD = 50;

export const nameOf = (parcel) => parcel.item_id ?? word("numbered", { id: parcel.id });

/** @param {{waiting: object[], counts: object, mine: object[]}} queue @param {number | null} current on the screen */
export function showQueue({ waiting, mine }, current) {
  const others = waiting.filter((parcel) => parcel.id !== current && !parcel.leased);
  setText(byId("count-waiting"), number(others.length) + (waiting.length >= MOST_TOLD ? "+" : ""));
  byId("waiting").replaceChildren(...others.slice(0, MOST).map(row));
  byId("waiting-none").hidden = others.length > 0;
  byId("mine").replaceChildren(...mine.slice(0, MOST).map(decided));
}

export function showCounts(counts) {
  const parts = ["second_look", "held", "opening"].filter((key) => counts[key]).map((key) => `${word(`count.${key}`)} ${number(counts[key])}`);
  setText(byId("counts"), parts.join(" · "));
}

function row(parcel) {
  return make("li", { class: parcel.verdict },
    make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[parcel.verdict] ?? "□"),
    make("span", { class: "number" }, make("bdi", {}, nameOf(parcel))),
    make("span", { class: "unseen" }, term(parcel.verdict)),
    parcel.state === "second look" ? make("span", { class: "second" }, term("second look")) : null);
}

function decided(one) {
  const what = one.undone ? word("undone") : term(one.kind);
  return make("li", { class: one.undone ? "undone" : "" },
    make("span", { class: "sign", "aria-hidden": "true" }, one.undone ? "↶" : (DECIDED[one.kind] ?? "✓")),
    make("span", { class: "number" }, make("bdi", {}, one.item_id ?? word("numbered", { id: one.parcel_id }))),
    make("span", { class: "unseen" }, what));
}
