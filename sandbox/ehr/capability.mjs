// What this server says that it can do (CapabilityStatement).
import { RESOURCE_TYPES } from './definitions.mjs';

const INTERACTIONS = ['read', 'vread', 'search-type', 'create', 'update', 'patch', 'delete'];
const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';
const SECURITY_SERVICE = 'http://terminology.hl7.org/CodeSystem/restful-security-service';

/** The CapabilityStatement of a server that plays a role (`personalities.mjs`). */
export function capabilityStatement({ origin, base, role }) {
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
      interaction: role.transactions ? [{ code: 'transaction' }, { code: 'batch' }] : undefined,
      resource: (role.types ? Object.keys(role.types).sort() : RESOURCE_TYPES).map((type) => resource(type, role)),
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

function resource(type, { types, conditionalCreate }) {
  return {
    type,
    interaction: (types?.[type] ?? INTERACTIONS).map((code) => ({ code })),
    versioning: 'versioned-update',
    conditionalCreate,
  };
}
