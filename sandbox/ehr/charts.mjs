// What the EHR's pages say about a patient, read from the stored resources.
const AI_LABEL = 'AIAST'; // v3-ObservationValue, "Artificial Intelligence asserted"
const LIST_LENGTH = 3;
const SPINE_WORDS = /back|spin|lumb|radicul|sciatic|cancer|neoplas|kidney/i;

export class Charts {
  constructor(repository) {
    this.repository = repository;
  }

  all(type) {
    return [...(this.repository.resources.get(type)?.values() ?? [])];
  }

  patients() {
    return this.all('Patient').sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  }

  /** Resources of a type that belong to the patient, newest first. */
  of(patient, type) {
    return this.all(type)
      .filter((resource) => (resource.subject ?? resource.patient)?.reference === `Patient/${patient.id}`)
      .sort((a, b) => dateOf(b).localeCompare(dateOf(a)));
  }

  /** One line: the active problems, the scores and the images. */
  summary(patient) {
    const problems = unique(this.of(patient, 'Condition').filter(isActive).map(labelOf))
      .sort((a, b) => SPINE_WORDS.test(b) - SPINE_WORDS.test(a)); // what matters here comes first
    const studies = this.of(patient, 'ImagingStudy').map((s) => s.description ?? 'Imaging study');
    const shown = problems.slice(0, LIST_LENGTH).join(', ');
    const more = problems.length > LIST_LENGTH ? ` and ${problems.length - LIST_LENGTH} more` : '';
    return { problems: shown + more, images: unique(studies).join(', ') };
  }

  /** The launch that a click in this chart means: patient, visit, images, clinician. */
  launchContext(patient) {
    const [encounter] = this.of(patient, 'Encounter');
    const [study] = this.of(patient, 'ImagingStudy');
    const user = encounter?.participant?.map((p) => p.individual?.reference).find((r) => this.#isPractitioner(r));
    return {
      patient: patient.id,
      encounter: encounter?.id,
      fhirContext: study && [{ reference: `ImagingStudy/${study.id}` }],
      user: user ?? `Practitioner/${this.all('Practitioner')[0]?.id}`,
    };
  }

  #isPractitioner(reference) {
    const [type, id] = (reference ?? '').split('/');
    return type === 'Practitioner' && Boolean(this.repository.find(type, id));
  }
}

export function nameOf(patient) {
  const { given = [], family = '', text } = patient.name?.[0] ?? {};
  return text ?? [family, given.join(' ')].filter(Boolean).join(', ');
}

export function recordNumberOf(patient) {
  const isRecordNumber = (identifier) => identifier.type?.coding?.some((c) => c.code === 'MR');
  return (patient.identifier ?? []).find(isRecordNumber)?.value ?? '';
}

export function labelOf({ code }) {
  return code?.text ?? code?.coding?.[0]?.display ?? code?.coding?.[0]?.code ?? '';
}

export function valueOf({ valueQuantity: quantity, valueCodeableConcept: concept, valueString }) {
  if (quantity) return `${quantity.value} ${quantity.unit ?? quantity.code ?? ''}`.replace(/ \{.*\}$/, '');
  return concept?.text ?? concept?.coding?.[0]?.display ?? valueString ?? '';
}

export function dateOf(resource) {
  const { effectiveDateTime, issued, started, onsetDateTime, created, period } = resource;
  return effectiveDateTime ?? issued ?? started ?? onsetDateTime ?? created ?? period?.start ?? '';
}

export function isMadeByAi(resource) {
  return Boolean(resource.meta?.security?.some((label) => label.code === AI_LABEL));
}

function isActive(condition) {
  return condition.clinicalStatus?.coding?.[0]?.code === 'active';
}

function unique(values) {
  return [...new Set(values)];
}
