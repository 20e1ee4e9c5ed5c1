// What an EHR refuses, drops or leaves out: the parts that personalities are made of.
import { getSearchParameters } from '@medplum/core';
import { RESOURCE_TYPES } from './definitions.mjs';

const COMMON_PARAMETERS = new Set(['_count', '_elements', '_fields', '_format', '_include', '_offset', '_pretty',
  '_revinclude', '_sort', '_summary', '_total']);
const EPIC_CODES = 'urn:oid:1.2.840.114350.1.13.0.1.7.2.657369';
const CREATED = 201;

/** An OperationOutcome with its status; `detail` is a code of the maker's own. */
export function refusal(status, code, diagnostics, detail) {
  const details = detail && { coding: [{ system: EPIC_CODES, code: detail }], text: diagnostics };
  const issue = { severity: detail ? 'fatal' : 'error', code, diagnostics, ...(details && { details }) };
  return { status, resource: { resourceType: 'OperationOutcome', issue: [issue] } };
}

/** Refuse what the CapabilityStatement does not state. */
export function unsupported({ types, transactions }, { interaction, type }) {
  if (interaction === 'transaction') {
    return transactions ? undefined : refusal(400, 'not-supported', 'This server takes no Bundles');
  }
  if (!types || !RESOURCE_TYPES.includes(type) || types[type]?.includes(interaction)) return undefined;
  const text = `${type}: ${interaction} is not supported`;
  return types[type] ? refusal(405, 'not-supported', text) : refusal(404, 'not-supported', text);
}

/** A search that must say at least one of some parameters. */
export const needsParameter = ({ code, type, names }) => (call) => {
  if (call.interaction !== 'search-type' || call.type !== type || names.some((name) => call.query.has(name))) return undefined;
  return refusal(400, 'required', `Required ${names[0]} missing`, code);
};

/** Observations go into rows of a flowsheet that were mapped to their codes, or nowhere (Epic). */
export const flowsheetsOnly = (mapped) => ({ interaction, type, body, user }) => {
  if (interaction !== 'create' || type !== 'Observation') return undefined;
  const failed = (code, text) => refusal(400, 'business-rule', text, code);
  const codes = (body.code?.coding ?? []).map(({ system, code }) => `${system}|${code}`);
  if (user?.startsWith('Patient/')) return failed('59187', 'Failed to find any patient-entered flowsheets.');
  if (!codes.some((code) => mapped.includes(code))) {
    return failed('59188', 'Failed to find one vital-signs flowsheet row by given codes.');
  }
  const hasReading = 'valueQuantity' in body || 'valueString' in body;
  return hasReading ? undefined : failed('59189', 'Failed to file the reading.');
};

/** Refuse a new resource that holds one of these elements, at any depth. */
export const noModifiers = (names) => ({ interaction, body }) => {
  if (interaction !== 'create' && interaction !== 'update') return undefined;
  const found = names.find((name) => holds(body, name));
  return found && refusal(422, 'business-rule', `Modifier fields are not supported: ${found}`);
};

/** Refuse a new resource of a type in any other category. */
export const onlyCategories = (wanted, codes) => ({ interaction, type, body }) => {
  if (interaction !== 'create' || type !== wanted) return undefined;
  const given = (body.category ?? []).flatMap((category) => category.coding ?? []).map(({ code }) => code);
  const isTaken = given.length === 1 && codes.includes(given[0]);
  return isTaken ? undefined : refusal(422, 'business-rule', `${type}.category must be one of ${codes.join(', ')}`);
};

/** Refuse a new resource of a type without an element, or with another value in it. */
export const requires = (wanted, element, values) => ({ interaction, type, body }) => {
  if (interaction !== 'create' || type !== wanted) return undefined;
  const isTaken = element in body && (!values || values.includes(body[element]));
  return isTaken ? undefined : refusal(422, 'required', `${type}.${element} is missing or not supported`);
};

/** Refuse a search with a parameter that R4 does not know for the type. */
export function noUnknownParameters(call) {
  const [unknown] = unknownParameters(call);
  return unknown && refusal(400, 'invalid', `Unknown search parameter: ${unknown}`);
}

/** Say in the answer which parameters were passed over. */
export const warnsOfUnknownParameters = (code) => (call, answer) => {
  const unknown = answer.status < 300 ? unknownParameters(call) : [];
  if (!unknown.length) return answer;
  const text = `An unknown query parameter was supplied: ${unknown.join(', ')}`;
  const details = { coding: [{ system: EPIC_CODES, code }], text };
  const resource = { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'invalid', details }] };
  const entry = [...(answer.resource.entry ?? []), { resource, search: { mode: 'outcome' } }];
  return { ...answer, resource: { ...answer.resource, entry } };
};

/** Names of a search that R4 does not know for its type. */
export function unknownParameters({ interaction, type, query }) {
  if (interaction !== 'search-type') return [];
  const known = getSearchParameters(type) ?? {};
  const names = [...query.keys()].map((name) => name.split(/[:.]/)[0]);
  return names.filter((name) => !(name in known) && !COMMON_PARAMETERS.has(name));
}

/** Keep some elements of some types; every other is dropped without a word. */
export const keepsFields = (fields) => (resource) => {
  if (!fields[resource.resourceType]) return resource;
  const kept = new Set(['resourceType', 'id', ...fields[resource.resourceType].split(' ')]);
  return Object.fromEntries(Object.entries(resource).filter(([name]) => kept.has(name)));
};

/** Answer a create with the address of what was made, and no more. */
export function withoutBody(call, answer) {
  return answer.status === CREATED ? { ...answer, isEmpty: true } : answer;
}

function holds(node, name) {
  if (node === null || typeof node !== 'object') return false;
  return Object.hasOwn(node, name) || Object.values(node).some((child) => holds(child, name));
}
