// What one access token may touch: SMART scopes per interaction, and the patient in context.
import { evalFhirPath, forbidden, OperationOutcomeError } from '@medplum/core';
import { patientExpressions } from './definitions.mjs';
import { levelsFor, parseScopes } from './scopes.mjs';

/** Access of the EHR itself (loading patients, its own pages). */
export const FULL_ACCESS = {
  require() {},
  requireRead() {},
  canSee: () => true,
  requireOwn() {},
  mayChooseIds: true,
};

/** Access of a token. `find(type, id)` looks a stored resource up, for Provenance. */
export class TokenAccess {
  mayChooseIds = false;

  constructor({ scope, patient, user, find }) {
    this.scopes = parseScopes(scope);
    this.patient = patient && `Patient/${patient}`;
    this.user = scope.split(' ').includes('fhirUser') ? user : undefined;
    this.find = find;
  }

  /** Throw 403 unless a scope allows the interaction on the type. */
  require(interaction, type) {
    if (!levelsFor(this.scopes, interaction, type).length) throw new OperationOutcomeError(forbidden);
    this.level = levelsFor(this.scopes, interaction, type).includes('user') ? 'user' : 'patient';
  }

  /** Throw 403 unless a scope allows the read; `fhirUser` allows that of the user itself. */
  requireRead(type, id) {
    if (`${type}/${id}` !== this.user) this.require('r', type);
  }

  /** True where the resource is the patient's, or nobody's (Practitioner, Device). */
  canSee(resource) {
    const patients = this.#patientsOf(resource);
    return this.level === 'user' || !patients.length || patients.includes(this.patient);
  }

  /** Throw 403 where the resource belongs to another patient as well. */
  requireOwn(resource) {
    const isForeign = this.#patientsOf(resource).some((patient) => patient !== this.patient);
    if (this.level !== 'user' && isForeign) throw new OperationOutcomeError(forbidden);
  }

  #patientsOf(resource) {
    if (resource.resourceType === 'Patient') return [`Patient/${resource.id}`];
    if (resource.resourceType === 'Provenance') return resource.target.flatMap((target) => this.#patientsAt(target));
    return patientExpressions(resource.resourceType)
      .flatMap((expression) => evalFhirPath(expression, resource))
      .map(({ reference }) => localReference(reference))
      .filter((reference) => reference.startsWith('Patient/'));
  }

  #patientsAt({ reference }) {
    const [type, id] = localReference(reference).split('/');
    if (type === 'Patient') return [`Patient/${id}`];
    const target = this.find(type, id);
    return target ? this.#patientsOf(target) : [];
  }
}

/** "https://server/fhir/Patient/1/_history/2" -> "Patient/1". */
function localReference(reference) {
  return /([A-Z]\w+\/[^/]+)(\/_history\/[^/]+)?$/.exec(reference ?? '')?.[1] ?? '';
}
