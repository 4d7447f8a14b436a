// The first empty field takes the keyboard.

const fields = [...document.querySelectorAll("main form input:not([type=hidden]):not([hidden])")];
(fields.find((field) => !field.value) ?? fields[0])?.focus();
