// What a hostile EHR does to an app that trusts it: one trick at a time.
const EVIL_ISSUER = 'https://issuer.evil.example';
const SCRIPT = '<script>document.title = "owned"</script><img src=x onerror="document.title=\'owned\'">';
const OVERSIZED_BYTES = 256 * 1024 * 1024;
const isSearch = ({ interaction }) => interaction === 'search-type';
const isRead = ({ interaction }) => interaction === 'read';

/** Name of a trick -> what it changes; `elsewhere` is the origin of another server. */
const TRICKS = {
  // SMART and OAuth
  'wrong-issuer': () => ({ discovers: (document) => ({ ...document, issuer: EVIL_ISSUER }) }),
  // the authorization response comes back under the name of another server (RFC 9207, mix-up)
  'mix-up': () => ({ returnsAs: EVIL_ISSUER }),
  // and the same from one that leaves its name out though it says that it gives it
  'mix-up-unnamed': () => ({
    returnsAs: null,
    discovers: (document) => ({ ...document, authorization_response_iss_parameter_supported: true }),
  }),
  'insecure-endpoints': () => ({
    discovers: (document) => ({ ...document, token_endpoint: 'http://token.evil.example/token' }),
  }),
  'redirected-discovery': (elsewhere) => ({ discovers: () => ({ redirect: `${elsewhere}/discovery` }) }),
  // FHIR
  redirect: (elsewhere) => ({ answers: ({ url }) => ({ status: 302, headers: { location: `${elsewhere}${url}` } }) }),
  'next-elsewhere': (elsewhere) => ({ answers: onSearch((call) => ({ next: `${elsewhere}${call.url}` })) }),
  'endless-paging': () => ({
    answers: onSearch((call) => {
      const next = new URL(call.url, 'http://any');
      next.searchParams.set('_offset', '0');
      next.searchParams.set('page', String(1 + Number(next.searchParams.get('page') ?? 0)));
      return { next: `${next.pathname}${next.search}` };
    }),
  }),
  oversized: () => ({ answers: (call, answer) => ({ ...answer, padding: OVERSIZED_BYTES }) }),
  html: () => ({
    answers: () => ({ status: 200, text: `<html><body>Please sign in${SCRIPT}</body></html>`, contentType: 'text/html' }),
  }),
  scripts: () => ({ answers: (call, answer) => ({ ...answer, resource: scripted(answer.resource) }) }),
  'scripts-in-outcome': () => ({
    answers: (call, answer) => (isSearch(call) || call.interaction === 'transaction' ? scriptedOutcome() : answer),
  }),
  'another-patient': () => ({
    answers: (call, answer) => (isRead(call) && call.type === 'Patient'
      ? { ...answer, resource: { ...answer.resource, id: 'bob', name: [{ family: 'Other' }] } }
      : { ...answer, resource: aboutBob(answer.resource) }),
  }),
};

export function hostile(trick = 'scripts', elsewhere = 'http://127.0.0.1:9') {
  if (!TRICKS[trick]) throw new Error(`no such trick: ${trick}`);
  return TRICKS[trick](elsewhere);
}

function onSearch(change) {
  return (call, answer) => {
    if (!isSearch(call) || answer.status !== 200) return answer;
    const { next } = change(call);
    return { ...answer, resource: { ...answer.resource, link: [{ relation: 'next', url: next }] } };
  };
}

function scriptedOutcome() {
  const issue = [{ severity: 'error', code: 'exception', diagnostics: SCRIPT, details: { text: SCRIPT } }];
  return { status: 500, resource: { resourceType: 'OperationOutcome', issue } };
}

/** A resource, or a Bundle of them, with markup in its words; the names stay recognizable. */
function scripted(node, isPatient = node?.resourceType === 'Patient') {
  if (Array.isArray(node)) return node.map((item) => scripted(item, isPatient || item?.resourceType === 'Patient'));
  if (node === null || typeof node !== 'object') return node;
  const entries = Object.entries(node).map(([name, value]) => [name, scriptedValue(name, value, isPatient)]);
  return Object.fromEntries(entries);
}

function scriptedValue(name, value, isPatient) {
  if (name === 'given' && value.length > 1) return value.with(-1, `${value.at(-1)}${SCRIPT}`);
  if (name === 'family' && !isPatient) return `${value}${SCRIPT}`;
  const isText = ['display', 'description', 'text'].includes(name) && typeof value === 'string';
  return isText ? `${value}${SCRIPT}` : scripted(value, isPatient || value?.resourceType === 'Patient');
}

function aboutBob(node) {
  return JSON.parse(JSON.stringify(node ?? null), (name, value) => (value === 'Patient/ada' ? 'Patient/bob' : value));
}
