// What this server says that it can do (CapabilityStatement).
import { RESOURCE_TYPES } from './definitions.mjs';

const INTERACTIONS = ['read', 'vread', 'search-type', 'create', 'update', 'patch', 'delete'];
const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';
const SECURITY_SERVICE = 'http://terminology.hl7.org/CodeSystem/restful-security-service';

/** The CapabilityStatement; `supportsTransaction` false makes the server one of single requests. */
export function capabilityStatement({ origin, base, supportsTransaction }) {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    fhirVersion: '4.0.1',
    format: ['json'],
    implementation: { description: 'SPOILS sandbox EHR, synthetic patients only', url: base },
    rest: [{
      mode: 'server',
      security: security(origin),
      interaction: supportsTransaction ? [{ code: 'transaction' }, { code: 'batch' }] : undefined,
      resource: RESOURCE_TYPES.map(resource),
    }],
  };
}

function security(origin) {
  return {
    service: [{ coding: [{ system: SECURITY_SERVICE, code: 'SMART-on-FHIR' }] }],
    extension: [{
      url: OAUTH_URIS,
      extension: [
        { url: 'authorize', valueUri: `${origin}/oauth/authorize` },
        { url: 'token', valueUri: `${origin}/oauth/token` },
      ],
    }],
  };
}

function resource(type) {
  return {
    type,
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned-update',
    conditionalCreate: true,
  };
}
