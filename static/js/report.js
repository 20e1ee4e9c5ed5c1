// Points out on the slice the level whose row is under the pointer, and guards against
// a second press of the button while the EHR is being written.
"use strict";

const shapes = [...document.querySelectorAll(".shape[data-name]")];

function mark(row, isOn) {
  for (const shape of shapes) {
    const isOfRow = [row.dataset.name, row.dataset.vertebra].includes(shape.dataset.name);
    if (isOfRow) shape.classList.toggle("marked", isOn);
  }
}

for (const row of document.querySelectorAll("tr[data-name]")) {
  row.addEventListener("pointerenter", () => mark(row, true));
  row.addEventListener("pointerleave", () => mark(row, false));
}

const form = document.querySelector(".signature form");
form?.addEventListener("submit", () => {
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Writing to the chart…";
});
