/**
 * Tokens of an outside issuer: another token server, or a build system that signs tokens for its jobs.
 * What such a token grants is all that its bearer may do; policies do not apply to it.
 */
import { errors, jwtVerify } from 'jose';
import type { TrustedIssuerConfig } from './config-types.ts';
import { AuthenticationBusyError } from './errors.ts';
import { readClaims, tokenError, type VerifiedToken } from './jwt.ts';
import {
  type KeySource,
  type KeySourceOptions,
  openCertificates,
  openKeySetFile,
  openRemoteKeySet,
  type TokenHeader,
} from './key-source.ts';

/** Signatures by a private key only: with a shared secret, whoever checks tokens could make them. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Seconds by which the issuer's clock may differ. */
const CLOCK_TOLERANCE = 30;

/** An issuer whose tokens are taken. */
export interface TrustedIssuer {
  readonly issuer: string;
  /**
   * Checks a token that names this issuer.
   * @throws AuthenticationError when it is forged, expired, not valid yet, or meant for others
   * @throws AuthenticationBusyError when the issuer's keys cannot be had now
   */
  verify(token: string, header: Partial<TokenHeader>): Promise<VerifiedToken>;
  close(): void;
}

function isUrl(text: string): boolean {
  return text.startsWith('https:') || text.startsWith('http:');
}

async function openSources(
  config: TrustedIssuerConfig,
  options: KeySourceOptions,
): Promise<KeySource[]> {
  const { jwks, certificates } = config;
  const sources: KeySource[] = [];
  try {
    // Files first: they answer at once, and a remote set may be down.
    if (certificates !== undefined) sources.push(await openCertificates(certificates, options));
    if (jwks !== undefined) {
      sources.push(
        isUrl(jwks)
          ? openRemoteKeySet(new URL(jwks), options)
          : await openKeySetFile(jwks, options),
      );
    }
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
  return sources;
}

/**
 * Begins to trust an issuer.
 * @param service - the audience that tokens must name when the configuration names none
 * @throws when it has no keys, or a file of them cannot be used
 */
export async function openTrustedIssuer(
  config: TrustedIssuerConfig,
  service: string,
  options: KeySourceOptions,
): Promise<TrustedIssuer> {
  const sources = await openSources(config, options);
  if (sources.length === 0) {
    throw new Error(
      `auth.token.trusted: issuer ${config.issuer} has neither jwks nor certificates`,
    );
  }
  const claims = {
    algorithms: ALGORITHMS,
    issuer: config.issuer,
    audience: config.audience ?? service,
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_TOLERANCE,
  };

  async function verify(token: string, header: TokenHeader): Promise<VerifiedToken> {
    let unavailable: AuthenticationBusyError | undefined;
    for (const source of sources) {
      try {
        for (const key of await source.candidates(header)) {
          try {
            const settings = { ...claims, currentDate: new Date(options.now()) };
            const { payload } = await jwtVerify(token, key, settings);
            return readClaims(payload);
          } catch (error) {
            // Another key may be the right one; any other failure has nothing to do with keys.
            if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw tokenError(error);
          }
        }
      } catch (error) {
        if (!(error instanceof AuthenticationBusyError)) throw error;
        unavailable = error;
      }
    }
    throw unavailable ?? tokenError(undefined);
  }

  return {
    issuer: config.issuer,
    async verify(token, header) {
      const { alg } = header;
      if (alg === undefined || !ALGORITHMS.includes(alg)) throw tokenError(undefined);
      return await verify(token, { ...header, alg });
    },
    close: () => {
      for (const source of sources) source.close();
    },
  };
}
