// The FHIR REST endpoint: who asks, what they may do, and the answer of Medplum's router.
import { badRequest, getStatus, isCreated, OperationOutcomeError, stringify } from '@medplum/core';
import { FhirRouter } from '@medplum/fhir-router';
import { FULL_ACCESS, TokenAccess } from './access.mjs';
import { smartConfiguration } from './authorization.mjs';
import { capabilityStatement } from './capability.mjs';
import { redirect, sendJson, sendPadded } from './http.mjs';
import { PAGE_SIZE } from './repository.mjs';
import { unsupported } from './rules.mjs';

export const FHIR_PATH = '/fhir/R4';
const router = new FhirRouter();

export class FhirEndpoint {
  /** `role` holds the personality that is played. */
  constructor({ origin, imagingUrl, repository, authorization, launches, role }) {
    Object.assign(this, { origin, imagingUrl, repository, authorization, launches, role });
  }

  /** Load a Bundle with the rights of the EHR itself; throws when one entry is refused. */
  async load(bundle) {
    const { status, resource } = await this.#carryOut(FULL_ACCESS, { method: 'POST', url: '/', body: bundle });
    const refused = resource.entry?.find((entry) => entry.response.outcome?.issue?.[0]?.severity === 'error');
    if (status >= 400 || refused) {
      throw new OperationOutcomeError(refused?.response.outcome ?? resource);
    }
    return resource;
  }

  async handle(request, response) {
    const { pathname, search } = new URL(request.url, this.origin);
    const path = pathname.slice(FHIR_PATH.length);
    if (path === '/.well-known/smart-configuration') return this.#discover(response);
    if (path === '/metadata') return this.#send(response, this.#metadata());
    const answer = await this.#answer(request, (path || '/') + search).catch(outcomeOf);
    return this.#send(response, answer);
  }

  #discover(response) {
    const document = this.role.discovers(smartConfiguration(this));
    if (document.redirect) return redirect(response, document.redirect);
    return sendJson(response, 200, document);
  }

  #metadata() {
    const { origin, role } = this;
    return { status: 200, resource: capabilityStatement({ origin, base: origin + FHIR_PATH, role }) };
  }

  async #answer({ method, headers, body: text }, url) {
    const token = await this.authorization.tokenOf(headers.authorization);
    if (!token) return unauthorized();
    const { patient, user } = this.launches.ofGrant(token.grantId);
    const call = { ...callOf(method, url), body: parse(text, headers['content-type'] ?? ''), user, url: FHIR_PATH + url };
    const answer = await this.#play(call, { method, url, headers, token, patient }).catch(outcomeOf);
    return this.role.answers(call, answer);
  }

  async #play(call, { method, url, headers, token, patient }) {
    const { role } = this;
    const refused = [unsupported.bind(null, role), ...role.rules].map((rule) => rule(call)).find(Boolean);
    if (refused) return refused;
    const { interaction, user } = call;
    const isWrite = interaction === 'create' || interaction === 'update';
    const body = isWrite && call.body?.resourceType ? role.keeps(call.body) : call.body;
    if (interaction === 'create' && body) delete body.id; // a server chooses the id of what it creates
    if (!role.conditionalCreate) headers = { ...headers, 'if-none-exist': undefined };
    if (interaction === 'search-type') url = capped(url, role.maxCount);
    const access = new TokenAccess({
      scope: token.scope ?? '',
      patient,
      user,
      find: (type, id) => this.repository.find(type, id),
    });
    return this.#carryOut(access, { method, url, body, headers });
  }

  async #carryOut(access, { method, url, body, headers = {} }) {
    const call = {
      method, url, body, headers, pathname: '', params: {}, query: {}, config: { transactions: true },
    };
    const work = async () => {
      if (headers['if-none-exist']) access.require('s', body.resourceType);
      return router.handleRequest(call, this.repository);
    };
    const [outcome, resource] = await this.repository.runAs(access, work);
    return { status: getStatus(outcome), isCreated: isCreated(outcome), resource: resource ?? outcome };
  }

  #send(response, answer) {
    const { status, resource = {}, isCreated: created, headers, contentType = 'application/fhir+json; charset=utf-8' } = answer;
    const { versionId, lastUpdated } = resource.meta ?? {};
    const address = `${this.origin}${FHIR_PATH}/${resource.resourceType}/${resource.id}`;
    const location = answer.isEmpty ? address : `${address}/_history/${versionId}`;
    response.writeHead(status, {
      'content-type': contentType,
      'cache-control': 'no-store',
      ...(versionId && { etag: `W/"${versionId}"` }),
      ...(lastUpdated && { 'last-modified': new Date(lastUpdated).toUTCString() }),
      ...(created && { location }),
      ...headers,
    });
    if (answer.padding) return sendPadded(response, answer.padding);
    return response.end(answer.isEmpty ? '' : answer.text ?? stringify(resource));
  }
}

/** What a request asks for, in the words of a CapabilityStatement. */
function callOf(method, url) {
  const { pathname, searchParams: query } = new URL(url, 'http://any');
  const [, type, id] = pathname.split('/');
  const isSearch = type && (id === '_search' || (method === 'GET' && !id));
  const others = { GET: 'read', POST: type ? 'create' : 'transaction', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  return { interaction: isSearch ? 'search-type' : others[method], type, id, query };
}

function capped(url, maxCount) {
  const { pathname, searchParams } = new URL(url, 'http://any');
  if (Number(searchParams.get('_count') ?? PAGE_SIZE) <= maxCount) return url;
  searchParams.set('_count', maxCount);
  return `${pathname}?${searchParams}`;
}

function parse(text, contentType) {
  if (!text) return undefined;
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new OperationOutcomeError(badRequest('The body is not JSON'));
  }
}

function unauthorized() {
  const issue = { severity: 'error', code: 'login', diagnostics: 'missing, unknown or expired access token' };
  return {
    status: 401,
    resource: { resourceType: 'OperationOutcome', issue: [issue] },
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  };
}

function outcomeOf(error) {
  if (!(error instanceof OperationOutcomeError)) throw error;
  return { status: getStatus(error.outcome), resource: error.outcome };
}
