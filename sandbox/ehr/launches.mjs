// Launch contexts: what the EHR's user had open when they clicked the app.
import { randomUUID } from 'node:crypto';

export class Launches {
  #waiting = new Map();
  #granted = new Map();

  /**
   * Open a launch and return its opaque handle.
   *
   * Context: { patient, encounter, fhirContext, intent, user, deny, refuseScopes }.
   * `user` is a reference such as "Practitioner/1"; `deny` makes the user refuse the
   * app; `refuseScopes` lists scopes that the user does not grant.
   */
  open(context) {
    const handle = randomUUID();
    this.#waiting.set(handle, context);
    return handle;
  }

  /** The context behind a handle, or undefined. */
  find(handle) {
    return this.#waiting.get(handle);
  }

  /** Tie a context to the grant that the user gave. */
  grant(grantId, context) {
    this.#granted.set(grantId, context);
  }

  /** The context of a grant; empty for grants of before a restart. */
  ofGrant(grantId) {
    return this.#granted.get(grantId) ?? {};
  }
}

/** The part of a context that goes into the token answer. */
export function tokenParameters({ patient, encounter, fhirContext, intent }) {
  return { patient, encounter, fhirContext, intent, need_patient_banner: true };
}
