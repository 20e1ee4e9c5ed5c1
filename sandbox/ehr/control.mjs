// Controls for tests and for the demo's own commands. They need the key given at start.
import { timingSafeEqual } from 'node:crypto';
import { OperationOutcomeError } from '@medplum/core';
import { sendJson } from './http.mjs';

export const CONTROL_PATH = '/control/';

export class Control {
  constructor({ key, fhir, repository, launches, faults, log, authorization, play }) {
    this.key = Buffer.from(key);
    this.base = repository.base;
    this.actions = {
      load: (bundle) => fhir.load(bundle),
      launch: (context) => ({ iss: this.base, launch: launches.open(context) }),
      fault: (fault) => faults.add(fault),
      mend: () => faults.clear(),
      log: () => log.splice(0),
      resources: ({ type }) => [...(repository.resources.get(type)?.values() ?? [])],
      'expire-tokens': () => authorization.expireAccessTokens(),
      play: ({ name, ...changes }) => play(name, changes),
      reset: () => {
        repository.clear();
        faults.clear();
        log.splice(0);
        play();
      },
    };
  }

  async handle(request, response) {
    const action = this.actions[request.url.slice(CONTROL_PATH.length)];
    if (!this.#isAllowed(request)) return sendJson(response, 403, { error: 'wrong control key' });
    if (!action) return sendJson(response, 404, { error: 'no such control' });
    try {
      return sendJson(response, 200, (await action(JSON.parse(request.body || '{}'))) ?? {});
    } catch (error) {
      if (error instanceof OperationOutcomeError) return sendJson(response, 422, error.outcome);
      throw error;
    }
  }

  #isAllowed({ headers }) {
    const given = Buffer.from(headers['x-control-key'] ?? '');
    return given.length === this.key.length && timingSafeEqual(given, this.key);
  }
}
