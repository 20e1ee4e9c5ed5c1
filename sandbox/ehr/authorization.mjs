// The SMART authorization server: oidc-provider, plus what SMART App Launch 2.2 adds to it.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { tokenParameters } from './launches.mjs';
import { ALL_SCOPES, LAUNCH_SCOPES } from './scopes.mjs';

const SIGNING_ALGORITHMS = ['RS384', 'ES384', 'RS256', 'ES256'];
const CLIENT_AUTHENTICATION = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
const ROUTES = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  jwks: '/oauth/jwks',
  introspection: '/oauth/introspect',
  revocation: '/oauth/revoke',
  userinfo: '/oauth/userinfo',
};
const HOUR_S = 3600;

export class Authorization {
  #expired = new Set();
  #issued = new Set();

  constructor({ origin, base, clients, accessTokenTtlS, launches, role }) {
    this.base = base;
    this.launches = launches;
    this.role = role;
    const ttlS = () => role.accessTokenTtlS ?? accessTokenTtlS;
    this.provider = new Provider(origin, configuration({ base, clients, ttlS }));
    this.provider.use((ctx, next) => this.#addSmart(ctx, next));
    this.handle = this.provider.callback();
  }

  /** The live access token of an Authorization header, or undefined. */
  async tokenOf(header) {
    const value = /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
    const token = value && (await this.provider.AccessToken.find(value));
    return token && !token.isExpired && !this.#expired.has(token.jti) ? token : undefined;
  }

  /** Treat every access token given so far as expired; refresh tokens stay good. */
  expireAccessTokens() {
    this.#issued.forEach((id) => this.#expired.add(id));
  }

  /** Stand for the EHR user's session: sign in and decide on the scopes at once. */
  async finishInteraction(request, response) {
    const { params } = await this.provider.interactionDetails(request, response);
    const context = this.launches.find(params.launch) ?? {};
    if (context.deny) {
      const refusal = { error: 'access_denied', error_description: 'The user refused.' };
      return this.provider.interactionFinished(request, response, refusal);
    }
    const accountId = (context.user ?? 'Practitioner/unknown').replace('/', '.');
    const consent = { grantId: await this.#grant(accountId, params, context) };
    const result = { login: { accountId, remember: false }, consent };
    return this.provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  async #grant(accountId, params, context) {
    const refused = new Set(context.refuseScopes ?? []);
    const asked = params.scope.split(' ');
    const grant = new this.provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope(asked.filter((scope) => !refused.has(scope)).join(' '));
    grant.rejectOIDCScope(asked.filter((scope) => refused.has(scope)).join(' '));
    const grantId = await grant.save();
    this.launches.grant(grantId, context);
    return grantId;
  }

  async #addSmart(ctx, next) {
    if (ctx.path.startsWith(ROUTES.authorization)) this.#forgetSession(ctx);
    if (ctx.path === ROUTES.authorization && ctx.method === 'GET') {
      const refusal = await this.#refusal(ctx.query);
      if (refusal) return ctx.redirect(refusal);
      if (/\boffline_access\b/.test(ctx.query.scope)) {
        ctx.query = { ...ctx.query, prompt: 'consent' }; // OpenID asks for it, SMART apps do not send it
      }
    }
    await next();
    if (ctx.path === ROUTES.token && ctx.body?.access_token) await this.#addContext(ctx);
    if (this.role.returnsAs !== undefined) this.#returnAs(ctx, this.role.returnsAs);
  }

  /** Let the browser return under the name of another authorization server, or of none. */
  #returnAs(ctx, issuer) {
    const location = ctx.response.get('location');
    if (!/[?&]code=/.test(location)) return;
    const url = new URL(location);
    url.searchParams.delete('iss');
    if (issuer) url.searchParams.set('iss', issuer);
    ctx.set('location', url.href);
  }

  /** Each launch is a sign-in of its own: two clinicians can share one browser. */
  #forgetSession({ req }) {
    const isSession = (cookie) => cookie.trim().startsWith(this.provider.cookieName('session'));
    const cookies = (req.headers.cookie ?? '').split(';');
    req.headers.cookie = cookies.filter((cookie) => !isSession(cookie)).join(';');
  }

  /** Where to send the browser when SMART's own parameters are wrong. */
  async #refusal({ client_id: id, redirect_uri: uri, aud, launch, state }) {
    const client = id && (await this.provider.Client.find(id));
    if (!client?.redirectUriAllowed(uri)) return undefined; // oidc-provider shows its own error page
    const isOurs = aud?.replace(/\/$/, '') === this.base;
    const isKnown = !launch || this.launches.find(launch);
    if (isOurs && isKnown) return undefined;
    const url = new URL(uri);
    url.searchParams.set('error', 'invalid_request');
    url.searchParams.set('error_description', isOurs ? 'unknown launch' : 'aud is not this FHIR server');
    if (state) url.searchParams.set('state', state);
    return url.href;
  }

  async #addContext(ctx) {
    const token = await this.provider.AccessToken.find(ctx.body.access_token);
    this.#issued.add(token.jti);
    ctx.body = { ...ctx.body, ...tokenParameters(this.launches.ofGrant(token.grantId)) };
  }
}

/** The document at .well-known/smart-configuration. */
export function smartConfiguration({ origin, imagingUrl }) {
  return {
    issuer: origin,
    jwks_uri: origin + ROUTES.jwks,
    authorization_endpoint: origin + ROUTES.authorization,
    token_endpoint: origin + ROUTES.token,
    introspection_endpoint: origin + ROUTES.introspection,
    revocation_endpoint: origin + ROUTES.revocation,
    grant_types_supported: ['authorization_code', 'refresh_token'],
    response_types_supported: ['code'],
    scopes_supported: LAUNCH_SCOPES.concat('patient/*.cruds', 'user/*.cruds'),
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION.slice(1),
    token_endpoint_auth_signing_alg_values_supported: SIGNING_ALGORITHMS,
    id_token_signing_alg_values_supported: ['RS256'],
    capabilities: [
      'launch-ehr', 'client-public', 'client-confidential-symmetric', 'client-confidential-asymmetric',
      'sso-openid-connect', 'context-banner', 'context-ehr-patient', 'context-ehr-encounter',
      'permission-patient', 'permission-user', 'permission-offline', 'permission-online',
      'permission-v1', 'permission-v2',
    ],
    ...(imagingUrl && {
      associated_endpoints: [{ url: imagingUrl, capabilities: ['smart-imaging-access-dicomweb'] }],
    }),
  };
}

function configuration({ base, clients, ttlS }) {
  return {
    clients: clients.map((client) => ({
      application_type: 'native', // http redirect addresses, on loopback only
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...client,
    })),
    scopes: ALL_SCOPES,
    claims: { openid: ['sub'], fhirUser: ['fhirUser'], profile: ['fhirUser'] },
    conformIdTokenClaims: false, // fhirUser goes into the id_token, as SMART wants it
    extraParams: ['launch', 'aud'],
    pkce: { required: () => true, methods: ['S256'] },
    clientAuthMethods: CLIENT_AUTHENTICATION,
    // The keys of a client are on loopback like everything here; the dispatcher refuses that.
    fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
    enabledJWA: { clientAuthSigningAlgValues: SIGNING_ALGORITHMS },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
    routes: ROUTES,
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (source.scopes.has('offline_access') || source.scopes.has('online_access')),
    ttl: {
      AccessToken: ttlS,
      AuthorizationCode: 60,
      IdToken: 300,
      Interaction: 600,
      Grant: HOUR_S,
      RefreshToken: HOUR_S,
      Session: HOUR_S,
    },
    findAccount: (ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, fhirUser: `${base}/${sub.replace('.', '/')}` }),
    }),
    // Every launch is a decision of its own: grants of earlier launches are not reused.
    loadExistingGrant: (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId && ctx.oidc.provider.Grant.find(grantId);
    },
  };
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'signing', use: 'sig', alg: 'RS256' };
}
