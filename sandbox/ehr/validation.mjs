// R4 validation: structure, cardinality and invariants by Medplum, required bindings by us.
import { badRequest, OperationOutcomeError, validateResource } from '@medplum/core';
import { expand } from './definitions.mjs';

/** Throw an OperationOutcomeError (400) unless the resource is valid R4. */
export function validate(resource) {
  const tokens = Object.create(null);
  validateResource(resource, { collect: { tokens } });
  for (const [valueSet, values] of Object.entries(tokens)) {
    const allowed = expand(valueSet);
    const wrong = allowed && values.find((value) => !isIn(allowed, value));
    if (wrong) {
      throw new OperationOutcomeError(badRequest(`Value is not in required ValueSet ${valueSet}`, wrong.path));
    }
  }
}

function isIn(allowed, { type, value }) {
  const codings = { CodeableConcept: value.coding, Coding: [value] }[type] ?? [{ code: value }];
  return !codings?.length || codings.some((coding) => matches(allowed, coding));
}

function matches(allowed, { system, code }) {
  if (system) return allowed.has(`${system}|${code}`);
  return [...allowed].some((entry) => entry.endsWith(`|${code}`));
}
