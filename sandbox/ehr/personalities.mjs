// The EHRs that this server can play, one row each, by what their makers document.
//
// A row says how it differs from `OPEN`:
//   types                what each resource type can do; undefined: everything R4 knows
//   transactions         whether transactions and batches are taken
//   conditionalCreate    whether If-None-Exist is honored
//   maxCount             most entries of a page, whatever a search asks for
//   accessTokenTtlS      lifetime of an access token; undefined: that of the start
//   rules                asked in order before a request is carried out; the first answer counts
//   keeps(resource)      what is stored of what was sent
//   answers(call, answer)     what leaves instead of an answer
//   discovers(document)  what is said instead of the SMART configuration
//   returnsAs            the issuer named in the authorization response; null: none
// `call` is { interaction, type, id, query, body, user, url, path }.
import {
  flowsheetsOnly, keepsFields, needsParameter, noModifiers, noUnknownParameters, onlyCategories, requires,
  warnsOfUnknownParameters, withoutBody,
} from './rules.mjs';
import { hostile } from './tricks.mjs';

const LOINC = 'http://loinc.org';
const OPEN = {
  transactions: true,
  conditionalCreate: true,
  maxCount: 1000,
  rules: [],
  keeps: (resource) => resource,
  answers: (call, answer) => answer,
  discovers: (document) => document,
};

// CapabilityStatement of Epic's public sandbox (May 2026) and its table of error codes,
// https://fhir.epic.com/Specifications: 11 types with create, 7 with update.
const EPIC = {
  transactions: false,
  conditionalCreate: false,
  types: {
    ...each('read search-type', 'CarePlan CareTeam Coverage Device DeviceRequest Encounter Endpoint Goal ImagingStudy ' +
      'Immunization List Location Medication MedicationRequest Organization Practitioner PractitionerRole Questionnaire RelatedPerson'),
    ...each('read', 'Provenance ValueSet'),
    ...each('create read', 'ConceptMap'),
    ...each('create read search-type', 'AllergyIntolerance Communication Condition Patient QuestionnaireResponse'),
    ...each('read search-type update', 'DiagnosticReport Task'),
    ...each('create read search-type update', 'BodyStructure DocumentReference Observation Procedure ServiceRequest'),
  },
  rules: [
    needsParameter({ code: '59108', type: 'Observation', names: ['category', 'code', '_id'] }),
    needsParameter({ code: '59108', type: 'CarePlan', names: ['category', '_id'] }),
    needsParameter({ code: '4111', type: 'Device', names: ['patient', '_id'] }),
    // height, weight and pain: what a site maps to rows of its flowsheets is its own choice
    flowsheetsOnly([`${LOINC}|8302-2`, `${LOINC}|29463-7`, `${LOINC}|72514-3`]),
  ],
  answers: warnsOfUnknownParameters('4122'),
};

// Oracle Health Millennium, https://fhir.cerner.com/millennium/r4: the fields of each create; other
// fields "will be ignored", modifier fields "will cause the transaction to fail".
const ORACLE_FIELDS = {
  Observation: 'status category code subject encounter effectiveDateTime issued performer valueQuantity ' +
    'valueCodeableConcept valueString interpretation note referenceRange',
  DocumentReference: 'status docStatus type category subject date author authenticator custodian description content context',
  DiagnosticReport: 'identifier status category code subject encounter effectivePeriod effectiveDateTime issued ' +
    'performer resultsInterpreter conclusion basedOn presentedForm',
  Provenance: 'target recorded agent entity',
};
const ORACLE = {
  transactions: false,
  conditionalCreate: false,
  accessTokenTtlS: 570,
  types: {
    // ImagingStudy is not among its types: a site adds it with its image archive
    ...each('read search-type', 'AllergyIntolerance CarePlan CareTeam Device Encounter Goal ImagingStudy Immunization ' +
      'Location MedicationAdministration MedicationRequest Organization Practitioner Questionnaire ' +
      'QuestionnaireResponse RelatedPerson ServiceRequest'),
    ...each('create read', 'Provenance'),
    ...each('create read search-type', 'Communication Condition DiagnosticReport Observation Patient Procedure'),
    ...each('create read search-type update', 'DocumentReference'),
  },
  rules: [
    noModifiers(['implicitRules', 'modifierExtension']),
    onlyCategories('Observation', ['vital-signs', 'laboratory']),
    onlyCategories('DiagnosticReport', ['LP29708-2', 'LP7839-6']), // cardiology, anatomic pathology
    requires('Observation', 'effectiveDateTime'),
    requires('DocumentReference', 'docStatus', ['final']),
  ],
  keeps: keepsFields(ORACLE_FIELDS),
  answers: withoutBody,
};

// https://www.medplum.com/docs. Its limit of eight entries for a transaction with a conditional entry
// is that of its router, which is the router of this server: every row has it.
const MEDPLUM = { rules: [noUnknownParameters] };

const PERSONALITIES = { open: {}, epic: EPIC, oracle: ORACLE, medplum: MEDPLUM };

/**
 * One personality, complete.
 *
 * `changes` overrule single entries of its row; `trick` and `elsewhere` say what a hostile
 * server does, and to which other server it sends who believes it.
 */
export function personality(name = 'open', { trick, elsewhere, ...changes } = {}) {
  const row = name === 'hostile' ? hostile(trick, elsewhere) : PERSONALITIES[name];
  if (!row) throw new Error(`no such personality: ${name}`);
  return { name, ...OPEN, ...row, ...changes };
}

function each(interactions, types) {
  return Object.fromEntries(types.split(' ').map((type) => [type, interactions.split(' ')]));
}
