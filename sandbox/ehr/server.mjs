// The local EHR: FHIR R4, SMART App Launch 2.2 and a patient list, on loopback only.
//
// Reads one line of JSON from standard input: { port, controlKey, clients, imagingUrl,
// appLaunchUrl, accessTokenTtlS, personality }. Prints "READY <origin>" and stops when standard input
// closes, so that it never outlives the program that started it.
import http from 'node:http';
import { createInterface } from 'node:readline';
import { Authorization } from './authorization.mjs';
import { Control, CONTROL_PATH } from './control.mjs';
import { Faults } from './faults.mjs';
import { FHIR_PATH, FhirEndpoint } from './fhir.mjs';
import { readBody, sendJson } from './http.mjs';
import { Launches } from './launches.mjs';
import { Pages } from './pages.mjs';
import { personality } from './personalities.mjs';
import { Repository } from './repository.mjs';

const HOST = '127.0.0.1';
const MAX_LOG_ENTRIES = 5000;

class Ehr {
  constructor({ origin, controlKey, clients, imagingUrl, appLaunchUrl, accessTokenTtlS, personality: first }) {
    const base = origin + FHIR_PATH;
    const role = {};
    const play = (name = first, changes = {}) => {
      Object.keys(role).forEach((entry) => { delete role[entry]; });
      Object.assign(role, personality(name, changes));
    };
    play();
    const launches = new Launches();
    const repository = new Repository(base);
    this.host = new URL(origin).host;
    this.faults = new Faults();
    this.log = [];
    this.authorization = new Authorization({ origin, base, clients, accessTokenTtlS, launches, role });
    this.fhir = new FhirEndpoint({ origin, imagingUrl, repository, authorization: this.authorization, launches, role });
    this.pages = new Pages({ base, repository, launches, appLaunchUrl });
    this.control = new Control({ ...this, key: controlKey, repository, launches, play });
  }

  async handle(request, response) {
    // Another host name is a web page of elsewhere that points its name at this machine.
    if (request.headers.host !== this.host) return sendJson(response, 421, { error: 'wrong host' });
    if (request.url.startsWith(CONTROL_PATH)) {
      request.body = await readBody(request);
      return this.control.handle(request, response);
    }
    const entry = this.#record(request);
    response.once('finish', () => { entry.status = response.statusCode; });
    if (await this.faults.strike(request, response)) return undefined;
    return this.#route(request, response, entry);
  }

  async #route(request, response, entry) {
    const path = request.url.split('?')[0];
    if (path.startsWith(`${FHIR_PATH}/`) || path === FHIR_PATH) {
      entry.body = request.body = await readBody(request);
      return this.fhir.handle(request, response);
    }
    if (path.startsWith('/interaction/')) return this.authorization.finishInteraction(request, response);
    if (this.pages.owns(path)) return this.pages.handle(request, response);
    return this.authorization.handle(request, response);
  }

  #record({ method, url, headers }) {
    const entry = { method, url, authorized: Boolean(headers.authorization), status: null, body: null };
    this.log.push(entry);
    if (this.log.length > MAX_LOG_ENTRIES) this.log.shift();
    return entry;
  }
}

function start(settings) {
  const server = http.createServer();
  server.listen(settings.port ?? 0, HOST, () => {
    const origin = `http://${HOST}:${server.address().port}`;
    const ehr = new Ehr({ ...settings, origin });
    server.on('request', (request, response) => {
      ehr.handle(request, response).catch((error) => {
        console.error(error.stack);
        if (response.headersSent) request.socket.destroy();
        else sendJson(response, 500, { error: 'the EHR failed' });
      });
    });
    console.log(`READY ${origin}`);
  });
}

const input = createInterface({ input: process.stdin });
input.once('line', (line) => start(JSON.parse(line)));
input.once('close', () => process.exit(0));
