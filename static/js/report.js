// Points out on the slice the level whose row is under the pointer, saves clicks on the
// form of facts, and guards against a signature beside answers that are not used yet and
// against a second press of the button while the EHR is being written.
"use strict";

const shapes = [...document.querySelectorAll(".shape[data-name], .caliper")];

function mark(row, isOn) {
  for (const shape of shapes) {
    const isOfRow = [row.dataset.name, row.dataset.vertebra].includes(shape.dataset.name);
    if (isOfRow) shape.classList.toggle("marked", isOn);
  }
}

for (const row of document.querySelectorAll("tr[data-name], .details [data-name]")) {
  row.addEventListener("pointerenter", () => mark(row, true));
  row.addEventListener("pointerleave", () => mark(row, false));
}

const form = document.querySelector(".signature form");
form?.addEventListener("submit", () => {
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Writing to the chart…";
});

const answers = document.querySelector(".asked form");
answers?.addEventListener("input", () => {
  const warning = form?.querySelector(".unsaved");
  if (!warning) return;
  warning.hidden = false;
  form.querySelector("button").disabled = true;
});

for (const group of answers?.querySelectorAll("details") ?? []) {
  const open = () => [...group.querySelectorAll("input[type=radio][value='']:checked")];
  if (open().length < 2) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "No to all that were not asked";
  button.addEventListener("click", () => {
    for (const radio of open()) radio.closest("fieldset").querySelector("[value=no]").click();
  });
  group.querySelector(".questions").before(button);
}

const waiting = document.querySelector("[data-waiting]");
const watch = waiting && setInterval(async () => {
  const answer = await fetch("status");
  if (!answer.ok) return clearInterval(watch);
  const { archive } = await answer.json();
  if (["queued", "storing"].includes(archive?.state)) return;
  clearInterval(watch);
  location.reload();
}, 3000);
