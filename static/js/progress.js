// Follows the analysis: asks for the status every second and opens the report.
"use strict";

const panel = document.querySelector("[data-status-url]");
const bar = panel.querySelector("progress");
const live = panel.querySelector(".live");
const items = [...panel.querySelectorAll(".steps li")];
const PAUSE_MS = 1000;
let failures = 0;

function show(status) {
  bar.value = status.percent;
  status.steps.forEach((step, index) => {
    const item = items[index];
    if (item.dataset.state === step.state) return;
    item.dataset.state = step.state;
    item.querySelector(".step-state").textContent = `, ${step.state}`;
    if (step.state === "current") live.textContent = `${step.label}.`;
  });
  if (status.state === "queued") live.textContent = "Waiting for a free worker.";
}

async function follow() {
  try {
    const answer = await fetch(panel.dataset.statusUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) return location.reload();
    const status = await answer.json();
    failures = 0;
    show(status);
    if (status.state === "done" || status.state === "failed") return location.replace(status.url);
  } catch {
    failures += 1;
    live.textContent = "The connection is interrupted. The analysis goes on; trying again.";
  }
  setTimeout(follow, PAUSE_MS * Math.min(1 + failures, 5));
}

follow();
