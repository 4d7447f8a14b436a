// Parcel numbers: the check digit of UPU S10 is told at once, before the server is asked.

const WEIGHTS = [8, 6, 4, 2, 3, 5, 9, 7];

/** "good" (an S10 number that adds up), "misread" (it does not) or "other" (a carrier's own). */
export function checkItemId(scanned) {
  const found = /^[A-Z]{2}(\d{8})(\d)[A-Z]{2}$/.exec(scanned.replace(/\s+/g, "").toUpperCase());
  if (!found) return "other";
  const sum = [...found[1]].reduce((total, digit, at) => total + WEIGHTS[at] * Number(digit), 0);
  const check = 11 - (sum % 11);
  return ({ 10: 0, 11: 5 }[check] ?? check) === Number(found[2]) ? "good" : "misread";
}
