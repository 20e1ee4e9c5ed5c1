// The EHR's own pages: the patient list with the launch buttons, and one chart per patient.
import { readFileSync } from 'node:fs';
import { Charts, dateOf, isMadeByAi, labelOf, nameOf, recordNumberOf, valueOf } from './charts.mjs';
import { html } from './html.mjs';
import { redirect, sendJson } from './http.mjs';

const STYLE = readFileSync(new URL('pages.css', import.meta.url));
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:*; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const ROUTE = /^\/(?:pages\.css|charts\/([^/]+)(?:\/(launch)|\/([A-Z]\w+)\/([^/]+)\.json)?)?$/;

export class Pages {
  constructor({ base, repository, launches, appLaunchUrl }) {
    Object.assign(this, { base, repository, launches, appLaunchUrl, charts: new Charts(repository) });
  }

  owns(path) {
    return ROUTE.test(path);
  }

  handle({ method, url }, response) {
    const [, patientId, launch, type, id] = ROUTE.exec(url.split('?')[0]);
    if (url === '/pages.css') return send(response, 200, STYLE, { ...HEADERS, 'content-type': 'text/css' });
    if (!patientId) return sendPage(response, 'Patients', this.#patientList());
    const patient = this.repository.find('Patient', patientId);
    const resource = type && this.repository.find(type, id);
    if (!patient || (type && !resource)) return sendPage(response, 'Not found', notFound(), 404);
    if (launch && method === 'POST') return this.#launch(patient, response);
    if (launch) return redirect(response, `/charts/${patientId}`);
    if (resource) return sendJson(response, 200, resource);
    return sendPage(response, nameOf(patient), this.#chart(patient));
  }

  #launch(patient, response) {
    const launch = this.launches.open(this.charts.launchContext(patient));
    return redirect(response, `${this.appLaunchUrl}?${new URLSearchParams({ iss: this.base, launch })}`);
  }

  #patientList() {
    return html`
      <h1>Patients</h1>
      <p class="notice">
        Every person here is synthetic. Images show a computed phantom or, where the
        study says so, an anonymous patient of a public research collection.
      </p>
      <ul class="patients">${this.charts.patients().map((patient) => this.#card(patient))}</ul>`;
  }

  #card(patient) {
    const { problems, images } = this.charts.summary(patient);
    return html`
      <li>
        <div>
          <h2><a href="/charts/${patient.id}">${nameOf(patient)}</a></h2>
          <p class="facts">Born ${patient.birthDate}, ${patient.gender}, record ${recordNumberOf(patient)}</p>
          <p>${problems || 'No active problems'}</p>
          <p class="images">${images || 'No images on file'}</p>
        </div>
        ${launchButton(patient)}
      </li>`;
  }

  #chart(patient) {
    const [plans, requests, reports, observations, risks] =
      ['CarePlan', 'ServiceRequest', 'DiagnosticReport', 'Observation', 'RiskAssessment']
        .map((type) => this.charts.of(patient, type));
    const measured = observations.filter((observation) => isMadeByAi(observation) && !observation.hasMember);
    const other = observations.filter((observation) => !isMadeByAi(observation));
    return html`
      <p><a href="/">All patients</a></p>
      <header class="banner">
        <div>
          <h1>${nameOf(patient)}</h1>
          <p class="facts">Born ${patient.birthDate}, ${patient.gender}, record ${recordNumberOf(patient)}</p>
        </div>
        ${launchButton(patient)}
      </header>
      <section><h2>Care plans</h2>${list(plans, (plan) => planItem(patient, plan, requests), 'No care plan on file.')}</section>
      <section><h2>Reports</h2>${list(reports, (report) => reportItem(patient, report), 'None on file.')}</section>
      <section><h2>Measurements from images, reviewed and signed</h2>
        ${observationTable(patient, measured, 'None yet. Launch SPOILS and sign its report.')}</section>
      <section><h2>Predicted outcomes, if operated</h2>
        ${list(risks, (risk) => riskItem(patient, risk), 'None on file.')}</section>
      <section><h2>Images</h2>
        ${list(this.charts.of(patient, 'ImagingStudy'), (s) => studyItem(patient, s), 'No images on file.')}</section>
      <section><h2>Problems</h2>
        ${list(this.charts.of(patient, 'Condition'), (c) => html`<li>${labelOf(c)}</li>`, 'None on file.')}</section>
      <section><h2>Other observations</h2>${observationTable(patient, other, 'None on file.')}</section>`;
  }
}

function launchButton(patient) {
  return html`
    <form method="post" action="/charts/${patient.id}/launch">
      <button aria-label="Launch SPOILS for ${nameOf(patient)}">Launch SPOILS</button>
    </form>`;
}

function planItem(patient, plan, requests) {
  const goals = (plan.goal ?? []).map((goal) => goal.display);
  const steps = (plan.activity ?? []).map((a) => stepText(a, requests));
  return html`
    <li>
      <strong>${plan.title ?? plan.description ?? 'Care plan'}</strong> (${plan.status}, ${plan.intent}) ${rawLink(patient, plan)}
      <ul>${steps.map((step) => html`<li>${step}</li>`)}</ul>
      ${goals.length ? html`<p>Goals: ${goals.join('; ')}</p>` : ''}
    </li>`;
}

/** A step in words: the detail of the plan, or the ServiceRequest that it refers to. */
function stepText({ detail, reference }, requests) {
  if (detail) return detail.description ?? labelOf(detail);
  const request = requests.find(({ id }) => reference?.reference?.endsWith(`ServiceRequest/${id}`));
  if (!request) return reference?.display;
  const { performerType, occurrencePeriod, note } = request;
  return `${note?.[0]?.text ?? labelOf(request)}. ${performerType?.text}, by ${occurrencePeriod?.end}.`;
}

function reportItem(patient, report) {
  return html`<li><strong>${labelOf(report)}</strong> ${rawLink(patient, report)}<p>${report.conclusion}</p></li>`;
}

function riskItem(patient, risk) {
  return html`
    <li>
      <strong>${labelOf(risk)}</strong> ${rawLink(patient, risk)}
      <ul>${(risk.prediction ?? []).map((p) => html`<li>${p.outcome?.text}${likely(p)}</li>`)}</ul>
    </li>`;
}

function likely({ probabilityDecimal: percent, probabilityRange: range }) {
  if (percent !== undefined) return `: ${percent} %`;
  return range ? `: ${range.low?.value} to ${range.high?.value} %` : '';
}

function studyItem(patient, study) {
  return html`<li>${study.description}, ${dateOf(study).slice(0, 10)} ${rawLink(patient, study)}</li>`;
}

function observationTable(patient, observations, empty) {
  if (!observations.length) return html`<p>${empty}</p>`;
  const rows = observations.map((o) => html`
    <tr>
      <td>${labelOf(o)}</td>
      <td>${o.bodySite?.text ?? o.bodySite?.coding?.[0]?.display}</td>
      <td class="number">${valueOf(o)}</td>
      <td>${dateOf(o).slice(0, 10)}</td>
      <td>${rawLink(patient, o)}</td>
    </tr>`);
  return html`
    <table>
      <thead><tr><th scope="col">What</th><th scope="col">Where</th><th scope="col" class="number">Value</th>
        <th scope="col">Date</th><th scope="col">Resource</th></tr></thead>
      <tbody>${rows}</tbody>
    </table>`;
}

function rawLink(patient, { resourceType, id }) {
  const label = `${resourceType} ${id.slice(0, 8)} as JSON`;
  return html`<a href="/charts/${patient.id}/${resourceType}/${id}.json" aria-label="${label}">JSON</a>`;
}

function list(items, item, empty) {
  return items.length ? html`<ul>${items.map(item)}</ul>` : html`<p>${empty}</p>`;
}

function notFound() {
  return html`<h1>Not found</h1><p>This page does not exist. <a href="/">All patients</a></p>`;
}

function sendPage(response, title, content, status = 200) {
  const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} - Sandbox EHR</title>
    <link rel="stylesheet" href="/pages.css">
  </head>
  <body><div class="bar">Sandbox EHR</div><main>${content}</main></body>
</html>`;
  return send(response, status, page.text, HEADERS);
}

function send(response, status, body, headers) {
  response.writeHead(status, headers);
  response.end(body);
}
