// Words of the page in the person's language: the page carries them as JSON (templates/words.html).

import { say } from "/static/viewer/strings.js";

const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

export const lang = document.documentElement.lang || "en";

/** The viewer's dictionary. */
export const viewerStrings = { ...words.viewer, lang };

/** A sentence with its fields filled in. */
export const word = (key, fields = {}) => say({ ...words.page, lang }, key, fields);

/** Whether people have a word for what the program names. */
export const isTerm = (name) => Object.hasOwn(words.terms ?? {}, name);

/** A thing that has a name in the program (a state, a class, a reason) as people call it. */
export function term(name) {
  const plain = String(name ?? "").replaceAll("-", "_");
  return words.terms?.[name] ?? words.terms?.[plain] ?? plain.replaceAll("_", " ");
}

/** As it begins a line. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** English as most of the world writes it: day before month, 24 hours. */
const region = lang === "en" ? "en-GB" : lang;
const numbers = new Intl.NumberFormat(region);
const percents = new Intl.NumberFormat(region, { style: "percent", maximumFractionDigits: 0 });
const hours = new Intl.DateTimeFormat(region, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const number = (value) => numbers.format(value);
export const percent = (share) => percents.format(share);
export const clock = (moment) => hours.format(moment instanceof Date ? moment : new Date(moment));
