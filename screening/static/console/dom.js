// Small helpers for elements. Text is set as text, never as HTML: it comes from a network.

export const byId = (id) => document.getElementById(id);

/** make("li", {class: "alarm"}, "text", child): attributes that are null or false are left out. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A key as it is shown. */
export const keyCap = (key) => make("kbd", { "aria-hidden": "true" }, key.length === 1 ? key.toUpperCase() : key);

/** Set text only where it changes, so that screen readers do not repeat it. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
