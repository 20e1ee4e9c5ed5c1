// SMART App Launch 2.2 scopes, v1 (patient/Observation.read) and v2 (patient/Observation.rs).
import { RESOURCE_TYPES } from './definitions.mjs';

const V1 = { read: 'rs', write: 'cud', '*': 'cruds' };
const PERMISSIONS = [...Object.keys(V1), ...subsetsInOrder('cruds')];

export const LAUNCH_SCOPES = [
  'openid', 'fhirUser', 'profile', 'offline_access', 'online_access',
  'launch', 'launch/patient', 'launch/encounter', 'launch/imagingstudy',
];

/** Every scope that a client may ask for. */
export const ALL_SCOPES = [
  ...LAUNCH_SCOPES,
  ...['patient', 'user'].flatMap((level) =>
    ['*', ...RESOURCE_TYPES].flatMap((type) => PERMISSIONS.map((p) => `${level}/${type}.${p}`))),
];

/** Parse the resource scopes of a token; scopes for anything else are left out. */
export function parseScopes(text) {
  return text.split(' ').flatMap((scope) => {
    const [, level, type, permission] = /^(patient|user)\/(\*|\w+)\.([\w*]+)$/.exec(scope) ?? [];
    return level ? [{ level, type, permissions: V1[permission] ?? permission }] : [];
  });
}

/** Levels ("patient", "user") at which an interaction (one of c, r, u, d, s) is allowed. */
export function levelsFor(scopes, interaction, type) {
  return scopes
    .filter((s) => (s.type === '*' || s.type === type) && s.permissions.includes(interaction))
    .map((s) => s.level);
}

function subsetsInOrder(letters) {
  return [...letters].reduce((subsets, letter) => [...subsets, ...subsets.map((s) => s + letter)], ['']).slice(1);
}
