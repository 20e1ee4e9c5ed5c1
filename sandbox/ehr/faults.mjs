// Faults that a test asks for: a wrong answer, a late one, a lost one, a broken connection.
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Fault: { method, path, times, skip, delay_ms, status, headers, body, reset, truncate, lose_answer }.
 *
 * `path` is a regular expression on path and query; a fault without `method` or `path`
 * meets every request. It strikes `times` times (once unless told), after letting `skip`
 * requests pass. `reset` drops the connection before anything is done; `lose_answer`
 * drops it after the request has been carried out, `truncate` in the middle of the body.
 */
export class Faults {
  #waiting = [];

  add(fault) {
    this.#waiting.push({ times: 1, skip: 0, ...fault });
  }

  clear() {
    this.#waiting = [];
  }

  /** Strike where a fault is due. True where the request needs no other answer. */
  async strike(request, response) {
    const fault = this.#due(request);
    if (!fault) return false;
    if (fault.delay_ms) await sleep(fault.delay_ms);
    if (fault.reset) request.socket.destroy();
    else if (fault.status) answer(response, fault);
    else if (fault.truncate) truncateAnswer(request, response);
    else if (fault.lose_answer) loseAnswer(request, response);
    return Boolean(fault.reset || fault.status);
  }

  #due(request) {
    const fault = this.#waiting.find((f) => matches(f, request));
    if (!fault) return undefined;
    if (fault.skip > 0) {
      fault.skip -= 1;
      return undefined;
    }
    fault.times -= 1;
    if (fault.times <= 0) this.#waiting.splice(this.#waiting.indexOf(fault), 1);
    return fault;
  }
}

function matches({ method, path }, request) {
  return (!method || method === request.method) && (!path || new RegExp(path).test(request.url));
}

function answer(response, { status, headers = {}, body = '' }) {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/fhir+json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

function loseAnswer(request, response) {
  response.write = () => true;
  response.end = () => {
    request.socket.destroy();
    return response;
  };
}

function truncateAnswer(request, response) {
  response.end = (body = '') => {
    const whole = Buffer.from(body);
    response.write(whole.subarray(0, Math.max(1, whole.length >> 1)), () => request.socket.destroy());
    return response;
  };
}
