// The FHIR REST endpoint: who asks, what they may do, and the answer of Medplum's router.
import { badRequest, getStatus, isCreated, OperationOutcomeError, stringify } from '@medplum/core';
import { FhirRouter } from '@medplum/fhir-router';
import { FULL_ACCESS, TokenAccess } from './access.mjs';
import { smartConfiguration } from './authorization.mjs';
import { capabilityStatement } from './capability.mjs';
import { sendJson } from './http.mjs';

export const FHIR_PATH = '/fhir/R4';
const router = new FhirRouter();

export class FhirEndpoint {
  supportsTransaction = true;

  constructor({ origin, imagingUrl, repository, authorization, launches }) {
    Object.assign(this, { origin, imagingUrl, repository, authorization, launches });
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
    if (path === '/.well-known/smart-configuration') return sendJson(response, 200, smartConfiguration(this));
    if (path === '/metadata') return this.#send(response, this.#metadata());
    const answer = await this.#answer(request, (path || '/') + search).catch(outcomeOf);
    return this.#send(response, answer);
  }

  #metadata() {
    const { origin, supportsTransaction } = this;
    return { status: 200, resource: capabilityStatement({ origin, base: origin + FHIR_PATH, supportsTransaction }) };
  }

  async #answer({ method, headers, body: text }, url) {
    const token = await this.authorization.tokenOf(headers.authorization);
    if (!token) return unauthorized();
    const body = parse(text, headers['content-type'] ?? '');
    if (body?.resourceType === 'Bundle' && url === '/' && !this.supportsTransaction) {
      throw new OperationOutcomeError(badRequest('This server takes no Bundles'));
    }
    const isCreate = method === 'POST' && body?.resourceType && body.resourceType !== 'Bundle';
    if (isCreate) delete body.id; // a server chooses the id of what it creates
    const { patient, user } = this.launches.ofGrant(token.grantId);
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

  #send(response, { status, resource, isCreated: created, headers }) {
    const { versionId, lastUpdated } = resource.meta ?? {};
    const location = `${this.origin}${FHIR_PATH}/${resource.resourceType}/${resource.id}/_history/${versionId}`;
    response.writeHead(status, {
      'content-type': 'application/fhir+json; charset=utf-8',
      'cache-control': 'no-store',
      ...(versionId && { etag: `W/"${versionId}"` }),
      ...(lastUpdated && { 'last-modified': new Date(lastUpdated).toUTCString() }),
      ...(created && { location }),
      ...headers,
    });
    response.end(stringify(resource));
  }
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
